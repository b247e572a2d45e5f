from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, TypeAlias

Reason: TypeAlias = Literal["killed", "deadline", "signal", "lease", "timeout"]

_WHY: dict[Reason, str] = {
    "killed": "the process of this attempt ended without an outcome: killed, out of memory, or its host gone",
    "deadline": "its run had to end before the task did",
    "signal": "its run was told to stop, and the task did not end in the time that it was given",
    "lease": "its run lost the lease, because it stood still for longer; another run has the task",
    "timeout": "it went on after its TaskTimeout",
}
_KEEP: Any = object()


class Retry(Exception):
    """Raise in a task to have it run again, whatever its ``max_attempts`` and ``backoff`` say.

    ``after`` is how long to wait, in seconds or as a timedelta; without it the task's own backoff decides.
    The attempt counts as a failed one, and its error is kept.
    """

    def __init__(self, reason: str = "", *, after: float | timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Discard(Exception):
    """Raise in a task to fail for good: no retry, whatever its ``max_attempts`` and ``backoff`` say."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)


class TaskTimeout(TimeoutError):
    """Raised inside a task that takes longer than its ``timeout``. The attempt has failed, its retry policy decides.

    Spelling of https://github.com/django/new-features/issues/144.
    """


class ContinueLater(BaseException):
    """Raise in a task to go on in another attempt, in this run or in a later one. No attempt is spent.

    ``value`` is the ``checkpoint_value`` that the task finds then; without it, the latest one. ``after`` is how
    long to wait, in seconds or as a timedelta.

    ``context.resume()`` raises it inside its loop when the time of the run is over. No ``Exception``: were it
    swallowed by ``except Exception`` around the loop, the task would be taken for done.
    """

    def __init__(self, value: Any = _KEEP, *, after: float | timedelta = 0) -> None:
        super().__init__(*(() if value is _KEEP else (value,)))
        self.after = after

    @property
    def has_value(self) -> bool:
        return bool(self.args)

    @property
    def value(self) -> Any:
        return self.args[0]


class TaskInterrupted(BaseException):
    """An attempt that neither succeeded nor failed: its process was gone, or had to go, before it could end.

    Raised inside a task whose run has to end. No ``Exception``, for the reason that ``KeyboardInterrupt`` is
    none: ``except Exception`` in a task must not swallow it. A task that raises it itself is interrupted too.

    ``reason`` is "killed", "deadline", "signal", "lease" or "timeout"; ``text`` says more.
    """

    def __init__(self, reason: Reason = "deadline", text: str = "") -> None:
        super().__init__(reason, text)

    @property
    def reason(self) -> Reason:
        reason: Reason = self.args[0]
        return reason

    @property
    def text(self) -> str:
        return str(self.args[1])

    def __str__(self) -> str:
        return f"{self.reason}: {self.text or _WHY.get(self.reason, 'interrupted')}."


class TaskNotFound(Exception):
    """A stored task names a function that is gone, or that is no longer a task."""


class NotEnqueued(Exception):
    """Some tasks were not enqueued: ``reasons``, by the ids of their results. The others were."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(reasons)
        self.reasons = reasons

    def __str__(self) -> str:
        first, reason = next(iter(self.reasons.items()))
        return f"{len(self.reasons)} of the tasks could not be enqueued; the first one, {first}: {reason}"


class UnstorableValue(ValueError):
    """A value that has no JSON form, or a larger one than a store holds."""
