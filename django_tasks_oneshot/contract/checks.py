"""Tells where a task asks for what its backend cannot do. Nothing here crashes an import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core import checks

from ..compat import AnyTask
from .task import Policy, registered_tasks

_HINT = "Remove it from {path}, use a backend that has {flag} = True, or SILENCED_SYSTEM_CHECKS = [{id!r}]."


@checks.register
def check_capabilities(app_configs: Any = None, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    for path, task in registered_tasks.items():
        for check_id, flag, what in _asks_for(task):
            backend = task.get_backend()
            if not getattr(backend, flag, False):
                yield checks.Warning(
                    f"{path} has {what}, and the task backend {backend.alias!r} ignores it.",
                    hint=_HINT.format(path=path, flag=flag, id=check_id),
                    id=check_id,
                )


def _asks_for(task: AnyTask) -> Iterable[tuple[str, str, str]]:
    policy = Policy.of(task)
    if policy.max_attempts > 1:
        yield "oneshot.W001", "supports_retry", f"max_attempts={policy.max_attempts}"
    if policy.timeout:
        yield "oneshot.W002", "supports_timeout", f"timeout={policy.timeout.total_seconds():g}"
    if getattr(task, "schedule", None):
        yield "oneshot.W003", "supports_schedule", "a schedule"
