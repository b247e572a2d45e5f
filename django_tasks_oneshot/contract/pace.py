from __future__ import annotations

from dataclasses import dataclass


@dataclass(kw_only=True)
class Pace:
    """How many to take at a time, so that they take about ``seconds``: few trips for what is short, no hoard of what
    is long."""

    seconds: float
    size: int = 1
    largest: int = 100

    def adapt(self, seconds: float) -> None:
        """The last ones took this long."""
        if seconds < self.seconds / 2:
            self.size = min(self.size * 2, self.largest)
        elif seconds > self.seconds:
            self.size = max(self.size // 2, 1)
