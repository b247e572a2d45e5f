"""How a task comes to know the fire time that it stands for: the one who enqueues says it, the backend takes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .missed import Fire

_waiting: ContextVar[list[Fire] | None] = ContextVar("fire", default=None)


@contextmanager
def standing_for(fire: Fire) -> Iterator[None]:
    """Inside, the next task that is enqueued stands for ``fire``."""
    token = _waiting.set([fire])
    try:
        yield
    finally:
        _waiting.reset(token)


def take_fire() -> Fire | None:
    """What the task that is being enqueued stands for; to be taken once: it may enqueue others."""
    waiting = _waiting.get()
    return waiting.pop() if waiting else None
