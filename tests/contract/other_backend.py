"""A backend as somebody else might write it: its tasks have fields of their own, and it knows no policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django_tasks_oneshot.compat import BaseTaskBackend, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTask(Task):
    label: str = "none"
    headers: dict[str, Any] = field(default_factory=dict)
    serial: int = field(init=False, compare=False, default_factory=count().__next__)

    def __hash__(self):  # a dict has none
        return hash((self.func, self.label))


class OtherBackend(BaseTaskBackend):
    task_class = OtherTask
    supports_async_task = True
    supports_defer = True
    supports_priority = True

    def enqueue(self, task, args, kwargs):
        self.validate_task(task)
        return task
