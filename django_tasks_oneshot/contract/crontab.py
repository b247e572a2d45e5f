"""The five fields of a crontab line: what they may say, and which wall times they match. See crontab(5) of Debian.

croniter reads the fields. It does not match them: it has other rules than cron where day and weekday are both given,
and where the clocks change. What it takes beyond cron's syntax is refused before it sees it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import count, product

from ..compat import InvalidTask

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
LONGEST_LINE = 200  # characters
#: How many days each month may have.
LENGTHS = dict.fromkeys(range(1, 13), (31,)) | {2: (28, 29), 4: (30,), 6: (30,), 9: (30,), 11: (30,)}
LAST = 0  # of a month: how many-th a weekday is that comes no more in it

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_WEEKDAYS = {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_FIELDS: tuple[tuple[range, dict[str, int]], ...] = (
    (range(60), {}),
    (range(24), {}),
    (range(1, 32), {}),
    (range(1, 13), _MONTHS),
    (range(7), _WEEKDAYS),
)
_ANY_WEEKDAY = range(8)  # 7 is Sunday, too
_ITEM = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", re.ASCII)
_NTH_WEEKDAY = re.compile(r"(?P<nth_of>\w+)#(?P<nth>[1-5])|l(?P<last_of>\w+)|(?P<last>\w+)l", re.ASCII | re.I)
_FIVE_FIELDS = "five fields (minute hour day month weekday)"
_SIXTH = rf"(?:[\d*?]|(?:{'|'.join(_WEEKDAYS)}|l)\b)\S*"
_OF_OTHERS = (  # what other programs take, and what to write for it
    (r"\s*@every\b", "write Every(...), such as Every(minutes=5)"),
    (r"\s*(?:CRON_)?TZ=([\w/+-]+)", rf"write {_FIVE_FIELDS}, and beside them timezone='\1'"),
    (
        rf"(?i)\s*(?:\S+\s+){{5}}{_SIXTH}(?:\s+[\d*]\S*)?\s*$",
        f"write {_FIVE_FIELDS}; leave out the seconds (and years)",
    ),
    (rf"\s*({'|'.join(MACROS)})\s", r"write only \1, without a command"),
    (r"\s*[\d*]\S*(?:\s+\S+){5}", f"write only the {_FIVE_FIELDS}, without a command"),
)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Crontab:
    """What a line says."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    last_day: bool  # of the month, whatever it is
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    nth_weekdays: frozenset[tuple[int, int]]  # a weekday, and the how many-th of its month
    either_day: bool  # the day or the weekday has to match; otherwise both
    follows_clock: bool  # it is for all that the clock shows, not for times that are meant once

    @cached_property
    def matches(self) -> Matches:
        times = tuple(hour * 60 + minute for hour, minute in product(sorted(self.hours), sorted(self.minutes)))
        kinds = product(range(7), range(28, 32))
        return Matches(times, self.months, {kind: tuple(self._days(*kind)) for kind in kinds})

    def _days(self, first: int, length: int) -> Iterator[int]:
        """The matching days of a month that begins with this weekday (0 is Monday, as in ``calendar``)."""
        for day in range(1, length + 1):
            weekday = (first + day) % 7
            by_day = day in self.days or (self.last_day and day == length)
            by_weekday = (
                weekday in self.weekdays
                or (weekday, (day + 6) // 7) in self.nth_weekdays
                or (day + 7 > length and (weekday, LAST) in self.nth_weekdays)
            )
            if (by_day or by_weekday) if self.either_day else (by_day and by_weekday):
                yield day


@dataclass(frozen=True, slots=True)
class Matches:
    """The wall times of a crontab line."""

    times: tuple[int, ...]  # minutes since midnight, ascending
    months: frozenset[int]
    days: dict[tuple[int, int], tuple[int, ...]]  # by the first weekday and the length of a month

    def any(self) -> bool:
        """Every month comes with every first weekday and each of its lengths, within 40 years."""
        return any(
            self.days[first, length] for month in self.months for first, length in product(range(7), LENGTHS[month])
        )

    def next_match(self, wall: datetime) -> datetime:
        """The first after ``wall``."""
        start = wall.replace(second=0, microsecond=0) + _MINUTE
        position = bisect_left(self.times, start.hour * 60 + start.minute)
        if position < len(self.times) and self._has_day(start):
            return _at(start, self.times[position])
        return _at(self._nearest_day(start, 1), self.times[0])

    def last_match(self, wall: datetime) -> datetime:
        """The newest at or before ``wall``."""
        position = bisect_right(self.times, wall.hour * 60 + wall.minute)
        if position > 0 and self._has_day(wall):
            return _at(wall, self.times[position - 1])
        return _at(self._nearest_day(wall, -1), self.times[-1])

    def _has_day(self, day: date) -> bool:
        return day.month in self.months and day.day in self.days[monthrange(day.year, day.month)]

    def _nearest_day(self, day: date, step: int) -> date:
        """The first after ``day`` (step 1), or the last before it (-1)."""
        today = day.day
        for number in count(day.year * 12 + day.month - 1, step):
            year, month = number // 12, number % 12 + 1
            if month in self.months:
                for each in self.days[monthrange(year, month)][::step]:
                    if (each - today) * step > 0:
                        return date(year, month, each)
            today = 0 if step > 0 else 32
        raise AssertionError("count() does not end")


def parse(line: object) -> Crontab:
    """Raises ``InvalidTask`` for what cron would not take, and for what never fires."""
    if isinstance(line, str) and len(line) > LONGEST_LINE:
        raise InvalidTask(f"Cron('{line:.50}...') is too long; write at most {LONGEST_LINE} characters.")
    if not isinstance(line, str) or (line not in MACROS and len(line.split()) != 5):
        raise InvalidTask(f"Cron({line!r:.{LONGEST_LINE}}) is not a crontab line; {_instead(line)}.")
    return _parse(line)


def _instead(line: object) -> str:
    """What to write."""
    if isinstance(line, str):
        if line.strip().lower() in MACROS:
            return f"write {line.strip().lower()!r}"
        for pattern, instead in _OF_OTHERS:
            if match := re.match(pattern, line):
                return match.expand(instead)
    return f"write {_FIVE_FIELDS}, such as '0 7 * * mon-fri', or one of {', '.join(MACROS)}"


@lru_cache(maxsize=1024)
def _parse(line: str) -> Crontab:
    try:
        crontab = _crontab([each.split(",") for each in MACROS.get(line, line).split()])
    except ValueError as error:
        raise InvalidTask(
            f"Cron({line!r}) is not a crontab line ({error}); write minute 0-59, hour 0-23, "
            "day 1-31 or L, month 1-12 or jan-dec, weekday 0-7, sun-sat, fri#2 or friL."
        ) from error
    if not crontab.matches.any():
        raise InvalidTask(f"Cron({line!r}) never fires: none of its months has such a day; write one that they have.")
    return crontab


def _crontab(fields: list[list[str]]) -> Crontab:
    from croniter import croniter  # here, for it is not small: a project without crons need not load it

    starred = [items[0].startswith("*") for items in fields]
    nth_weekdays = {each: _nth_weekday(each) for each in fields[4]}
    fields[4] = [each for each, nth in nth_weekdays.items() if nth is None]
    last_day = any(each in ("l", "L") for each in fields[2])
    fields[2] = [each for each in fields[2] if each not in ("l", "L")]
    plain = [
        ",".join(_spelled_out(each, *field) for each in items) for items, field in zip(fields, _FIELDS, strict=True)
    ]
    read, _ = croniter.expand(" ".join(each or "*" for each in plain))
    minutes, hours, days, months, weekdays = (
        frozenset(whole if "*" in values else values) if items else frozenset()
        for items, values, (whole, _) in zip(plain, read, _FIELDS, strict=True)
    )
    return Crontab(
        minutes=minutes,
        hours=hours,
        days=days,
        last_day=last_day,
        months=months,
        weekdays=weekdays,
        nth_weekdays=frozenset(each for each in nth_weekdays.values() if each is not None),
        either_day=not (starred[2] or starred[4]),
        follows_clock=starred[0] or starred[1],
    )


def _nth_weekday(item: str) -> tuple[int, int] | None:
    """What ``fri#2`` or ``friL`` says; ``None`` for an item of another form."""
    match = _NTH_WEEKDAY.fullmatch(item)
    if match is None:
        return None
    weekday = _value(match["nth_of"] or match["last_of"] or match["last"], _ANY_WEEKDAY, _WEEKDAYS)
    return weekday % 7, int(match["nth"] or LAST)


def _spelled_out(item: str, whole: range, names: dict[str, int]) -> str:
    """An item as croniter reads it like cron; raises ``ValueError`` for one that cron would not take."""
    if item == "?":
        raise ValueError("write * for ?")
    match = _ITEM.fullmatch(item)
    if match is None or (item.startswith("*") and match[2]):
        raise ValueError(f"{item!r} is not a star, a value or a range")
    first, last, step = match.groups()
    if step is not None and int(step) == 0:
        raise ValueError(f"{item!r} has a step of 0")
    if first == "*":
        return item
    within = _ANY_WEEKDAY if names is _WEEKDAYS else whole
    start, end = _value(first, within, names), _value(last or first, within, names)
    if start > end:
        raise ValueError(f"{item!r} goes backwards; write {_range(start, whole[-1])},{_range(whole[0], end)}")
    if step is not None and last is None:
        raise ValueError(f"{item!r} has a step and no range; write {start}-{whole[-1]}/{step}")
    # Of a single value croniter makes a whole round: 5-5 would be all.
    return _range(start, end) + (f"/{step}" if step and start < end else "")


def _range(start: int, end: int) -> str:
    return str(start) if start == end else f"{start}-{end}"


def _value(text: str, within: range, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not text.isdecimal():
        raise ValueError(f"{text!r} is not a number" + (f" and not one of {', '.join(names)}" if names else ""))
    if int(text) not in within:
        raise ValueError(f"{text!r} is not from {within[0]} to {within[-1]}")
    return int(text)


def _at(day: date, minutes: int) -> datetime:
    return datetime(day.year, day.month, day.day, *divmod(minutes, 60))
