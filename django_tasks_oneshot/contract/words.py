"""What a rule means, in English."""

from __future__ import annotations

from collections.abc import Iterator

from .cron import Cron
from .crontab import LAST, Crontab, parse
from .english import MONTHS, NTH, WEEKDAYS, even_gap, every, in_steps, listed, numbered, ordinal, ranges, runs
from .every import Every, in_units
from .hints import hints
from .schedule import Rule

ONCE = "Where the clocks change, skipped times fire as one, at the change, and repeated ones in the first pass only."
SHOWN = "Where the clocks change, it goes by what they show: skipped times do not fire, repeated ones fire twice."
ELAPSED = "Where the clocks change, it does not follow them: its times of the day shift."
UNCHANGED = ("UTC", "Etc/UTC")


def in_words(rule: Rule) -> str:
    """Some sentences: when it fires, what becomes of that where clocks change, and what may not have been meant."""
    if isinstance(rule, Cron):
        return " ".join(_of_cron(parse(rule.expression), rule.expression, rule.zone_name))
    return " ".join(_of_every(rule)) if isinstance(rule, Every) else str(rule)


def _of_cron(crontab: Crontab, line: str, zone: str) -> Iterator[str]:
    yield f"{_times(crontab)}{_dates(crontab)}, in {zone}."
    if zone not in UNCHANGED:
        yield SHOWN if crontab.follows_clock else ONCE
    yield from hints(line)


def _of_every(rule: Every) -> Iterator[str]:
    zone, start = rule.zone_name, rule.start
    time = start.time().isoformat("auto" if start.second or start.microsecond else "minutes")
    interval = in_units(rule.interval)
    if rule.calendar_zone:
        yield f"Every {interval} at {time}, counted from {start:%Y-%m-%d}, in {zone}."
    else:
        yield f"Every {interval} of elapsed time, counted from {start:%Y-%m-%d} {time} in {zone}."
    if zone not in UNCHANGED:
        yield ONCE if rule.calendar_zone else ELAPSED


def _times(crontab: Crontab) -> str:
    minutes, hours = sorted(crontab.minutes), sorted(crontab.hours)
    if len(minutes) * len(hours) <= 4:
        return "At " + listed([f"{hour:02}:{minute:02}" for hour in hours for minute in minutes])
    hours_apart, minutes_apart = even_gap(hours), even_gap(minutes)
    if len(minutes) == 1 and len(hours) < 24 and hours_apart:
        return f"{every(hours_apart, 'hour')} from {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[0]:02}"
    of_hours = "every hour" if len(hours) == 24 else numbered("hour", hours)
    if minutes[0] > 0 or not minutes_apart or minutes_apart * len(minutes) != 60:
        return f"At {numbered('minute', minutes)} of {of_hours}"
    if len(hours) == 24:
        return every(minutes_apart, "minute")
    spans = [f"from {first:02}:00 to {last:02}:{minutes[-1]}" for first, last in runs(hours)]
    return f"{every(minutes_apart, 'minute')} {listed(spans) if len(spans) <= 3 else f'of {of_hours}'}"


def _dates(crontab: Crontab) -> str:
    dates = _days(crontab)
    if len(crontab.months) < 12:
        months = listed([MONTHS[each - 1] for each in sorted(crontab.months)])
        dates = [each.replace("the month", months) if "the month" in each else f"{each} in {months}" for each in dates]
    elif dates == ["every day"] and len(crontab.hours) == 24:
        return ""
    return f" {listed(dates)}"


def _days(crontab: Crontab) -> list[str]:
    by_day, by_weekday = len(crontab.days) < 31, len(crontab.weekdays) < 7
    if crontab.either_day:
        return [_on_days(crontab), *_on_weekdays(crontab)] if by_day and by_weekday else ["every day"]
    if by_day and by_weekday:
        return [f"{_on_days(crontab)} where that is {_any_weekday(crontab)}"]
    if by_day:
        return [_on_days(crontab)]
    return _on_weekdays(crontab) if by_weekday else ["every day"]


def _on_days(crontab: Crontab) -> str:
    days = sorted(crontab.days)
    steps = in_steps("day", days, lambda day: f"the {ordinal(day)}")
    if steps and not crontab.last_day:
        return f"on {steps} of the month"
    dates = ranges(days, ordinal) + ["the last day"] * crontab.last_day
    return f"on {'the ' if days else ''}{listed(dates)} of the month"


def _on_weekdays(crontab: Crontab) -> list[str]:
    weekdays, nth = _from_monday(crontab), _nth_weekdays(crontab)
    if crontab.either_day:
        names = "on every " + listed([WEEKDAYS[each] for each in weekdays])
    else:
        said = ranges(weekdays, WEEKDAYS.__getitem__)
        spans, single = [each for each in said if " to " in each], [f"{each}s" for each in said if " to " not in each]
        names = listed(spans + [f"on {listed(single)}"] * bool(single))
    return [names] * bool(weekdays) + [f"on {listed(nth)} of the month"] * bool(nth)


def _any_weekday(crontab: Crontab) -> str:
    return listed([f"a {WEEKDAYS[each]}" for each in _from_monday(crontab)] + _nth_weekdays(crontab), "or")


def _from_monday(crontab: Crontab) -> list[int]:
    return sorted((each - 1) % 7 for each in crontab.weekdays)


def _nth_weekdays(crontab: Crontab) -> list[str]:
    found = sorted(crontab.nth_weekdays, key=lambda each: (each[0], each[1] == LAST, each[1]))
    return [f"the {NTH[nth]} {WEEKDAYS[weekday - 1]}" for weekday, nth in found]
