from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

StopReason = Literal["empty", "max_seconds", "max_tasks", "signal"]


@dataclass(kw_only=True)
class Report:
    """What a run did. The field names are the keys of ``--format json``."""

    worker_id: str
    claimed: int = 0  # tasks that it started
    succeeded: int = 0
    failed: int = 0  # for good
    retried: int = 0  # failed, to be tried again
    interrupted: int = 0  # taken over from runs that did not come back, or lost to another run
    scheduled: int = 0  # tasks that schedules enqueued
    remaining: int = 0  # due and unclaimed when it stopped
    stopped_because: StopReason = "empty"
    seconds: float = 0.0

    @property
    def is_idle(self) -> bool:
        return not (self.claimed or self.scheduled)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds, 3)}

    def as_text(self) -> str:
        if self.is_idle and not self.remaining:
            return f"Nothing was due. ({self.stopped_because}, {self.seconds:.1f} s)"
        counts = ", ".join(
            f"{count} {name}"
            for name in ("succeeded", "failed", "retried", "interrupted", "scheduled")
            if (count := getattr(self, name))
        )
        left = f", {self.remaining} still due" if self.remaining else ""
        plural = "" if self.claimed == 1 else "s"
        return (
            f"{self.claimed} task{plural} run{': ' + counts if counts else ''}{left}. "
            f"({self.stopped_because}, {self.seconds:.1f} s)"
        )
