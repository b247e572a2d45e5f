"""Between rows and Django's task results."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import checks
from django.db import connections, router
from django.utils import timezone
from django.utils.module_loading import import_string

from ..compat import (
    AnyResult,
    AnyTask,
    Task,
    TaskError,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    task_enqueued,
)
from ..contract.exceptions import TaskNotFound, UnstorableValue
from ..contract.fired import take_fire
from ..contract.notify import notify
from ..contract.values import json_value
from ..db.clock import DatabaseNow
from ..models import Attempt, StoredTask
from .lanes import lane_of

if TYPE_CHECKING:
    from .database import DatabaseBackend

SUPPORTED_VENDORS = ("sqlite", "postgresql", "mysql")


def database_of_tasks() -> str:
    return router.db_for_write(StoredTask)


def insert(backend: DatabaseBackend, task: AnyTask, args: Any, kwargs: Any) -> AnyResult:
    fire = take_fire(task)
    row = StoredTask(
        id=time_ordered_id(),
        task_path=task.module_path,
        args=_argument(task, "args", list(args)),
        kwargs=_argument(task, "kwargs", kwargs),
        backend_name=backend.alias,
        queue_name=task.queue_name,
        priority=task.priority,
        run_after=task.run_after,
        lane=lane_of(backend.alias, task.queue_name, task.priority),
        due_at=task.run_after or DatabaseNow(),
        enqueued_at=timezone.now(),
        scheduled_for=fire.at if fire else None,
        replaces=fire.replaces if fire else None,
    )
    row.save(force_insert=True, using=database_of_tasks())
    result = build_result(backend, row, task, ())
    notify(task_enqueued, backend, result)
    return result


def _argument(task: AnyTask, name: str, value: Any) -> Any:
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


def get_result(backend: DatabaseBackend, result_id: str) -> AnyResult:
    try:
        # Where it was written: a replica may not have it yet.
        rows = StoredTask.objects.using(database_of_tasks())
        row = rows.get(pk=uuid.UUID(result_id), backend_name=backend.alias)
    except (StoredTask.DoesNotExist, ValueError, TypeError, AttributeError) as error:
        raise TaskResultDoesNotExist(result_id) from error
    attempts = Attempt.objects.using(row._state.db).filter(task=row).order_by("number") if row.attempt_count else ()
    return build_result(backend, row, stored_task(backend, row), attempts)


def build_result(backend: DatabaseBackend, row: StoredTask, task: AnyTask, attempts: Iterable[Attempt]) -> AnyResult:
    attempts = list(attempts)
    worker_ids = [attempt.worker_id for attempt in attempts]
    if row.status == TaskResultStatus.RUNNING:
        worker_ids.append(row.worker_id)
    result: AnyResult = TaskResult(
        task=task,
        id=str(row.pk),
        status=TaskResultStatus(row.status),
        enqueued_at=row.enqueued_at,
        started_at=row.started_at,
        last_attempted_at=row.last_attempted_at,
        finished_at=row.finished_at,
        args=row.args,
        kwargs=row.kwargs,
        backend=backend.alias,
        errors=[
            TaskError(exception_class_path=attempt.exception_class_path, traceback=attempt.traceback)
            for attempt in attempts
            if attempt.exception_class_path
        ],
        worker_ids=worker_ids,
    )
    object.__setattr__(result, "_return_value", row.return_value)
    return result


def stored_task(backend: DatabaseBackend, row: StoredTask) -> AnyTask:
    """The task of a row, as it was enqueued. Where it cannot be imported: one that fails by saying so."""
    as_enqueued = {
        "backend": backend.alias,
        "queue_name": row.queue_name,
        "priority": row.priority,
        "run_after": _django_datetime(row.run_after),
    }
    task: AnyTask
    try:
        task = import_string(row.task_path)
        if not isinstance(task, Task):
            raise TypeError("it is not a task")
    except BaseException as error:  # importing a project's module may raise anything
        task = _missing_task(backend, row.task_path, error)
    if all(getattr(task, name) == value for name, value in as_enqueued.items()):
        return task
    return _assemble(type(task), {f.name: getattr(task, f.name) for f in fields(task)} | as_enqueued)


def _missing_task(backend: DatabaseBackend, path: str, error: BaseException) -> AnyTask:
    reason = f"{path} cannot be run ({type(error).__name__}: {error})"

    def missing(*args: Any, **kwargs: Any) -> None:
        raise TaskNotFound(f"{reason}; restore the task under this name, or enqueue it by its new one.")

    missing.__module__, _, missing.__name__ = path.rpartition(".")
    missing.__qualname__ = missing.__name__
    return _assemble(backend.task_class, {"func": missing, "takes_context": False})


def _assemble(task_class: type[AnyTask], values: dict[str, Any]) -> AnyTask:
    """A task without its validation: a row outlives the settings by which it was enqueued."""
    task: AnyTask = object.__new__(task_class)
    for each in fields(task_class):
        object.__setattr__(task, each.name, values.get(each.name))
    return task


def _django_datetime(instant: datetime | None) -> datetime | None:
    """An instant as Django's other datetimes are: aware, or naive in TIME_ZONE where USE_TZ is off."""
    return instant if instant is None or settings.USE_TZ else timezone.make_naive(instant)


def check_database(backend: DatabaseBackend) -> list[checks.CheckMessage]:
    alias = database_of_tasks()
    vendor = connections[alias].vendor
    if vendor in SUPPORTED_VENDORS:
        return []
    return [
        checks.Error(
            f"TASKS[{backend.alias!r}] stores tasks in the database {alias!r}, which is {vendor}.",
            hint="Send django_tasks_oneshot to PostgreSQL, MySQL, MariaDB or SQLite by an entry in DATABASE_ROUTERS.",
            id="oneshot.E002",
        )
    ]
