"""When a task is due by itself. Spelling of https://github.com/django/new-features/issues/181. No clock in here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal, get_args
from zlib import crc32

from ..compat import InvalidTask
from .exceptions import UnstorableValue
from .retry import Seconds, duration
from .values import json_value
from .walls import aware

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_MISSED = 100
LONGEST_NAME = 200  # characters

Missed = Literal["latest", "all", "skip"]
Overlap = Literal["allow", "skip"]


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """A rule has fire times, which are instants in UTC. Two with the same ``str()`` have the same.

    ``missed``: what becomes of fire times at which no run came: one task for the "latest" of them, one for each ("all",
    the newest ``max_missed`` of them, oldest first), or none ("skip").
    ``start_within``: seconds (or timedelta) after which a fire time is too late for its task to be enqueued.
    ``jitter``: seconds (or timedelta) up to which each fire time is put off, so that not all schedules of an hour come
    at once. How much that is, is always the same for a schedule: it comes from its name.
    ``overlap``: "skip" enqueues nothing while an earlier task of this schedule is unfinished.
    ``args``, ``kwargs``: what the task is enqueued with.
    ``name``: of the schedule. Without it, the import path of the task, and of its further schedules ``path#2``...

    Raises ``InvalidTask`` for what cannot be meant.
    """

    missed: Missed = "latest"
    max_missed: int | None = None
    start_within: Seconds | None = None
    jitter: Seconds = 0
    overlap: Overlap = "allow"
    args: Sequence[Any] = field(default=(), hash=False)
    kwargs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    name: str | None = None

    def __post_init__(self) -> None:
        _one_of("missed", self.missed, get_args(Missed))
        _one_of("overlap", self.overlap, get_args(Overlap))
        if self.missed == "all" and self.overlap == "skip":
            raise InvalidTask("missed='all' enqueues several at once, which overlap='skip' does not; leave one out.")
        if self.max_missed is not None:
            if self.missed != "all":
                raise InvalidTask(f"max_missed={self.max_missed!r} is for missed='all'; leave it out.")
            if type(self.max_missed) is not int or not 1 <= self.max_missed <= 1000:
                raise InvalidTask(f"max_missed={self.max_missed!r} is not a whole number from 1 to 1,000.")
        if self.start_within is not None:
            object.__setattr__(self, "start_within", duration("start_within", self.start_within))
            if not self.start_within:
                raise InvalidTask("start_within=0 is always over; write the seconds that a run may come late, or None.")
        object.__setattr__(self, "jitter", duration("jitter", self.jitter))
        _check_arguments(self.args, self.kwargs)
        if self.name is not None:
            check_name(self.name)

    @abstractmethod
    def __str__(self) -> str: ...

    def written(self, first: str) -> str:
        """For ``repr()``: with ``first``, and with those options that are not as they are by default."""
        said = [first]
        for each in sorted(fields(self), key=lambda each: each.kw_only is True):
            default = each.default if each.default_factory is MISSING else each.default_factory()
            value = getattr(self, each.name)
            if default is not MISSING and (value or None) != (default or None):
                said.append(f"{each.name}={value!r}")
        return f"{type(self).__name__}({', '.join(said)})"

    @property
    def zone_name(self) -> str:
        """The time zone that it is meant in."""
        return "UTC"

    @abstractmethod
    def next_after(self, instant: datetime) -> datetime:
        """The first fire time after ``instant``."""

    @abstractmethod
    def last_before(self, instant: datetime) -> datetime:
        """The newest fire time at or before ``instant``."""

    def fire_times(self, after: datetime, until: datetime, limit: int | None = None) -> list[datetime]:
        """Those after ``after`` and not after ``until``, ascending, at most ``limit``."""
        return list(islice(self._fire_times(after, until), limit))

    def _fire_times(self, after: datetime, until: datetime) -> Iterator[datetime]:
        found = self.next_after(after)
        while found <= aware(until):
            yield found
            found = self.next_after(found)

    def put_off(self, name: str) -> timedelta:
        """How long after its fire times a schedule of this name fires, by its ``jitter``."""
        jitter = duration("jitter", self.jitter)
        return timedelta(microseconds=int(jitter / timedelta.resolution * (crc32(name.encode()) / 2**32)))


def check_name(name: object) -> None:
    """Raises ``InvalidTask`` for what cannot be the name of a schedule."""
    if not (isinstance(name, str) and name.strip() and name.isprintable() and len(name) <= LONGEST_NAME):
        raise InvalidTask(f"{name!r:.300} is not a name of a schedule; write 1 to {LONGEST_NAME} printable characters.")


def schedules(value: object) -> tuple[Rule, ...]:
    """``schedule=`` as a tuple of rules; raises ``InvalidTask`` for anything else."""
    rules = () if value is None else tuple(value) if isinstance(value, list | tuple) else (value,)
    for rule in rules:
        if not isinstance(rule, Rule):
            raise InvalidTask(
                f"schedule={rule!r} is not a rule; write schedule=Cron('0 7 * * *') or schedule=Every(minutes=10)."
            )
    return rules


def _one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidTask(f"{name}={value!r} is not one of {', '.join(map(repr, choices))}.")


def _check_arguments(args: object, kwargs: object) -> None:
    if not isinstance(args, list | tuple):
        raise InvalidTask(f"args={args!r} is not a list or tuple; write args=[1] for a single argument.")
    if not isinstance(kwargs, Mapping) or not all(isinstance(each, str) for each in kwargs):
        raise InvalidTask(f"kwargs={kwargs!r} are not keyword arguments; write kwargs={{'name': 1}}.")
    try:
        json_value([list(args), dict(kwargs)])
    except UnstorableValue as error:
        raise InvalidTask(f"args and kwargs of a schedule: {error}") from error
