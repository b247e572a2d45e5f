"""What a run would do now, for ``--dry-run``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..backends.base import Claimant, DueTask, OneshotBackend
from .schedules import has_schedules
from .tick import Ticker


@dataclass(frozen=True, kw_only=True)
class Plan:
    tasks: Sequence[DueTask]
    schedules: Sequence[str]
    remaining: int  # all that are due, those in ``tasks`` included

    def as_dict(self) -> dict[str, Any]:
        return {
            "tasks": [{**asdict(task), "due_at": task.due_at.isoformat()} for task in self.tasks],
            "schedules": list(self.schedules),
            "remaining": self.remaining,
        }

    def as_text(self) -> str:
        lines = [f"{name} is due by its schedule" for name in self.schedules]
        lines += [
            f"{task.path}  id={task.id} queue={task.queue_name} priority={task.priority} due={task.due_at:%F %T} UTC"
            for task in self.tasks
        ]
        if self.remaining > len(self.tasks):
            lines.append(f"{'and ' if self.tasks else ''}{self.remaining - len(self.tasks)} more")
        return "\n".join(lines) or "Nothing is due."


def whats_due(backend: OneshotBackend, queues: Collection[str], limit: int) -> Plan:
    """Changes nothing."""
    store = backend.open_store(Claimant(worker_id="", queues=queues))
    return Plan(
        tasks=store.due(limit), schedules=Ticker().due() if has_schedules() else [], remaining=store.count_due()
    )
