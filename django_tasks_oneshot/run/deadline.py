from __future__ import annotations

import math
import time
from collections.abc import Callable


class Deadline:
    """When a run must stop starting tasks. Everything in a run asks this; nothing reads a clock of its own.

    ``clock`` returns seconds and never goes back, as ``time.monotonic`` does.
    """

    def __init__(self, max_seconds: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.started = clock()
        self.max_seconds = math.inf if max_seconds is None else max_seconds

    @property
    def elapsed(self) -> float:
        return self.clock() - self.started

    @property
    def remaining(self) -> float:
        """Seconds left; infinite without a limit."""
        return max(0.0, self.max_seconds - self.elapsed)
