from __future__ import annotations

from datetime import timedelta


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


class TaskInterrupted(Exception):
    """An attempt that neither succeeded nor failed: its process was gone before it could end."""


class TaskNotFound(Exception):
    """A stored task names a function that is gone, or that is no longer a task."""


class UnstorableValue(ValueError):
    """A value that has no JSON form, or a larger one than a store holds."""
