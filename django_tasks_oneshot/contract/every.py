from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Never
from zoneinfo import ZoneInfo

from ..compat import InvalidTask
from .schedule import EPOCH, Rule
from .walls import aware, first_instant, last_fixed, next_fixed, wall_time, zone_of

LONGEST_INTERVAL = timedelta(days=3650)
DAY = timedelta(days=1)
NOTHING = timedelta(0)
FIRST_ANCHOR, LAST_ANCHOR = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, init=False)
class Every(Rule):
    """Fires each time this long has passed, counted from ``anchor``, forwards and backwards. The parts are added up.

    ``anchor`` is an aware datetime, or a naive one (or ISO text) in ``timezone``; by default 1970-01-01 00:00.

    With a ``timezone`` (an IANA name), whole days are days of its calendar: they fire when the clock on the wall shows
    the anchor's time, whatever the clocks were changed in between. All else is time that passes. Without it, UTC.

    Raises ``InvalidTask`` for an interval that is not one second to ten years. For the other arguments see `Rule`.
    """

    interval: timedelta
    anchor: datetime | None = None
    timezone: str | None = None

    def __init__(
        self,
        *unnamed: Never,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        anchor: datetime | str | None = None,
        timezone: str | None = None,
        **options: Any,
    ) -> None:
        if unnamed:
            raise TypeError(f"Every() takes its interval by name; write {_by_name(unnamed[0])}.")
        if unknown := options.keys() - {each.name for each in fields(Rule)}:
            raise TypeError(f"Every() got an unexpected keyword argument {min(unknown)!r}")
        super().__init__(**options)
        try:
            interval = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidTask(f"Every(...) is not an interval ({error}); write Every(minutes=10).") from error
        if interval < timedelta(seconds=1):
            raise InvalidTask(f"Every(...) of {interval} is too short; write Every(seconds=1) or more.")
        if interval > LONGEST_INTERVAL:
            raise InvalidTask(f"Every(...) of {interval} is too long; write ten years or less.")
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "timezone", timezone)
        object.__setattr__(self, "anchor", _anchor(anchor, timezone))

    def __repr__(self) -> str:
        number, unit = _largest_unit(self.interval)
        return self.written(f"{unit}s={number}")

    def __str__(self) -> str:
        text = f"every {in_units(self.interval)}"
        if self.anchor is not None:
            text += f" from {self.anchor.isoformat(' ')}"
        return text if self.timezone is None else f"{text} ({self.timezone})"

    @property
    def zone_name(self) -> str:
        return self.timezone or "UTC"

    def next_after(self, instant: datetime) -> datetime:
        zone, times = self.calendar_zone, self._times
        return next_fixed(times, zone, instant) if zone else times.next_match(aware(instant))

    def last_before(self, instant: datetime) -> datetime:
        zone, times = self.calendar_zone, self._times
        return last_fixed(times, zone, instant) if zone else times.last_match(aware(instant))

    @property
    def calendar_zone(self) -> ZoneInfo | None:
        """The one by whose calendar days are counted, if they are."""
        return zone_of(self.timezone) if self.timezone and self.interval % DAY == NOTHING else None

    @property
    def start(self) -> datetime:
        """What the clock shows when it starts to count."""
        if self.anchor is None:
            return EPOCH.replace(tzinfo=None)
        return wall_time(zone_of(self.zone_name), self.anchor) if self.anchor.tzinfo else self.anchor

    @property
    def _times(self) -> _Multiples:
        if self.calendar_zone:
            return _Multiples(self.interval, self.start)
        if self.anchor is not None and self.anchor.tzinfo:  # of a time that is shown twice it says which one
            return _Multiples(self.interval, self.anchor.astimezone(UTC))
        return _Multiples(self.interval, first_instant(zone_of(self.zone_name), self.start))


@dataclass(frozen=True, slots=True)
class _Multiples:
    """Of an interval, before and after an origin: of wall times or of instants."""

    interval: timedelta
    origin: datetime

    def next_match(self, after: datetime) -> datetime:
        return self.last_match(after) + self.interval

    def last_match(self, until: datetime) -> datetime:
        return self.origin + (until - self.origin) // self.interval * self.interval


def in_units(interval: timedelta) -> str:
    """Such as "10 minutes", or "minute"."""
    number, unit = _largest_unit(interval)
    return unit if number == 1 else f"{number} {unit}s"


def _by_name(interval: object) -> str:
    if isinstance(interval, timedelta):
        number, unit = _largest_unit(interval)
        return f"Every({unit}s={number})"
    return f"Every(seconds={interval})" if isinstance(interval, int | float) else "Every(minutes=10)"


def _largest_unit(interval: timedelta) -> tuple[float, str]:
    """Of which it is a whole number."""
    seconds = interval.total_seconds()
    sizes = {"day": 86400, "hour": 3600, "minute": 60}
    unit = next((each for each, size in sizes.items() if seconds % size == 0), "second")
    count = seconds / sizes.get(unit, 1)
    return int(count) if count.is_integer() else count, unit


def _anchor(anchor: object, timezone: str | None) -> datetime | None:
    zone = None if timezone is None else zone_of(timezone)
    try:
        moment = datetime.fromisoformat(anchor) if isinstance(anchor, str) else anchor
        if moment is None:
            return None
        if not isinstance(moment, datetime):
            raise ValueError("it is not a datetime")
        if moment.tzinfo is None and zone is None:
            raise ValueError("it has no time zone, and there is no timezone= that says which is meant")
        if not FIRST_ANCHOR <= moment.replace(tzinfo=UTC) <= LAST_ANCHOR:
            raise ValueError("it is too far away")
    except ValueError as error:
        raise InvalidTask(
            f"anchor={anchor!r} is not an instant ({error}); write anchor=datetime(2026, 1, 1, 7, tzinfo=UTC), "
            "or anchor=datetime(2026, 1, 1, 7) with timezone='Europe/London'."
        ) from error
    return moment
