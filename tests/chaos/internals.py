"""All that the harness knows about the inside of django-tasks-oneshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.db import router

from django_tasks_oneshot.backends.base import Claim, Recorded, Store
from django_tasks_oneshot.backends.database_delivered import DeliveredStore
from django_tasks_oneshot.backends.database_store import DatabaseStore
from django_tasks_oneshot.backends.sqs_store import SQSStore
from django_tasks_oneshot.compat import AnyResult
from django_tasks_oneshot.contract.missed import Fire
from django_tasks_oneshot.models import Schedule
from django_tasks_oneshot.run.fire import Firing

from . import ledger
from .points import reach


def install() -> None:
    """Puts the named points into this process, and lets it write down what it claims and fires."""
    for store in (DatabaseStore, DeliveredStore, SQSStore):
        wrap(store, "claim", _claim)
    for store in (DatabaseStore, SQSStore):
        wrap(store, "record", _record)
    wrap(Firing, "enqueue", _enqueue)


def last_fires() -> list[tuple[str, str]]:
    """The newest fire of each schedule that the database says to have happened: its name and fire time."""
    return [(each.name, each.last_fire_at.isoformat()) for each in _schedules().exclude(last_fire_at=None)]


def wrap(owner: object, name: str, wrapper: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrapper(original, *args, **kwargs)

    setattr(owner, name, wrapped)


def _claim(original: Callable[..., Sequence[Claim]], *args: Any, **kwargs: Any) -> Sequence[Claim]:
    claims = original(*args, **kwargs)
    if claims:
        ledger.write("claimed", tasks=[each.id for each in claims])
        reach("after-claim", claims[0].id)
    return claims


def _record(original: Callable[..., Recorded], store: Store, claim: Claim, *args: Any, **kwargs: Any) -> Recorded:
    reach("before-record", claim.id)
    recorded = original(store, claim, *args, **kwargs)
    following: Claim | None = kwargs.get("start")
    reach("after-record", following.id if following is not None and recorded.started else "")
    return recorded


def _enqueue(original: Callable[..., AnyResult], firing: Firing, fire: Fire) -> AnyResult:
    reach("in-tick")
    result = original(firing, fire)
    # Of a task with one schedule, whose name is then the task's. The transaction is still open: whether the
    # fire has happened is known by whether this result exists later.
    schedule = firing.scheduled.task.module_path
    ledger.write("fire", schedule=schedule, fire_time=fire.at.isoformat(), task=result.id)
    return result


def _schedules() -> Any:
    return Schedule.objects.using(router.db_for_write(Schedule))
