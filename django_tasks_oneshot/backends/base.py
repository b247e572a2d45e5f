"""What a run needs of a store, beyond Django's ``enqueue`` and ``get_result``."""

from __future__ import annotations

import math
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, ParamSpec, TypeAlias, TypeVar, cast

from django.apps import apps
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from ..compat import AnyResult, AnyTask, BaseTaskBackend, InvalidTask, Task, TaskError, TaskResult
from ..contract.exceptions import TaskInterrupted
from ..contract.missed import Fire
from ..contract.progress import Checkpoint
from ..contract.retry import INTERRUPTED, duration
from ..contract.task import Policy, with_policy

P = ParamSpec("P")
R = TypeVar("R")

SHORTEST_LEASE = timedelta(seconds=1)
LONGEST_EXCEPTION_PATH = 500  # characters of an error's class path that a store keeps
#: The error of an attempt whose run did not come back.
KILLED = TaskError(
    exception_class_path=INTERRUPTED,
    traceback="".join(traceback.format_exception_only(TaskInterrupted("killed"))),
)


@dataclass(kw_only=True)
class Claim:
    """A task taken by a run. Only who holds its token may write to it."""

    id: str
    path: str
    token: str
    load: Callable[[], AnyResult]
    interruptions: int = 0  # attempts in a row that were interrupted
    rescued: bool = False  # from a run that did not come back
    checkpoint: Checkpoint = field(default_factory=Checkpoint)  # how far the task has come; kept with the outcome
    fire: Fire | None = None  # the fire time of a schedule that the task stands for
    #: Raises ``UnstorableValue`` where its store cannot keep the checkpoint, which is then what it was before.
    check_checkpoint: Callable[[], None] = lambda: None
    state: Any = None  # the store's own

    def __post_init__(self) -> None:
        self._began_at = self.written = self.checkpoint.as_json()  # written: what is durable

    @property
    def has_come_further(self) -> bool:
        """Than the attempts before this one."""
        return self.checkpoint.as_json() != self._began_at

    @cached_property
    def result(self) -> AnyResult:
        """As the task sees it; updated while the claim is worked on.

        This imports the task's module. A run asks for it when the attempt has begun, so that an import that
        kills the process counts as an interruption of this task and of no other.
        """
        return self.load()


def update_result(result: AnyResult, **changes: Any) -> None:
    """Writes to a task result, which is frozen for everybody but its backend."""
    for name, value in changes.items():
        object.__setattr__(result, name, value)


@dataclass(frozen=True, kw_only=True)
class Succeeded:
    ended_at: datetime
    return_value: Any


@dataclass(frozen=True, kw_only=True)
class Failed:
    """It will not be tried again."""

    ended_at: datetime
    error: TaskError


@dataclass(frozen=True, kw_only=True)
class RetryLater:
    ended_at: datetime
    error: TaskError
    delay: timedelta


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """It neither succeeded nor failed, and is due again at once."""

    ended_at: datetime
    error: TaskError


@dataclass(frozen=True, kw_only=True)
class Continued:
    """It did a part of its work, and goes on from its checkpoint."""

    ended_at: datetime
    delay: timedelta


#: What `OneshotBackend.enqueue_many` takes: a task, its arguments and its keyword arguments.
Call: TypeAlias = tuple[AnyTask, Sequence[Any], Mapping[str, Any]]

Outcome = Succeeded | Failed | RetryLater | Interrupted | Continued


@dataclass(frozen=True, kw_only=True)
class Recorded:
    kept: bool  # False: the lease was lost, and with it the outcome
    started: bool  # whether the next claim may be executed


@dataclass(frozen=True, kw_only=True)
class Duration:
    """How long a task usually takes, to tell whether it fits into what is left of a run."""

    seconds: float
    continues: bool = False  # over several runs: ``seconds`` are those that it needs to come any further
    passed_over: bool = False  # a run had too little time left for it: the next one starts with it


@dataclass(frozen=True, kw_only=True)
class DueTask:
    """A task that is due, as ``--dry-run`` shows it."""

    id: str
    path: str
    queue_name: str
    priority: int
    due_at: datetime


class StoreUnavailable(Exception):
    """What a store of tasks that is no database says when it cannot be reached, or refuses."""


@dataclass(frozen=True, kw_only=True)
class Claimant:
    """A run, as its store sees it."""

    worker_id: str
    queues: Collection[str] = ()  # that it claims from; none means all
    lease: Callable[[], timedelta] | None = None  # how long one that begins now is to last; None: as OPTIONS say
    remaining: Callable[[], float] = lambda: math.inf  # seconds until it claims nothing any more
    #: Messages that its host has received for it: it executes what they stand for, and nothing else.
    deliveries: Sequence[Any] | None = None


class Store(ABC):
    """The tasks of one backend during one run. All times are by the store's own clock.

    What its database refuses it tries again: claims for seconds, outcomes for as long as a lease. What it
    raises then ends the run; nothing is lost by that.
    """

    #: Aliases of the databases that it works in: the run keeps their connections apart from its tasks'.
    databases: frozenset[str] = frozenset()
    #: What a started claim is leased for at least, until it is extended. None: for a whole lease.
    first_lease: timedelta | None = None

    def __init__(self, backend: OneshotBackend, claimant: Claimant) -> None:
        self.backend = backend
        self.worker_id = claimant.worker_id
        self.queues = claimant.queues
        self.lease = claimant.lease or (lambda: backend.lease)
        self.remaining = claimant.remaining

    @abstractmethod
    def claim(
        self, limit: int, *, only: Collection[str] | None = None, leaving: Collection[str] = ()
    ) -> Sequence[Claim]:
        """Takes at most ``limit`` due tasks, the most urgent first, and starts the first of them.

        ``only`` and ``leaving`` are paths of tasks: nothing else is taken, and these are left for another run.

        The others are held for seconds only, until `record` starts them: behind a slow task they fall to
        another run. A task whose run did not come back is due again when its lease ends: rescue *is* claiming.
        """

    @abstractmethod
    def record(self, claim: Claim, outcome: Outcome, *, start: Claim | None) -> Recorded:
        """Writes how an attempt ended and how far the task has come, and starts the next claim, in one commit."""

    @abstractmethod
    def checkpoint(self, claim: Claim) -> bool:
        """Makes durable how far the task of a started claim has come, and renews its lease; ``False``: it was lost.

        Further than its attempts before means that its interruptions are counted anew.
        """

    @abstractmethod
    def release(self, claims: Iterable[Claim]) -> None:
        """Gives claims back that were not executed, started or not, as they were. Nothing is spent."""

    @abstractmethod
    def extend(self, claim: Claim) -> bool:
        """Renews the lease of a started claim; ``False``: it was lost. Called from a thread of its own."""

    def dispatch(self) -> int:
        """Hands due tasks to others who execute them, where that was asked for; returns how many."""
        return 0

    def flush(self) -> None:  # noqa: B027 - most write at once
        """Writes what `record` has put off for a moment. Called from other threads, too."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """The run is over: gives back what was handed to it and not claimed."""

    @abstractmethod
    def due(self, limit: int) -> Sequence[DueTask]:
        """At most ``limit`` due tasks in the order in which they would be claimed. Takes nothing.

        A store that cannot look at its tasks without taking them shows none.
        """

    @abstractmethod
    def count_due(self) -> int:
        """How many tasks are due and not claimed."""

    @abstractmethod
    def durations(self) -> dict[str, Duration]:
        """How long tasks usually take, by their path. A store need not know any."""

    @abstractmethod
    def keep_durations(self, durations: Mapping[str, Duration]) -> None:
        """Replaces those of these paths."""


class OneshotBackend(BaseTaskBackend):
    """A backend whose tasks are executed by runs."""

    task_class = with_policy(Task)
    supports_defer = True
    supports_async_task = True
    supports_retry = True
    supports_timeout = True
    supports_schedule = True

    #: Whether tasks are executed in the order in which they came due.
    keeps_order = True
    #: Whether a checkpoint survives the death of its process.
    keeps_checkpoints = True
    #: Whether, of the tasks that a dead run had claimed, it is known which one had begun.
    knows_what_began = True

    #: What OPTIONS may hold, with its default.
    default_options: ClassVar[dict[str, Any]] = {"lease_seconds": 300}

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self._params = params
        try:
            self.lease = duration("OPTIONS['lease_seconds']", self.option("lease_seconds"))
            if self.lease < SHORTEST_LEASE:
                raise InvalidTask("OPTIONS['lease_seconds'] is too short for any task; write at least 1.")
        except InvalidTask as error:
            raise ImproperlyConfigured(f"TASKS[{alias!r}]: {error}") from error

    @property
    def enqueues_into(self) -> str | None:
        """The alias of the database in whose transaction ``enqueue`` writes; ``None`` if it does not."""
        return None

    @property
    def urls(self) -> Sequence[str]:
        """Of the queues of SQS in which there are messages for it."""
        return ()

    @cached_property
    def default_policy(self) -> Policy:
        """For what a task does not say. Made when first asked for: BACKOFF may name a function of a tasks module."""
        try:
            return Policy.from_settings(self._params)
        except (InvalidTask, ImportError) as error:
            raise ImproperlyConfigured(f"TASKS[{self.alias!r}]: {error}") from error

    def option(self, name: str) -> Any:
        return self.options.get(name, self.default_options[name])

    def enqueue(self, task: Task[P, R], args: Any, kwargs: Any) -> TaskResult[P, R]:
        """Raises ``UnstorableValue`` (a ``ValueError``) for arguments that have no JSON form, or a too large one."""
        return cast("TaskResult[P, R]", self.enqueue_many([(task, args, kwargs)])[0])

    @abstractmethod
    def enqueue_many(self, calls: Iterable[Call]) -> Sequence[AnyResult]:
        """Enqueues ``(task, args, kwargs)`` for each of ``calls``, in few trips; returns their results, in order.

        Raises what ``enqueue`` does, and then has enqueued none; and ``NotEnqueued`` if some could not be, where the
        others are.
        """

    @abstractmethod
    def open_store(self, claimant: Claimant) -> Store:
        """The store, for one run."""

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs), *self._check_app(), *self._check_options(), *self._check_defaults()]

    def _check_app(self) -> Iterator[checks.CheckMessage]:
        if not apps.is_installed("django_tasks_oneshot"):
            yield checks.Error(
                f"TASKS[{self.alias!r}] has tasks that runs execute, and the app with their command is missing.",
                hint='Add "django_tasks_oneshot" to INSTALLED_APPS, then run manage.py migrate.',
                id="oneshot.E001",
            )

    def _check_options(self) -> Iterator[checks.CheckMessage]:
        for name in sorted(set(self.options) - set(self.default_options)):
            yield checks.Error(
                f"TASKS[{self.alias!r}]['OPTIONS'] has {name!r}, which {type(self).__name__} does not know.",
                hint=f"Write one of: {', '.join(sorted(self.default_options))}.",
                id="oneshot.E003",
            )

    def _check_defaults(self) -> Iterator[checks.CheckMessage]:
        try:
            _ = self.default_policy
        except ImproperlyConfigured as error:
            yield checks.Error(str(error), hint="Write what the message says.", id="oneshot.E004")
