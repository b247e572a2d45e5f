"""Tells where runs find no database to keep schedules in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core import checks

from ..backends.base import OneshotBackend
from ..compat import task_backends
from ..contract.declared import declared_schedules
from ..db.missing import HINT
from .schedules import has_schedules


@checks.register
def check_database_of_schedules(app_configs: Any = None, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    if has_schedules() or not _only_our_runs_look_at_schedules():
        return
    for name in declared_schedules():
        yield checks.Warning(
            f"Schedule {name!r}: DATABASES has no database to keep it in, so it does not fire.",
            hint=f"{HINT}. Else remove it, or SILENCED_SYSTEM_CHECKS = ['oneshot.W005'].",
            id="oneshot.W005",
        )


def _only_our_runs_look_at_schedules() -> bool:
    looking = [backend for backend in task_backends.all() if getattr(backend, "supports_schedule", False)]
    return bool(looking) and all(isinstance(backend, OneshotBackend) for backend in looking)
