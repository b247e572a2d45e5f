"""Between rows and Django's task results."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core import checks
from django.db import connections, router
from django.utils import timezone

from ..compat import (
    AnyResult,
    AnyTask,
    TaskError,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    task_enqueued,
)
from ..contract.fired import take_fire
from ..contract.notify import notify
from ..db.clock import DatabaseNow
from ..models import Attempt, StoredTask
from .enqueued import argument, is_due, rebuilt_task, time_ordered_id
from .lanes import State, lane_of

if TYPE_CHECKING:
    from .base import Call, OneshotBackend
    from .sqs_message import Message

LARGEST_INSERT = 500  # rows
SUPPORTED_VENDORS = ("sqlite", "postgresql", "mysql")


def database_of_tasks() -> str:
    return router.db_for_write(StoredTask)


def insert(
    backend: OneshotBackend, calls: Sequence[Call], dispatched: timedelta | None = None
) -> tuple[list[StoredTask], list[AnyResult]]:
    """Stores tasks. With ``dispatched``, those that are due at once are for who gets a message of them; only after
    this time for everybody."""
    rows = [_new_row(backend, *call, dispatched=dispatched) for call in calls]
    if len(rows) == 1:
        rows[0].save(force_insert=True, using=database_of_tasks())
    else:
        StoredTask.objects.using(database_of_tasks()).bulk_create(rows, batch_size=LARGEST_INSERT)
    results = [build_result(backend, row, call[0], ()) for row, call in zip(rows, calls, strict=True)]
    for result in results:
        notify(task_enqueued, backend, result)
    return rows, results


def _new_row(
    backend: OneshotBackend, task: AnyTask, args: Any, kwargs: Any, *, dispatched: timedelta | None
) -> StoredTask:
    fire = take_fire(task)
    state: State = "dispatched" if dispatched and is_due(task) else ""
    return StoredTask(
        id=time_ordered_id(),
        task_path=task.module_path,
        args=argument(task, "args", list(args)),
        kwargs=argument(task, "kwargs", dict(kwargs)),
        backend_name=backend.alias,
        queue_name=task.queue_name,
        priority=task.priority,
        run_after=task.run_after,
        lane=lane_of(backend.alias, task.queue_name, task.priority, state),
        due_at=DatabaseNow(dispatched) if dispatched and state else task.run_after or DatabaseNow(),
        enqueued_at=timezone.now(),
        scheduled_for=fire.at if fire else None,
        replaces=fire.replaces if fire else None,
    )


def adopt(message: Message) -> None:
    """Stores the task of a message, of which there is no row; what became of its attempts so far is left behind."""
    values: dict[str, Any] = {
        "id": message.id,
        "task_path": message.path,
        "args": message.args,
        "kwargs": message.kwargs or {},
        "backend_name": message.backend,
        "queue_name": message.queue_name,
        "priority": message.priority,
        "run_after": message.run_after,
        "lane": lane_of(message.backend, message.queue_name, message.priority),
        "due_at": DatabaseNow(),
        "enqueued_at": message.enqueued_at,
        "scheduled_for": message.scheduled_for,
        "replaces": message.replaces or None,
        "checkpoint": message.checkpoint,
    }
    StoredTask.objects.using(database_of_tasks()).bulk_create([StoredTask(**values)], ignore_conflicts=True)


def remove(ids: Iterable[str]) -> None:
    """Removes tasks that were stored and not sent; but not those that somebody has received all the same."""
    rows = StoredTask.objects.using(database_of_tasks()).filter(pk__in=list(ids))
    rows.filter(status=TaskResultStatus.READY, attempt_count=0, token=None).delete()


def get_result(backend: OneshotBackend, result_id: str) -> AnyResult:
    try:
        # Where it was written: a replica may not have it yet.
        rows = StoredTask.objects.using(database_of_tasks())
        row = rows.get(pk=uuid.UUID(result_id), backend_name=backend.alias)
    except (StoredTask.DoesNotExist, ValueError, TypeError, AttributeError) as error:
        raise TaskResultDoesNotExist(result_id) from error
    attempts = Attempt.objects.using(row._state.db).filter(task=row).order_by("number") if row.attempt_count else ()
    return build_result(backend, row, stored_task(backend, row), attempts)


def build_result(backend: OneshotBackend, row: StoredTask, task: AnyTask, attempts: Iterable[Attempt]) -> AnyResult:
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


def stored_task(backend: OneshotBackend, row: StoredTask) -> AnyTask:
    return rebuilt_task(backend, row.task_path, row.queue_name, row.priority, row.run_after)


def check_database(backend: OneshotBackend) -> list[checks.CheckMessage]:
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
