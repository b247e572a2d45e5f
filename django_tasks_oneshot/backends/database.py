"""Tasks are rows: SQLite, PostgreSQL, MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from ..compat import AnyResult, AnyTask, InvalidTask
from .base import Call, Claimant, OneshotBackend
from .lanes import LONGEST_LANE, lane_of
from .outbox import send_on_commit

if TYPE_CHECKING:
    from .database_store import DatabaseStore
    from .dispatch import Dispatch

LONGEST_NAME = 100


class DatabaseBackend(OneshotBackend):
    """Keeps tasks in the database that the router gives for ``StoredTask``.

    ``enqueue`` is one INSERT in the caller's transaction. With ``OPTIONS["dispatch"]`` a message says, after its
    commit, that there is something to do. Models are imported when first needed:
    backends are made while tasks modules are imported, which may be before the models are.
    """

    supports_get_result = True
    supports_priority = True

    default_options: ClassVar[dict[str, Any]] = {**OneshotBackend.default_options, "dispatch": None}

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        self.dispatch = self._dispatch()

    def _dispatch(self) -> Dispatch | None:
        if not (options := self.option("dispatch")):
            return None
        from .dispatch import Dispatch

        try:
            return Dispatch(self.alias, options)
        except InvalidTask as error:
            raise ImproperlyConfigured(f"TASKS[{self.alias!r}]: {error}") from error

    @property
    def enqueues_into(self) -> str:
        from .database_rows import database_of_tasks

        return database_of_tasks()

    @property
    def urls(self) -> list[str]:
        return [self.dispatch.url] if self.dispatch else []

    def validate_task(self, task: AnyTask) -> None:
        super().validate_task(task)
        validate_names(self.alias, task)

    def enqueue_many(self, calls: Iterable[Call]) -> Sequence[AnyResult]:
        from .database_rows import database_of_tasks, insert

        calls = list(calls)
        for task, _, _ in calls:
            self.validate_task(task)
        if self.dispatch is None:
            return insert(self, calls)[1]
        rows, results = insert(self, calls, dispatched=self.dispatch.patience)
        if dispatched := [row for row in rows if row.is_dispatched]:
            send_on_commit(database_of_tasks(), self.dispatch.send, dispatched)
        return results

    def get_result(self, result_id: str) -> AnyResult:
        from .database_rows import get_result

        return get_result(self, result_id)

    def open_store(self, claimant: Claimant) -> DatabaseStore:
        from .database_delivered import DispatchedStore
        from .database_dispatch import DispatchingStore
        from .database_store import DatabaseStore

        if self.dispatch is None:
            return DatabaseStore(self, claimant)
        if claimant.deliveries is None:
            return DispatchingStore(self, claimant, self.dispatch)
        return DispatchedStore(self, claimant, self.dispatch.mailbox(claimant.deliveries), self.dispatch)

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        messages = super().check(**kwargs)
        if self.dispatch is not None:
            messages += self.dispatch.client.check_boto3(self.alias)
        if not apps.is_installed("django_tasks_oneshot"):
            return messages
        from .database_rows import check_database

        return [*messages, *check_database(self)]


def validate_names(alias: str, task: AnyTask) -> None:
    """Raises ``InvalidTask`` where a row cannot hold the names of the task's backend and queue."""
    for what, name in (("backend alias", alias), ("queue_name", task.queue_name)):
        if len(name) > LONGEST_NAME or not name.isascii():
            raise InvalidTask(f"{what} {name!r} cannot be stored; write at most {LONGEST_NAME} ASCII characters.")
    if len(lane_of(alias, task.queue_name, task.priority, "dispatched")) > LONGEST_LANE:
        raise InvalidTask(f"queue_name {task.queue_name!r} cannot be stored; write fewer of other than small letters.")
