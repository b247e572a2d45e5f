"""Which of the fire times that have come a task is enqueued for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .retry import duration
from .schedule import MAX_MISSED, Rule
from .walls import TICK

ON_TIME = timedelta(minutes=15)  # a scheduler that comes every ten minutes, late, is on time
MOST_COUNTED = 1000  # of fire times that nothing is enqueued for


@dataclass(frozen=True)
class Fire:
    """A task is enqueued for this fire time, and for so many older ones besides (1,000: or more)."""

    at: datetime
    replaces: int = 0


@dataclass(frozen=True)
class Due:
    """Fire times that no task stands for are too late, or too many (1,000: or more)."""

    fires: Sequence[Fire] = ()  # ascending
    too_late: int = 0
    too_many: int = 0


def due_fires(rule: Rule, first: datetime, now: datetime) -> Due:
    """What to make of the fire times from ``first``, the oldest that is not dealt with, to ``now``."""
    if first > now:
        return Due()
    # Not before the first: with a new time zone database the rule may have moved in between.
    newest = max(first, rule.last_before(now))
    if rule.missed == "latest":
        fires, older = [Fire(newest, replaces=_count(rule, first, newest))], 0
    else:
        limit = 1 if rule.missed == "skip" else rule.max_missed or MAX_MISSED
        fires = [Fire(each) for each in _newest(rule, first, newest, limit)]
        older = _count(rule, first, fires[0].at)
    tolerance = _tolerance(rule)
    late = [each for each in fires if now - each.at > tolerance]
    too_late = sum(1 + each.replaces for each in late)
    if late or rule.missed == "skip":  # then the older ones are late, too
        return Due(fires[len(late) :], too_late=too_late + older)
    return Due(fires, too_many=older)


def _newest(rule: Rule, first: datetime, newest: datetime, limit: int) -> list[datetime]:
    found = [newest]
    while len(found) < limit and (older := rule.last_before(found[-1] - TICK)) >= first:
        found.append(older)
    return found[::-1]


def _count(rule: Rule, first: datetime, before: datetime) -> int:
    return len(rule.fire_times(first - TICK, before - TICK, limit=MOST_COUNTED))


def _tolerance(rule: Rule) -> timedelta:
    if rule.start_within is not None:
        return duration("start_within", rule.start_within)
    return ON_TIME if rule.missed == "skip" else timedelta.max
