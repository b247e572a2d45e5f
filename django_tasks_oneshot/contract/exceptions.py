from __future__ import annotations

from datetime import timedelta
from typing import Literal, TypeAlias

Reason: TypeAlias = Literal["killed", "deadline", "signal"]

_WHY: dict[Reason, str] = {
    "killed": "the process of this attempt ended without an outcome: killed, out of memory, or its host gone",
    "deadline": "its run had to end before the task did",
    "signal": "its run was told to stop, and the task did not end in the time that it was given",
}


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


class TaskInterrupted(BaseException):
    """An attempt that neither succeeded nor failed: its process was gone, or had to go, before it could end.

    Raised inside a task whose run has to end. No ``Exception``, for the reason that ``KeyboardInterrupt`` is
    none: ``except Exception`` in a task must not swallow it. A task that raises it itself is interrupted too.

    ``reason`` is "killed", "deadline" or "signal"; ``text`` says more.
    """

    def __init__(self, reason: Reason = "deadline", text: str = "") -> None:
        super().__init__(reason, text)
        self.reason = reason
        self.text = text

    def __str__(self) -> str:
        return f"{self.reason}: {self.text or _WHY.get(self.reason, 'interrupted')}."


class TaskNotFound(Exception):
    """A stored task names a function that is gone, or that is no longer a task."""


class UnstorableValue(ValueError):
    """A value that has no JSON form, or a larger one than a store holds."""
