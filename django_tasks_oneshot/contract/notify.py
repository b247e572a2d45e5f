from __future__ import annotations

import logging

from django.dispatch import Signal

from ..compat import AnyResult, BaseTaskBackend

logger = logging.getLogger("django_tasks_oneshot")


def notify(signal: Signal, backend: BaseTaskBackend, result: AnyResult) -> None:
    """Sends one of the framework's signals. A receiver that raises hurts only itself: it is logged."""
    try:
        signal.send_robust(sender=type(backend), task_result=result)
    except BaseException:  # send_robust() lets SystemExit and its like pass
        logger.exception("A receiver of a task signal raised; task id=%s goes on.", result.id)
