"""Tasks are rows: SQLite, PostgreSQL, MySQL and MariaDB."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from django.apps import apps
from django.core import checks

from ..compat import AnyResult, AnyTask, InvalidTask, Task, TaskResult
from .base import OneshotBackend
from .lanes import LONGEST_LANE, lane_of

if TYPE_CHECKING:
    from .database_store import DatabaseStore

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_NAME = 100


class DatabaseBackend(OneshotBackend):
    """Keeps tasks in the database that the router gives for ``StoredTask``.

    ``enqueue`` is one INSERT in the caller's transaction. Models are imported when first needed:
    backends are made while tasks modules are imported, which may be before the models are.
    """

    supports_get_result = True
    supports_priority = True

    @property
    def enqueues_into(self) -> str:
        from .database_rows import database_of_tasks

        return database_of_tasks()

    def validate_task(self, task: AnyTask) -> None:
        super().validate_task(task)
        for what, name in (("backend alias", self.alias), ("queue_name", task.queue_name)):
            if len(name) > LONGEST_NAME or not name.isascii():
                raise InvalidTask(f"{what} {name!r} cannot be stored; write at most {LONGEST_NAME} ASCII characters.")
        if len(lane_of(self.alias, task.queue_name, task.priority, claimed=True)) > LONGEST_LANE:
            raise InvalidTask(
                f"queue_name {task.queue_name!r} cannot be stored; write fewer of other than small letters."
            )

    def enqueue(self, task: Task[P, R], args: Any, kwargs: Any) -> TaskResult[P, R]:
        """Raises ``UnstorableValue`` (a ``ValueError``) for arguments that have no JSON form."""
        from .database_rows import insert

        self.validate_task(task)
        return cast("TaskResult[P, R]", insert(self, task, args, kwargs))

    def get_result(self, result_id: str) -> AnyResult:
        from .database_rows import get_result

        return get_result(self, result_id)

    def open_store(
        self,
        *,
        worker_id: str,
        queues: Collection[str] = (),
        lease: Callable[[], timedelta] | None = None,
        remaining: Callable[[], float] = lambda: math.inf,
    ) -> DatabaseStore:
        from .database_store import DatabaseStore

        return DatabaseStore(
            self, worker_id=worker_id, queues=queues, lease=lease or (lambda: self.lease), remaining=remaining
        )

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        messages = super().check(**kwargs)
        if not apps.is_installed("django_tasks_oneshot"):
            messages.append(
                checks.Error(
                    f"TASKS[{self.alias!r}] stores tasks in the database, and the app with the tables is missing.",
                    hint='Add "django_tasks_oneshot" to INSTALLED_APPS, then run manage.py migrate.',
                    id="oneshot.E001",
                )
            )
            return messages
        from .database_rows import check_database

        return [*messages, *check_database(self)]
