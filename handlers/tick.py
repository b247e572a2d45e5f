"""For EventBridge Scheduler, or a rule of EventBridge: a whole run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..compat import DEFAULT_TASK_BACKEND_ALIAS
from ..run.backends import runnable_backend
from ..run.drain import Limits, drain
from .invocation import LambdaContext, invocation, logger


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Enqueues what schedules have come due, and runs what is due, for as long as the function may.

    ``event`` may name the ``backend`` (an alias of TASKS) and ``queues``; all others of its keys are left alone.
    Returns the report of the run, as ``run_due_tasks --format json`` prints it.
    """
    with invocation(context) as call:
        backend = runnable_backend(event.get("backend", DEFAULT_TASK_BACKEND_ALIAS))
        report = drain(backend, call.deadline, Limits(queues=frozenset(event.get("queues", ()))), call.host)
        logger.info("%s", report.as_text())
        return report.as_dict()
