"""Which tasks are enqueued: mostly instant ones, and some of every kind that could go wrong."""

from __future__ import annotations

from random import Random
from typing import Any

from django.db import transaction

from django_tasks_oneshot.compat import task_backends

from . import ledger, tasks

Call = tuple[Any, dict[str, Any]]  # a task and its arguments


class Workload:
    """Enqueues through the public API, and uses what the backend says to support."""

    def __init__(self, random: Random, lease: float) -> None:
        self.random = random
        self.lease = lease
        self.backend = task_backends["default"]
        self.queues = sorted(self.backend.queues) or ["default"]
        # Few are urgent, so that a rescued task waits for no crowd of more urgent ones.
        self.priorities = [0] * 9 + [10] if self.backend.supports_priority else [0]
        # The heartbeat is there for these: they outlive the lease, or the moment of the first renewal.
        self.first = [self._sleeping(1.3, 1.5), self._sleeping(0.4, 0.6)] * 2

    def enqueue(self, count: int) -> list[str]:
        calls = [self._next() for _ in range(count)]
        with transaction.atomic():
            ids = [self._enqueue(*call) for call in calls]
        for attempt in (1, 2, 3):  # the one that succeeds
            if those := [each for each, call in zip(ids, calls, strict=True) if _flaws(call) + 1 == attempt]:
                ledger.write("enqueued", tasks=those, attempt=attempt)
        return ids

    def _enqueue(self, task: Any, arguments: dict[str, Any]) -> str:
        options = {"queue_name": self.random.choice(self.queues), "priority": self.random.choice(self.priorities)}
        result_id: str = task.using(**options).enqueue(**arguments).id
        return result_id

    def _next(self) -> Call:
        return self.first.pop() if self.first else self._choose()

    def _choose(self) -> Call:
        number = self.random.random()
        if number < 0.0004:
            return self._sleeping(1.3, 1.5)
        if number < 0.001:
            return self._sleeping(0.4, 0.6)
        if number < 0.03 and getattr(self.backend, "supports_retry", False):
            return tasks.stumble, {"flaws": self.random.choice([1, 2])}
        if number < 0.2:
            return tasks.work, {"seconds": self.random.uniform(0.01, 0.3)}
        return tasks.work, {"seconds": 0}

    def _sleeping(self, least: float, most: float) -> Call:
        """A task that takes this share of a lease."""
        return tasks.work, {"seconds": self.lease * self.random.uniform(least, most)}


def _flaws(call: Call) -> int:
    flaws: int = call[1].get("flaws", 0)
    return flaws
