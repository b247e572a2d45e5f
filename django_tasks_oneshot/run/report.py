from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

StopReason = Literal["empty", "nothing_fits", "max_seconds", "max_tasks", "signal", "busy"]


@dataclass(kw_only=True)
class Report:
    """What a run did. The field names are the keys of ``--format json``."""

    worker_id: str
    claimed: int = 0  # tasks that it started
    succeeded: int = 0
    failed: int = 0  # for good
    retried: int = 0  # failed, to be tried again
    continued: int = 0  # did a part of their work, and go on later
    interrupted: int = 0  # taken over from runs that did not come back, interrupted, or lost to another run
    scheduled: int = 0  # tasks that schedules enqueued
    dispatched: int = 0  # tasks of which it sent messages, so that others execute them
    remaining: int | None = 0  # due and unclaimed when it stopped; None: the store did not say
    stopped_because: StopReason = "empty"
    seconds: float = 0.0

    @property
    def is_idle(self) -> bool:
        return not (self.claimed or self.scheduled or self.dispatched)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "seconds": round(self.seconds, 3)}

    def as_text(self) -> str:
        done = f"{_tasks(self.claimed)} run in {self.seconds:.1f} s"
        counts = [f"{count} {what}" for count, what in self._counts() if count]
        left = f" {_tasks(self.remaining)} still due." if self.remaining else ""
        return f"{': '.join(filter(None, [done, ', '.join(counts)]))}. {_STOPPED[self.stopped_because]}.{left}"

    def _counts(self) -> list[tuple[int, str]]:
        return [
            (self.succeeded, "succeeded"),
            (self.retried, "failed and will be retried"),
            (self.continued, "to be continued"),
            (self.failed, "failed for good"),
            (self.interrupted, "interrupted"),
            (self.scheduled, "came from a schedule"),
            (self.dispatched, "dispatched to others"),
        ]


_STOPPED = {
    "empty": "Nothing else is due",
    "nothing_fits": "Nothing else fits into the rest of the run",
    "max_seconds": "Stopped when its time was over",
    "max_tasks": "Stopped by --max-tasks",
    "signal": "Stopped by a signal",
    "busy": "Another run is under way in this process",
}


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"
