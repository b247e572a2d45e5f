"""When a task is due by itself: rules whose fire times are instants in UTC. No clock in here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from django.conf import settings

from ..compat import InvalidTask

if TYPE_CHECKING:
    from croniter import croniter

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_INTERVAL = timedelta(days=3650)
MACROS = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")


@runtime_checkable
class Rule(Protocol):
    """A schedule's rule. Two rules with the same ``str()`` have the same fire times."""

    def next_after(self, instant: datetime) -> datetime:
        """The first fire time after ``instant``."""

    def last_before(self, instant: datetime) -> datetime:
        """The newest fire time at or before ``instant``."""


@dataclass(frozen=True)
class Cron:
    """Fires by a crontab line: five fields, or ``@hourly`` to ``@yearly``. See crontab(5).

    ``timezone`` is an IANA name, by default the project's ``TIME_ZONE``. Raises ``InvalidTask`` for a line
    that cron would not take, that never fires, or a zone that is not known.
    """

    expression: str
    timezone: str | None = None

    def __post_init__(self) -> None:
        if self.timezone is not None:
            _zone(self.timezone)
        fields = self.expression.split() if isinstance(self.expression, str) else []
        if any(each[0] in "HhRr" for each in fields):
            raise InvalidTask(
                f"Cron({self.expression!r}) has H or R, which cron does not know; "
                "write the time itself, such as '17 4 * * *'."
            )
        if len(fields) != 5 and self.expression not in MACROS:
            raise InvalidTask(
                f"Cron({self.expression!r}) is not a crontab line; write five fields "
                f"(minute hour day month weekday), such as '0 7 * * mon-fri', or one of {', '.join(MACROS)}."
            )
        from croniter import CroniterBadDateError

        try:
            self._croniter(datetime(2000, 1, 1)).get_next(datetime)
        except CroniterBadDateError as error:
            raise InvalidTask(f"Cron({self.expression!r}) never fires; write a day that its months have.") from error
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise InvalidTask(
                f"Cron({self.expression!r}) is not a crontab line ({error}); write minute 0-59, hour 0-23, "
                "day 1-31, month 1-12 or jan-dec, weekday 0-7 or sun-sat."
            ) from error

    def __str__(self) -> str:
        return f"{self.expression} ({self.timezone or settings.TIME_ZONE})"

    def next_after(self, instant: datetime) -> datetime:
        return _utc(self._croniter(self._local(instant)).get_next(datetime))

    def last_before(self, instant: datetime) -> datetime:
        # Fire times are whole minutes and get_prev() excludes its start: second 30 makes it "at or before".
        start = self._local(instant.replace(second=30, microsecond=0))
        return _utc(self._croniter(start).get_prev(datetime))

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(_zone(self.timezone or settings.TIME_ZONE))

    def _croniter(self, start: datetime) -> croniter:
        # Imported here, for it is not small: a project without crons need not load it.
        from croniter import croniter

        return croniter(self.expression, start)


@dataclass(frozen=True, init=False)
class Every:
    """Fires each time this long has passed, counted from 1970-01-01 00:00 UTC. The parts are added up.

    Raises ``InvalidTask`` for an interval that is not one second to ten years.
    """

    interval: timedelta

    def __init__(
        self, *, weeks: float = 0, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        try:
            interval = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidTask(f"Every(...) is not an interval ({error}); write Every(minutes=10).") from error
        if interval < timedelta(seconds=1):
            raise InvalidTask(f"Every(...) of {interval} is too short; write Every(seconds=1) or more.")
        if interval > LONGEST_INTERVAL:
            raise InvalidTask(f"Every(...) of {interval} is too long; write ten years or less.")
        object.__setattr__(self, "interval", interval)

    def __str__(self) -> str:
        seconds = self.interval.total_seconds()
        sizes = {"day": 86400, "hour": 3600, "minute": 60}
        unit = next((each for each, size in sizes.items() if seconds % size == 0), "second")
        count = seconds / sizes.get(unit, 1)
        number = int(count) if count.is_integer() else count
        return f"every {number} {unit}{'' if number == 1 else 's'}"

    def next_after(self, instant: datetime) -> datetime:
        return self.last_before(instant) + self.interval

    def last_before(self, instant: datetime) -> datetime:
        return EPOCH + (instant - EPOCH) // self.interval * self.interval


def schedules(value: object) -> tuple[Rule, ...]:
    """``schedule=`` as a tuple of rules; raises ``InvalidTask`` for anything else."""
    rules = () if value is None else tuple(value) if isinstance(value, list | tuple) else (value,)
    for rule in rules:
        if isinstance(rule, type) or not isinstance(rule, Rule):  # a class has its instances' methods
            raise InvalidTask(
                f"schedule={rule!r} is not a rule; write schedule=Cron('0 7 * * *') or schedule=Every(minutes=10)."
            )
        if type(rule).__str__ is object.__str__:
            raise InvalidTask(f"schedule={rule!r} has no __str__, by which a changed rule is known; write one.")
    return rules


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError) as error:
        raise InvalidTask(
            f"timezone={name!r} is not a time zone; write an IANA name, such as timezone='Europe/London' "
            "(and pip install tzdata where the system has no time zones)."
        ) from error


def _utc(local: datetime) -> datetime:
    return local.astimezone(UTC)
