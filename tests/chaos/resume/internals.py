"""All that these sessions know about the inside of django-tasks-oneshot."""

from __future__ import annotations

from functools import wraps

from django_tasks_oneshot.backends.base import Claim
from django_tasks_oneshot.backends.database_store import DatabaseStore

from . import diary


def install() -> None:
    """Lets this process write down its checkpoints once they are durable."""
    original = DatabaseStore.checkpoint

    @wraps(original)
    def checkpoint(store: DatabaseStore, claim: Claim) -> bool:
        is_kept = original(store, claim)
        if is_kept:
            is_over = claim.checkpoint.loops > 0
            diary.checkpoint_is_kept(claim.state.row.attempt_count, None if is_over else claim.checkpoint.cursor)
        return is_kept

    DatabaseStore.checkpoint = checkpoint  # type: ignore[method-assign]
