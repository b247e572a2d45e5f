"""How a task comes to know the fire time that it stands for: the one who enqueues says it, the backend takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..compat import AnyTask
from .missed import Fire

_waiting: ContextVar[list[tuple[AnyTask, Fire]]] = ContextVar("fire")


@contextmanager
def standing_for(fire: Fire, task: AnyTask) -> Iterator[None]:
    """Inside, ``task`` is enqueued, and stands for ``fire``."""
    token = _waiting.set([(task, fire)])
    try:
        yield
    finally:
        _waiting.reset(token)


def take_fire(task: AnyTask) -> Fire | None:
    """What ``task``, which is being enqueued, stands for: it alone, and not what it enqueues itself, or a receiver."""
    waiting = _waiting.get(None)
    return waiting.pop()[1] if waiting and waiting[0][0] is task else None
