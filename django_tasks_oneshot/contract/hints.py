"""What in a crontab line was probably not meant so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .crontab import LENGTHS, MACROS, Crontab, parse
from .english import MONTHS, NTH, WEEKDAYS, ordinal, runs


@dataclass(frozen=True)
class _Scale:
    """What a field counts."""

    say: Callable[[int], str]
    size: int | None  # how many are a round; None: it differs
    rounds: str
    unit: str | None = None  # its argument of Every


_SCALES = (
    _Scale("minute {}".format, 60, "each hour", "minutes"),
    _Scale("hour {}".format, 24, "each day", "hours"),
    _Scale("day {}".format, None, "most months", "days"),
    _Scale(lambda month: MONTHS[month - 1], 12, "each year"),
    _Scale(lambda weekday: WEEKDAYS[weekday - 1], 7, "each week", "days"),
)


def hints(line: str) -> Iterator[str]:
    """Sentences, which say what to write instead where it is sure to be that."""
    crontab, fields = parse(line), MACROS.get(line, line).split()
    both_days = len(crontab.days) < 31 and len(crontab.weekdays) < 7
    read = (crontab.minutes, crontab.hours, crontab.days, crontab.months, crontab.weekdays)
    for place, (values, scale) in enumerate(zip(read, _SCALES, strict=True)):
        if not (both_days and scale.unit == "days"):
            yield from _of_step(fields, place, values, scale)
    hours = sorted(crontab.hours)
    if fields[0] == "*" and len(runs(hours)) == len(hours):
        yield "A star as the minute is every minute of the hour; to fire once an hour, write 0."
    yield from _of_either_day(crontab) if both_days else _of_shorter_months(crontab)


def _of_step(fields: list[str], place: int, values: frozenset[int], scale: _Scale) -> Iterator[str]:
    field = fields[place]
    match = re.fullmatch(r"(\*|\w+-\w+)/(\d+)", field)
    starred, step = bool(match and match[1] == "*"), int(match[2]) if match else 1
    if step == 1 or (starred and scale.size and scale.size % step == 0):
        return
    if len(values) == 1:
        yield f"{field} is {scale.say(min(values))} only, as its step is longer than its range."
    elif starred and not (place < 3 and fields[place + 1].isdecimal()):
        yield f"The last gap of {scale.rounds} is shorter, as {field} begins anew with the next."
    else:
        return
    if scale.unit and _is_all(fields, place):
        counted = " with its anchor and timezone" if scale.unit == "days" else ""
        yield f"For one every {step} {scale.unit} write Every({scale.unit}={step}){counted}."


def _is_all(fields: list[str], place: int) -> bool:
    """Whether the other fields leave everything to this one."""
    finer, others = fields[: min(place, 2)], fields[min(place, 2) :]
    once = all(each.isdecimal() for each in finer) if place > 1 else set(finer) <= {"0"}
    return once and others.count("*") == len(others) - 1


def _of_either_day(crontab: Crontab) -> Iterator[str]:
    nth, rest = divmod(min(crontab.days, default=0) + 6, 7)
    is_week = rest == 0 and crontab.days == frozenset(range(nth * 7 - 6, nth * 7 + 1))
    if crontab.either_day and is_week and len(crontab.weekdays) == 1 and not crontab.last_day:
        weekday = WEEKDAYS[min(crontab.weekdays) - 1]
        yield f"For the {NTH[nth]} {weekday} of the month write {weekday[:3].lower()}#{nth}."


def _of_shorter_months(crontab: Crontab) -> Iterator[str]:
    first_day = min(crontab.days, default=1)
    if crontab.last_day or first_day <= min(min(LENGTHS[each]) for each in crontab.months):
        return
    if crontab.months == {2}:
        yield "Only leap years have a 29th of February."
    else:
        yield f"Months without a {ordinal(first_day)} are left out; for the last day of each month write L."
