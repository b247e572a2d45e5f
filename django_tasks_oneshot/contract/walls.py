"""Between instants in UTC and the clock on the wall of a time zone, which is now and then set forward or back.

Wall times are naive datetimes. A change of the clocks skips some of them, or repeats some: a first and a second pass.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from ..compat import InvalidTask

TICK = timedelta.resolution
MOST_SKIPPED = 100  # changes of the clock, one after the other: as many years


class WallTimes(Protocol):
    """Any number of wall times."""

    def next_match(self, wall: datetime) -> datetime:
        """The first after ``wall``."""

    def last_match(self, wall: datetime) -> datetime:
        """The newest at or before ``wall``."""


def zone_of(name: str) -> ZoneInfo:
    """Raises ``InvalidTask`` for what is no IANA name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError) as error:
        raise InvalidTask(
            f"timezone={name!r} is not a time zone; write an IANA name, such as timezone='Europe/London' "
            "(and pip install tzdata where the system has no time zones)."
        ) from error


@dataclass(frozen=True, slots=True)
class ClockChange:
    at: datetime  # the instant
    before: datetime  # the wall time at which the clock is set,
    after: datetime  # and the one to which it is set

    def skips(self, wall: datetime) -> bool:
        return self.before <= wall < self.after


def change_at(zone: ZoneInfo, wall: datetime) -> ClockChange | None:
    """The change of the clocks that skips or repeats ``wall``, if one does."""
    whole = wall.replace(microsecond=0)
    before, after = _offset(zone, whole, fold=0), _offset(zone, whole, fold=1)  # PEP 495
    if before == after:
        return None
    earliest = whole - max(before, after)
    between = range(abs(before - after) // timedelta(seconds=1))
    passed = bisect_left(between, True, key=lambda seconds: _has(zone, after, earliest + timedelta(seconds=seconds)))
    at = earliest + timedelta(seconds=passed)
    return ClockChange(at=at.replace(tzinfo=UTC), before=at + before, after=at + after)


def next_fixed(times: WallTimes, zone: ZoneInfo, instant: datetime) -> datetime:
    """The first after ``instant`` where each time is meant once: as `first_instant` has it."""
    return first_instant(zone, times.next_match(_reached(zone, instant)))


def last_fixed(times: WallTimes, zone: ZoneInfo, instant: datetime) -> datetime:
    return first_instant(zone, times.last_match(_reached(zone, instant)))


def next_shown(times: WallTimes, zone: ZoneInfo, instant: datetime) -> datetime:
    """The first after ``instant`` at which the clock shows one of ``times``, which may be never or twice."""
    wall = wall_time(zone, instant)
    later = _shown(times.next_match, zone, wall, past=lambda change: change.after)
    found = [each for each in _passes(zone, later) if each > instant]
    repeating = change_at(zone, wall)
    if repeating and instant < repeating.at:  # in the first pass: the second comes before what is after both
        again = times.next_match(repeating.after - TICK)
        if again < repeating.before:
            found.append(repeating.at + (again - repeating.after))
    return min(found)


def last_shown(times: WallTimes, zone: ZoneInfo, instant: datetime) -> datetime:
    """The newest at or before ``instant`` at which the clock shows one of ``times``."""
    wall = wall_time(zone, instant)
    earlier = _shown(times.last_match, zone, wall, past=lambda change: change.before)
    found = [each for each in _passes(zone, earlier) if each <= instant]
    repeating = change_at(zone, wall)
    if repeating and instant >= repeating.at:  # in the second pass: all of the first one is before it
        again = times.last_match(repeating.before - TICK)
        if again >= repeating.after:
            found.append(repeating.at - (repeating.before - again))
    return max(found)


def _shown(
    match: Callable[[datetime], datetime], zone: ZoneInfo, wall: datetime, past: Callable[[ClockChange], datetime]
) -> datetime:
    """The first match from ``wall`` on, in its direction, that the clock shows."""
    for _ in range(MOST_SKIPPED):
        found = match(wall)
        change = change_at(zone, found)
        if change is None or not change.skips(found):
            return found
        wall = past(change) - TICK
    raise InvalidTask(f"it never fires: the clock of {zone.key} skips each of its times; write another hour.")


def first_instant(zone: ZoneInfo, wall: datetime) -> datetime:
    """When the clock shows ``wall``: in the first pass, if it does twice; when it is set, if it is set past it."""
    change = change_at(zone, wall)
    if change and change.skips(wall):
        return change.at
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def wall_time(zone: ZoneInfo, instant: datetime) -> datetime:
    return aware(instant).astimezone(zone).replace(tzinfo=None, fold=0)


def aware(instant: datetime) -> datetime:
    """Raises ``ValueError`` for a naive one."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} is not an instant; give it a time zone, such as tzinfo=UTC.")
    return instant


def _reached(zone: ZoneInfo, instant: datetime) -> datetime:
    """The latest wall time that the clock has shown by then: in a second pass, the end of the first."""
    wall = wall_time(zone, instant)
    repeating = change_at(zone, wall)
    return repeating.before - TICK if repeating and instant >= repeating.at else wall


def _passes(zone: ZoneInfo, wall: datetime) -> list[datetime]:
    return [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]


def _offset(zone: ZoneInfo, wall: datetime, fold: int) -> timedelta:
    offset = wall.replace(tzinfo=zone, fold=fold).utcoffset()
    assert offset is not None  # noqa: S101 - a ZoneInfo always has one
    return offset


def _has(zone: ZoneInfo, offset: timedelta, utc: datetime) -> bool:
    return utc.replace(tzinfo=UTC).astimezone(zone).utcoffset() == offset
