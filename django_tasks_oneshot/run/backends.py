from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ImproperlyConfigured

from ..backends.base import OneshotBackend
from ..compat import InvalidTaskBackend, task_backends


def runnable_backend(alias: str) -> OneshotBackend:
    """The backend of this alias, if a run can execute its tasks; else raises ``ImproperlyConfigured``.

    Makes its system checks. All the others import the URLconf, and with it the whole project.
    """
    try:
        backend = task_backends[alias]
    except InvalidTaskBackend as error:
        raise ImproperlyConfigured(f"{error} TASKS has: {', '.join(task_backends)}.") from error
    if not isinstance(backend, OneshotBackend):
        raise ImproperlyConfigured(
            f"{type(backend).__name__} stores no tasks to run; set TASKS[{alias!r}]"
            "['BACKEND'] = 'django_tasks_oneshot.backends.database.DatabaseBackend'."
        )
    for message in backend.check():
        if message.is_serious():
            raise ImproperlyConfigured(str(message))
    return backend


def queues_of(backend: OneshotBackend, names: Iterable[str]) -> frozenset[str]:
    """These queues, of which a run is to claim. Raises ``ValueError`` for one that the backend does not have."""
    queues = frozenset(names)
    for name in sorted(queues):
        if backend.queues and name not in backend.queues:
            only = ", ".join(sorted(backend.queues))
            raise ValueError(f"{name}: TASKS[{backend.alias!r}]['QUEUES'] has only {only}.")
    return queues
