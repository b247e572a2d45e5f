"""A task backend of somebody else's: nothing of it is in our tables, and it executes nothing."""

from __future__ import annotations

import os
import uuid

from django_tasks_oneshot.compat import BaseTaskBackend, TaskResult, TaskResultDoesNotExist, TaskResultStatus


class TableBackend(BaseTaskBackend):
    """Keeps what is enqueued in a table of the project, and in no transaction of its caller's that it would know of."""

    supports_get_result = True
    supports_defer = True

    def enqueue(self, task, args, kwargs):
        from .shop.models import Execution

        self.validate_task(task)
        result = self._result(task, uuid.uuid4().hex, TaskResultStatus.READY, args, kwargs)
        Execution.objects.create(note=f"{task.module_path} {result.id}", process=os.getpid())
        return result

    def get_result(self, result_id):
        from .shop.models import Execution

        if not Execution.objects.filter(note__endswith=result_id).exists():
            raise TaskResultDoesNotExist(result_id)
        return self._result(None, result_id, TaskResultStatus.RUNNING, [], {})  # for ever

    def _result(self, task, result_id, status, args, kwargs):
        return TaskResult(
            task=task,
            id=result_id,
            status=status,
            enqueued_at=None,
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=list(args),
            kwargs=dict(kwargs),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
