from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from ..contract.exceptions import TaskInterrupted, TaskTimeout

#: After a timeout, and after a signal where no grace was given: hosts that send SIGTERM follow it with SIGKILL, some
#: after 10 seconds.
SHORT_GRACE = 5.0
#: Between the interruption of a task and the end of its process: for ``finally`` blocks, and to record it.
WRAP_UP = 2.0
#: Before a host's interruption, at most: what can stop by itself does so first. It takes a share of a short time.
STOP_FIRST = 1.0
SHARE_TO_STOP_FIRST = 0.1


class Deadline:
    """When a run must be gone. Everything in a run asks this; nothing reads a clock of its own.

    No task is started once ``max_seconds`` have passed since it was made, or `stop` was called. A task that runs
    then goes on for ``grace_seconds``, and is interrupted. Without these it goes on until it ends, but no longer
    than `SHORT_GRACE` after a `stop`. An attempt that has timed out is interrupted when it goes on for as long.

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
        self._timeout: timedelta | None = None  # of the attempt that runs
        self._times_out_at = math.inf

    @classmethod
    def of_host(
        cls, remaining_seconds: float, margin_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> Deadline:
        """For a host that kills the process in ``remaining_seconds``, as AWS Lambda does.

        What runs ``margin_seconds`` before is interrupted; `WRAP_UP` of them are for its end and its record. A moment
        earlier, loops that go on later stop between two items: one that is interrupted is done twice.
        """
        until_interruption = max(0.0, remaining_seconds - margin_seconds)
        grace = min(STOP_FIRST, SHARE_TO_STOP_FIRST * until_interruption)
        return cls(until_interruption - grace, grace, clock)

    def lie_within(self, outer: Deadline) -> None:
        """A task of ``outer``'s run begins this one: it has to be over before that task is cut off."""
        if outer.is_stopped:
            self.stop()
        self._outer_end = self.elapsed + outer.until_cut_off

    def stop(self) -> None:
        """A signal came: the end is now."""
        self._stopped_at = min(self._stopped_at, self.elapsed)

    @contextmanager
    def attempt(self, timeout: timedelta | None) -> Iterator[None]:
        """Inside, an attempt runs that may take no longer than ``timeout``."""
        self._timeout = timeout
        self._times_out_at = math.inf if timeout is None else self.elapsed + timeout.total_seconds()
        try:
            yield
        finally:
            self._timeout, self._times_out_at = None, math.inf

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
    def whole_run(self) -> float:
        """Seconds that a task may take at most, if the run starts with it."""
        return self._by_deadline

    @property
    def until_timeout(self) -> float:
        """Seconds until the attempt times out; infinite if it does not, below 0 if it should have."""
        return self._times_out_at - self.elapsed

    @property
    def until_interruption(self) -> float:
        """Seconds until the running task is interrupted; infinite if it is not, below 0 if it should have been."""
        return min(self._by_deadline, self._by_signal, self._by_timeout) - self.elapsed

    @property
    def until_cut_off(self) -> float:
        """Seconds until the running task times out or is interrupted."""
        return min(self.until_timeout, self.until_interruption)

    @property
    def until_end(self) -> float:
        """Seconds until the process must be gone; infinite if there is no such time."""
        return self.until_interruption + WRAP_UP

    def cut_off(self) -> TaskTimeout | TaskInterrupted | None:
        """What is to be raised inside the running task now."""
        if self.until_interruption > 0:
            return self.timed_out()
        if self._by_timeout < min(self._by_deadline, self._by_signal):
            return TaskInterrupted("timeout")
        return TaskInterrupted("signal" if self._by_signal < self._by_deadline else "deadline")

    def timed_out(self) -> TaskTimeout | None:
        """The end of an attempt that has taken longer than its timeout."""
        if self._timeout is None or self.until_timeout > 0:
            return None
        return TaskTimeout(f"it took longer than its timeout of {self._timeout.total_seconds():g} s")

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
        return self._stopped_at + (SHORT_GRACE if self.grace_seconds is None else self.grace_seconds)

    @property
    def _by_timeout(self) -> float:
        return self._times_out_at + SHORT_GRACE
