"""Tasks as they are enqueued, and as they were: what all stores do alike."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from ..compat import AnyTask, Task
from ..contract.exceptions import TaskNotFound, UnstorableValue
from ..contract.values import json_value
from .base import OneshotBackend


def is_due(task: AnyTask) -> bool:
    """Whether it is due when it is enqueued."""
    return task.run_after is None or task.run_after <= timezone.now()


def argument(task: AnyTask, name: str, value: Any) -> Any:
    try:
        return json_value(value)
    except UnstorableValue as error:
        raise UnstorableValue(f"{name} of {task.module_path}: {error}") from error


def time_ordered_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562, with the fraction of its method 3), so that ids of one process ascend as they are made.

    They settle which of two tasks came first where a database's clock has no more than milliseconds.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | random)


def rebuilt_task(
    backend: OneshotBackend, path: str, queue_name: str, priority: int, run_after: datetime | None
) -> AnyTask:
    """The task as it was enqueued. Where it cannot be imported: one that fails by saying so."""
    as_enqueued = {
        "backend": backend.alias,
        "queue_name": queue_name,
        "priority": priority,
        "run_after": _django_datetime(run_after),
    }
    task: AnyTask
    try:
        task = import_string(path)
        if not isinstance(task, Task):
            raise TypeError("it is not a task")
    except BaseException as error:  # importing a project's module may raise anything
        task = _missing_task(backend, path, error)
    if all(getattr(task, name) == value for name, value in as_enqueued.items()):
        return task
    return _assemble(type(task), {f.name: getattr(task, f.name) for f in fields(task)} | as_enqueued)


def _missing_task(backend: OneshotBackend, path: str, error: BaseException) -> AnyTask:
    reason = f"{path} cannot be run ({type(error).__name__}: {error})"

    def missing(*args: Any, **kwargs: Any) -> None:
        raise TaskNotFound(f"{reason}; restore the task under this name, or enqueue it by its new one.")

    missing.__module__, _, missing.__name__ = path.rpartition(".")
    missing.__qualname__ = missing.__name__
    return _assemble(backend.task_class, {"func": missing, "takes_context": False})


def _assemble(task_class: type[AnyTask], values: dict[str, Any]) -> AnyTask:
    """A task without its validation: what is stored outlives the settings by which it was enqueued."""
    task: AnyTask = object.__new__(task_class)
    for each in fields(task_class):
        object.__setattr__(task, each.name, values.get(each.name))
    return task


def _django_datetime(instant: datetime | None) -> datetime | None:
    """An instant as Django's other datetimes are: aware, or naive in TIME_ZONE where USE_TZ is off."""
    return instant if instant is None or settings.USE_TZ else timezone.make_naive(instant)
