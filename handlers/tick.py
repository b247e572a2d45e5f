"""For EventBridge Scheduler, or a rule of EventBridge: a whole run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backends.base import OneshotBackend
from ..compat import DEFAULT_TASK_BACKEND_ALIAS
from ..run.backends import runnable_backend
from ..run.drain import Limits, drain
from .invocation import LambdaContext, invocation, logger, no_time


def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Enqueues what schedules have come due, and runs what is due, for as long as the function may.

    ``event`` may name the ``backend`` (an alias of TASKS) and ``queues``. Its ``time``, when it was scheduled, goes
    to the log; all others of its keys are left alone.
    Returns the report of the run, as ``run_due_tasks --format json`` prints it.
    """
    with invocation(context) as call:
        if call.deadline.remaining <= 0:
            raise no_time()
        asked = event if isinstance(event, Mapping) else {}  # schedulers may send anything, or nothing
        backend = runnable_backend(asked.get("backend", DEFAULT_TASK_BACKEND_ALIAS))
        report = drain(backend, call.deadline, Limits(queues=_queues(asked, backend)), call.host)
        logger.info("%s%s", f"Tick of {asked['time']}. " if "time" in asked else "", report.as_text())
        return report.as_dict()


def _queues(asked: Mapping[str, Any], backend: OneshotBackend) -> frozenset[str]:
    queues = asked.get("queues", [])
    if not isinstance(queues, list) or (backend.queues and not set(queues) <= backend.queues):
        raise ValueError(f"The event has queues={queues!r}; write a list of some of {sorted(backend.queues)}.")
    return frozenset(queues)
