"""What a task that ``takes_context`` is given: Django's context, and by what it goes on over several attempts."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, overload

from asgiref.sync import sync_to_async

from ..compat import AnyContext
from .missed import Fire
from .places import Key, places_in
from .progress import Checkpoint, Progress
from .resume import aresume, resume
from .retry import Seconds, duration

T = TypeVar("T")

_AS_IT_IS: Any = object()
CHECKPOINT_EVERY = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContext(AnyContext):  # type: ignore[misc]  # the stubs do not say that Django's is frozen
    """Django's ``TaskContext`` (``task_result``, ``attempt``), for tasks that take longer than a host lets them.

    On a backend that cannot continue a task, such as Django's ImmediateBackend, the same task runs straight through.
    """

    progress: Progress = field(default_factory=lambda: Progress(Checkpoint()), repr=False, compare=False)
    fire: Fire | None = field(default=None, repr=False)

    @property
    def scheduled_for(self) -> datetime | None:
        """The fire time of a schedule that this task stands for, in UTC; ``None`` if no schedule has enqueued it."""
        return self.fire.at if self.fire else None

    @property
    def replaces(self) -> int:
        """How many older fire times, at which no run came, it stands for besides; 1,000 means that or more."""
        return self.fire.replaces if self.fire else 0

    @property
    def checkpoint_value(self) -> Any:
        """What the latest `checkpoint` was given, by this attempt or one before it; ``None`` if there was none."""
        return deepcopy(self.progress.checkpoint.value)

    def checkpoint(self, value: Any = _AS_IT_IS) -> None:
        """Keeps ``value``, which has to have a JSON form; it is durable when this returns.

        Without a value it makes durable how far `resume` has come. Raises ``UnstorableValue`` (a ``ValueError``),
        and ``TransactionManagementError`` inside ``atomic()``, where what was done could still be rolled back.
        """
        self.progress.check()
        self._keep(value)
        self.progress.save()

    async def acheckpoint(self, value: Any = _AS_IT_IS) -> None:
        """`checkpoint` in an async task."""
        self._keep(value)
        await sync_to_async(self.progress.save)()

    def _keep(self, value: Any) -> None:
        if value is not _AS_IT_IS:
            self.progress.checkpoint.keep(value)

    @property
    def remaining_seconds(self) -> float:
        """Seconds until the task should stop, for its run or its ``timeout``; infinite where nothing limits it."""
        return self.progress.remaining_seconds

    def should_stop(self, needed_seconds: Seconds = 0) -> bool:
        """Whether to stop now: the time of the run is over, or the task is cut off in less than ``needed_seconds``."""
        return self.progress.should_stop(duration("needed_seconds", needed_seconds).total_seconds())

    @overload
    def resume(
        self, items: Iterable[T], *, key: Key[T] | None = ..., checkpoint_every: Seconds = ..., batch_size: None = ...
    ) -> Iterator[T]: ...
    @overload
    def resume(
        self, items: Iterable[T], *, key: Key[T] | None = ..., checkpoint_every: Seconds = ..., batch_size: int
    ) -> Iterator[list[T]]: ...
    def resume(
        self,
        items: Iterable[T],
        *,
        key: Key[T] | None = None,
        checkpoint_every: Seconds = CHECKPOINT_EVERY,
        batch_size: int | None = None,
    ) -> Iterator[Any]:
        """Yields ``items``, and in the next attempt those after the last one that was done.

        An item is done when the loop asks for the next. Where the time of the run is over it raises ``ContinueLater``
        instead of yielding. How far it has come is written every ``checkpoint_every`` seconds (0: after each item),
        when it stops, and with the outcome of the attempt. ``batch_size``: it yields lists of so many items, which are
        done together.

        A queryset is read in parts, by ``key``: a unique field, by default "pk", in whose order it is or is put.
        Other iterables have to give the same items in the same order each time. Without ``key`` their items are
        counted; with it (the name of an attribute, or a function of an item) the one that was done last is sought.

        Raises ``ValueError`` for what cannot be continued, ``TransactionManagementError`` inside ``atomic()``, and
        ``RuntimeError`` in another thread than the task's, and in the loop of another `resume`.
        """
        places = places_in(items, key, batch_size)
        self.progress.check()
        return resume(self.progress, places, duration("checkpoint_every", checkpoint_every).total_seconds())

    @overload
    def aresume(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        key: Key[T] | None = ...,
        checkpoint_every: Seconds = ...,
        batch_size: None = ...,
    ) -> AsyncIterator[T]: ...
    @overload
    def aresume(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        key: Key[T] | None = ...,
        checkpoint_every: Seconds = ...,
        batch_size: int,
    ) -> AsyncIterator[list[T]]: ...
    def aresume(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        key: Key[T] | None = None,
        checkpoint_every: Seconds = CHECKPOINT_EVERY,
        batch_size: int | None = None,
    ) -> AsyncIterator[Any]:
        """`resume` in an async task: ``async for item in context.aresume(...)``. Takes async iterables too."""
        places = places_in(items, key, batch_size)
        return aresume(self.progress, places, duration("checkpoint_every", checkpoint_every).total_seconds())
