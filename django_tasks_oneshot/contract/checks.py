"""Tells where a task asks for what its backend cannot do. Nothing here crashes an import."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core import checks

from ..compat import AnyTask, BaseTaskBackend, InvalidTask, task_backends
from .declared import Declared, declared_schedules, problems
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
            hint="Until that is changed, this one does not fire; all others do.",
            id="oneshot.E005",
        )
    # The runs of one backend enqueue tasks on all of them.
    is_looked_at = any(getattr(backend, "supports_schedule", False) for backend in task_backends.all())
    for each in declared_schedules().values():
        if not is_looked_at:
            yield checks.Warning(
                f"Schedule {each.name!r}: no task backend of this project looks at schedules, so it does not fire.",
                hint="Set TASKS['default']['BACKEND'] = 'django_tasks_oneshot.backends.database.DatabaseBackend', "
                "remove it, or SILENCED_SYSTEM_CHECKS = ['oneshot.W003'].",
                id="oneshot.W003",
            )
        elif backend := _cannot_tell(each):
            yield checks.Warning(
                f"Schedule {each.name!r} has overlap='skip', and the task backend {backend.alias!r} does not tell "
                "whether a task is finished: nothing is skipped.",
                hint="Use a backend that has supports_get_result = True, remove overlap='skip', or "
                "SILENCED_SYSTEM_CHECKS = ['oneshot.W004'].",
                id="oneshot.W004",
            )


def _cannot_tell(declared: Declared) -> BaseTaskBackend | None:
    """The backend of a schedule that asks whether its tasks are finished, if that does not answer."""
    try:
        scheduled = declared.scheduled()
    except InvalidTask:
        return None
    backend: BaseTaskBackend = scheduled.task.get_backend()
    return backend if scheduled.rule.overlap == "skip" and not backend.supports_get_result else None


def _asks_for(task: AnyTask) -> Iterable[tuple[str, str, str]]:
    policy = Policy.of(task)
    if policy.max_attempts > 1:
        yield "oneshot.W001", "supports_retry", f"max_attempts={policy.max_attempts}"
    if policy.timeout:
        yield "oneshot.W002", "supports_timeout", f"timeout={policy.timeout.total_seconds():g}"
