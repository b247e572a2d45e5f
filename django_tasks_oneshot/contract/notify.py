from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from django.dispatch import Signal

from ..compat import AnyResult, BaseTaskBackend

Notice: TypeAlias = tuple[Signal, BaseTaskBackend, AnyResult]

_held_back: ContextVar[list[Notice] | None] = ContextVar("held_back", default=None)

logger = logging.getLogger("django_tasks_oneshot")


@contextmanager
def notices_held_back() -> Iterator[list[Notice]]:
    """Inside, `notify` sends nothing and adds to this list: receivers have no business in a transaction of ours."""
    notices: list[Notice] = []
    token = _held_back.set(notices)
    try:
        yield notices
    finally:
        _held_back.reset(token)


def notify(signal: Signal, backend: BaseTaskBackend, result: AnyResult) -> None:
    """Sends one of the framework's signals. A receiver that raises hurts only itself: it is logged."""
    held_back = _held_back.get()
    if held_back is not None:
        held_back.append((signal, backend, result))
        return
    try:
        signal.send_robust(sender=type(backend), task_result=result)
    except BaseException:  # send_robust() lets SystemExit and its like pass
        logger.exception("A receiver of a task signal raised; task id=%s goes on.", result.id)
