from __future__ import annotations

from django_tasks_oneshot.compat import TaskError, TaskResult, TaskResultStatus
from django_tasks_oneshot.contract.exceptions import TaskInterrupted


def result_of(*errors: type[BaseException]) -> TaskResult:
    """The result of a task of which each attempt so far ended in one of ``errors``."""
    return TaskResult(
        task=None,
        id="a-result",
        status=TaskResultStatus.FAILED,
        enqueued_at=None,
        started_at=None,
        finished_at=None,
        last_attempted_at=None,
        args=[],
        kwargs={},
        backend="default",
        errors=[
            TaskError(exception_class_path=f"{kind.__module__}.{kind.__qualname__}", traceback="") for kind in errors
        ],
        worker_ids=["a-worker"] * len(errors),
    )


def failed(times: int, *, interrupted: int = 0) -> TaskResult:
    """The result of a task that raised and was interrupted this often."""
    return result_of(*[TaskInterrupted] * interrupted, *[ValueError] * times)
