from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

#: After a signal, where no grace was given: hosts that send SIGTERM follow it with SIGKILL, some after 10 seconds.
SIGNAL_GRACE = 5.0
#: Between the interruption of a task and the end of its process: for ``finally`` blocks, and to record it.
WRAP_UP = 2.0


class Deadline:
    """When a run must be gone. Everything in a run asks this; nothing reads a clock of its own.

    No task is started once ``max_seconds`` have passed since it was made, or `stop` was called. A task that runs
    then goes on for ``grace_seconds``, and is interrupted. Without these it goes on until it ends, but no longer
    than `SIGNAL_GRACE` after a `stop`.

    ``clock`` returns seconds and never goes back, as ``time.monotonic`` does.
    """

    def __init__(
        self,
        max_seconds: float | None = None,
        grace_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self.started = clock()
        self.max_seconds = math.inf if max_seconds is None else max_seconds
        self.grace_seconds = grace_seconds
        self._stopped_at = math.inf  # like all others, in seconds since it was made
        self._outer_end = math.inf

    def lie_within(self, outer: Deadline) -> None:
        """A task of ``outer``'s run begins this one: it has to be over before that task is interrupted."""
        if outer.is_stopped:
            self.stop()
        self._outer_end = self.elapsed + outer.until_interruption

    def stop(self) -> None:
        """A signal came: the end is now."""
        self._stopped_at = min(self._stopped_at, self.elapsed)

    @property
    def is_stopped(self) -> bool:
        return self._stopped_at < math.inf

    @property
    def elapsed(self) -> float:
        return self.clock() - self.started

    @property
    def remaining(self) -> float:
        """Seconds in which a task may be started; infinite without a limit."""
        return 0.0 if self.is_stopped else max(0.0, min(self.max_seconds, self._outer_end) - self.elapsed)

    @property
    def until_interruption(self) -> float:
        """Seconds until the running task is interrupted; infinite if it is not, below 0 if it should have been."""
        return min(self._by_deadline, self._by_signal) - self.elapsed

    @property
    def until_end(self) -> float:
        """Seconds until the process must be gone; infinite if there is no such time."""
        return self.until_interruption + WRAP_UP

    @property
    def interrupts_because(self) -> Literal["deadline", "signal"]:
        return "signal" if self._by_signal < self._by_deadline else "deadline"

    def lease(self, longest: timedelta) -> timedelta:
        """How long a lease that begins now lasts: until the end, so that a dead run's tasks are not kept from the next.

        A run that is still there after its end has none that is known.
        """
        left = self.until_end
        return min(longest, timedelta(seconds=max(WRAP_UP, left))) if 0 < left < math.inf else longest

    @property
    def _by_deadline(self) -> float:
        return min(self._outer_end, self.max_seconds + (math.inf if self.grace_seconds is None else self.grace_seconds))

    @property
    def _by_signal(self) -> float:
        return self._stopped_at + (SIGNAL_GRACE if self.grace_seconds is None else self.grace_seconds)
