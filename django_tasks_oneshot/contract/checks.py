"""Tells where a task asks for what its backend cannot do. Nothing here crashes an import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core import checks

from ..compat import AnyTask, task_backends
from .declared import problems
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


@checks.register
def check_schedules(app_configs: Any = None, **kwargs: Any) -> Iterable[checks.CheckMessage]:
    for name, problem in problems():
        yield checks.Error(
            f"Schedule {name!r}: {problem}",
            hint="Until that is changed, it does not fire; all others do.",
            id="oneshot.E005",
        )


def _asks_for(task: AnyTask) -> Iterable[tuple[str, str, str]]:
    policy = Policy.of(task)
    if policy.max_attempts > 1:
        yield "oneshot.W001", "supports_retry", f"max_attempts={policy.max_attempts}"
    if policy.timeout:
        yield "oneshot.W002", "supports_timeout", f"timeout={policy.timeout.total_seconds():g}"
    rules = getattr(task, "schedule", None) or ()
    if rules and not _schedules_are_evaluated():
        yield "oneshot.W003", "supports_schedule", "a schedule"
    if any(rule.overlap == "skip" for rule in rules):
        yield "oneshot.W004", "supports_get_result", "a schedule with overlap='skip'"


def _schedules_are_evaluated() -> bool:
    """The runs of one backend enqueue tasks on all of them."""
    return any(getattr(backend, "supports_schedule", False) for backend in task_backends.all())
