"""Fire times by brute force: Debian cron's main loop, over every minute there was. Written from crontab(5) and cron(8).

It shares nothing with the package, so that both would have to be wrong in the same way.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
WEEKDAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}


class Job:
    """One line of a crontab. Takes lines that cron takes; what it makes of others is not defined."""

    def __init__(self, line: str) -> None:
        self.fields = MACROS.get(line, line).lower().split()
        minute, hour, day, month, weekday = self.fields
        self.minutes = numbers(minute, 0, 59)
        self.hours = numbers(hour, 0, 23)
        self.months = numbers(month, 1, 12, MONTHS)
        self.days = {each for item in day.split(",") if item != "l" for each in numbers(item, 1, 31)}
        self.last_day = "l" in day.split(",")
        self.weekdays = weekday.split(",")
        self.follows_the_clock = minute.startswith("*") or hour.startswith("*")
        self.either_day = not day.startswith("*") and not weekday.startswith("*")
        self.has_day = cache(self.has_day)

    def has_day(self, day: date) -> bool:
        last = monthrange(day.year, day.month)[1]
        by_month = day.day in self.days or (self.last_day and day.day == last)
        by_week = any(is_weekday(each, day, last) for each in self.weekdays)
        return day.month in self.months and (by_month or by_week if self.either_day else by_month and by_week)

    def has(self, wall: datetime) -> bool:
        return wall.minute in self.minutes and wall.hour in self.hours and self.has_day(wall.date())

    def ever_fires(self) -> bool:
        """Whether any of 28 years, which are every kind of year there is, has a day of this job's."""
        return any(self.has_day(date(2001, 1, 1) + DAY * each) for each in range(28 * 366))


def numbers(field: str, lowest: int, highest: int, names: dict[str, int] | None = None) -> set[int]:
    found = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = f"{lowest}-{highest}".partition("-") if span == "*" else span.partition("-")
        first, last = ((names or {}).get(each, each) for each in (first, last or first))
        found |= set(range(int(first), int(last) + 1, int(step or 1)))
    return found


def is_weekday(item: str, day: date, last: int) -> bool:
    """Whether the day is what one item of the weekday field says: ``mon-fri``, ``fri#2``, ``5L``."""
    nth = None
    if "#" in item:
        item, _, nth = item.partition("#")
    elif "l" in item:
        item, nth = item.replace("l", ""), "last"
    if day.isoweekday() % 7 not in {each % 7 for each in numbers(item, 0, 7, WEEKDAYS)}:
        return False
    if nth == "last":
        return day.day + 7 > last
    return nth is None or (day.day - 1) // 7 + 1 == int(nth)


@lru_cache(maxsize=256)
def walls_of(day: date, zone: str) -> list[tuple[datetime, datetime]]:
    """Each minute of a day in UTC, with what the clock on the wall shows in it."""
    first, tzinfo = datetime(day.year, day.month, day.day, tzinfo=UTC), ZoneInfo(zone)
    minutes = [first + MINUTE * each for each in range(24 * 60)]
    return [(each, each.astimezone(tzinfo).replace(tzinfo=None)) for each in minutes]


def walk(job: Job, zone: str, first: date, last: date) -> Iterator[datetime]:
    seen = None  # the latest wall time that fixed-time jobs were run for
    day = first
    while day <= last:
        # A wall clock is at most a day away from UTC and skips at most a day.
        if any(job.has_day(day + DAY * each) for each in range(-2, 3)):
            for instant, wall in walls_of(day, zone):
                due = seen is not None and is_due(job, wall, seen)
                seen = wall if seen is None else max(seen, wall)
                if due:
                    yield instant
        else:
            seen = None
        day += DAY


def is_due(job: Job, wall: datetime, seen: datetime) -> bool:
    if job.follows_the_clock:
        return job.has(wall)
    while seen < wall:  # one turn in almost every minute, more after a gap, none until an overlap is over
        seen += MINUTE
        if job.has(seen):
            return True
    return False


def fire_times(line: str, zone: str, after: datetime, until: datetime) -> list[datetime]:
    # Two days earlier, for whether a minute is in the second pass of an overlap.
    days = after.astimezone(UTC).date() - 2 * DAY, until.astimezone(UTC).date()
    return [each for each in walk(Job(line), zone, *days) if after < each <= until]


def first_at(wall: datetime, zone: str) -> datetime:
    """The first minute in which the clock on the wall shows this time, or has skipped it."""
    days = (wall.date() + DAY * each for each in range(-2, 3))
    return next(instant for day in days for instant, shown in walls_of(day, zone) if shown >= wall)


def every_days(days: int, anchor: datetime, zone: str, after: datetime, until: datetime) -> list[datetime]:
    """Each so many days at the wall time of the anchor, which is naive."""
    away = (after.astimezone(UTC).replace(tzinfo=None) - anchor).days
    near = range(away - 3, away + (until - after).days + 5)
    walls = [anchor + DAY * each for each in near if each % days == 0]
    return sorted({each for wall in walls if after < (each := first_at(wall, zone)) <= until})
