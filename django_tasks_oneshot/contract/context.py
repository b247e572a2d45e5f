"""What a task that ``takes_context`` is given: Django's context, and by what it goes on over several attempts."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from ..compat import AnyContext
from .places import Key
from .progress import Checkpoint, Progress
from .resume import aresume, resume

T = TypeVar("T")

_AS_IT_IS: Any = object()
CHECKPOINT_EVERY = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContext(AnyContext):  # type: ignore[misc]  # the stubs do not say that Django's is frozen
    """Django's ``TaskContext`` (``task_result``, ``attempt``), for tasks that take longer than a host lets them.

    On a backend that cannot continue a task, such as Django's ImmediateBackend, the same task runs straight through.
    """

    progress: Progress = field(default_factory=lambda: Progress(Checkpoint()), repr=False, compare=False)

    @property
    def checkpoint_value(self) -> Any:
        """What the latest `checkpoint` was given, by this attempt or one before it; ``None`` if there was none."""
        return self.progress.checkpoint.value

    def checkpoint(self, value: Any = _AS_IT_IS) -> None:
        """Keeps ``value``, which has to have a JSON form; it is durable when this returns.

        Without a value it makes durable how far `resume` has come. Raises ``UnstorableValue`` (a ``ValueError``),
        and ``TransactionManagementError`` inside ``atomic()``, where what was done could still be rolled back.
        """
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

    def should_stop(self, needed_seconds: float = 0) -> bool:
        """Whether to stop now: the time of the run is over, or the task is cut off in less than ``needed_seconds``."""
        return self.progress.should_stop(needed_seconds)

    def resume(
        self, items: Iterable[T], *, key: Key[T] | None = None, checkpoint_every: float = CHECKPOINT_EVERY
    ) -> Iterator[T]:
        """Yields ``items``, and in the next attempt those after the last one that was done.

        An item is done when the loop asks for the next. Where the time of the run is over it raises ``ContinueLater``
        instead of yielding. How far it has come is written every ``checkpoint_every`` seconds (0: after each item),
        when it stops, and with the outcome of the attempt.

        A queryset is read in parts, by ``key``: a unique field, by default "pk", in whose order it is or is put.
        Other iterables have to give the same items in the same order each time. Without ``key`` their items are
        counted; with it (the name of an attribute, or a function of an item) the one that was done last is sought.

        Raises ``ValueError`` for what cannot be continued, and ``RuntimeError`` in the loop of another `resume`.
        """
        return resume(self.progress, items, key, checkpoint_every)

    def aresume(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        key: Key[T] | None = None,
        checkpoint_every: float = CHECKPOINT_EVERY,
    ) -> AsyncIterator[T]:
        """`resume` in an async task: ``async for item in context.aresume(...)``. Takes async iterables too."""
        return aresume(self.progress, items, key, checkpoint_every)
