"""Fires a schedule that is due: enqueues its task, and moves it on to its next fire time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.db import transaction
from django.db.models import F

from ..backends.base import OneshotBackend
from ..compat import AnyResult, AnyTask, InvalidTaskBackend, TaskResultDoesNotExist, task_backends
from ..contract.declared import Scheduled
from ..contract.fired import standing_for
from ..contract.missed import Due, Fire, due_fires
from ..contract.notify import notices_held_back, notify
from ..db.clock import database_now
from ..models import FireTime, Schedule
from .schedules import LEASE, plan, rows_of

#: Calls something of the project's own, apart from the transactions of a run.
CallProject: TypeAlias = Callable[..., Any]

#: After which an earlier task does not keep others from starting, where its backend may leave it unfinished for ever.
LONGEST_OVERLAP = timedelta(days=1)
LOOK_BACK = 10  # earlier tasks of a schedule, to see whether one is unfinished

logger = logging.getLogger("django_tasks_oneshot")


def call_directly(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


def fire(alias: str, row: Schedule, scheduled: Scheduled, now: datetime, call_project: CallProject) -> int:
    """Returns how many tasks that were. Of several ticks at once, the one that moves the row on enqueues them."""
    rule = scheduled.rule
    due = due_fires(rule, row.next_fire_at, now - rule.put_off(row.name))
    moved_on = plan(row.name, rule, now)
    if row.rule != moved_on["rule"]:  # it was changed a moment ago, and does not fire for the past
        _move(alias, row, moved_on)
        return 0
    if shares_transaction(scheduled.task, alias):
        fires = _fire_here(alias, row, scheduled, due, moved_on, now)
    else:
        fires = _fire_elsewhere(alias, row, scheduled, due, moved_on, now, call_project)
    if fires is None:
        return 0
    _tell(row, due, fires)
    return len(fires)


def _fire_here(
    alias: str, row: Schedule, scheduled: Scheduled, due: Due, moved_on: dict[str, Any], now: datetime
) -> Sequence[Fire] | None:
    with _in_one_transaction(alias):
        if not _move(alias, row, moved_on):
            return None
        fires = _to_enqueue(alias, row, scheduled, due, now)
        _keep(alias, row, now, fires, [enqueue(scheduled, each) for each in fires])
    return fires


def _fire_elsewhere(
    alias: str,
    row: Schedule,
    scheduled: Scheduled,
    due: Due,
    moved_on: dict[str, Any],
    now: datetime,
    call_project: CallProject,
) -> Sequence[Fire] | None:
    """What is enqueued elsewhere is not undone by a rollback. So it is done before the schedule is moved on.

    If this process dies in between, it is done again, when the lease ends.
    """
    done: list[Fire] = []
    if not _renew_lease(alias, row):
        return None
    for each in _to_enqueue(alias, row, scheduled, due, now):
        if done and not _renew_lease(alias, row):
            return done
        result = call_project(enqueue, scheduled, each)
        with transaction.atomic(using=alias):
            _keep(alias, row, now, [each], [result])
        done.append(each)
    _move(alias, row, moved_on)
    return done


def fire_now(
    alias: str, row: Schedule, scheduled: Scheduled, now: datetime, call_project: CallProject = call_directly
) -> AnyResult | None:
    """Enqueues the task of a schedule out of turn; ``None`` if an earlier one is unfinished and may not overlap."""
    this = Fire(now)
    together = shares_transaction(scheduled.task, alias)
    with _in_one_transaction(alias) if together else nullcontext():
        rows_of(alias).filter(pk=row.pk).update(rule=F("rule"))  # a tick that fires it waits, or is waited for
        if scheduled.rule.overlap == "skip" and _has_unfinished(alias, row, now):
            return None
        result: AnyResult = enqueue(scheduled, this) if together else call_project(enqueue, scheduled, this)
        _keep(alias, row, now, [this], [result])
        return result


def enqueue(scheduled: Scheduled, fire: Fire) -> AnyResult:
    with standing_for(fire, scheduled.task):
        return scheduled.task.enqueue(*scheduled.rule.args, **scheduled.rule.kwargs)


@contextmanager
def _in_one_transaction(alias: str) -> Iterator[None]:
    """Receivers are told of what is enqueued inside when it is committed."""
    with notices_held_back() as notices, transaction.atomic(using=alias):
        yield
    for notice in notices:
        notify(*notice)


def shares_transaction(task: AnyTask, alias: str) -> bool:
    backend = task.get_backend()
    return isinstance(backend, OneshotBackend) and backend.enqueues_into == alias


def _move(alias: str, row: Schedule, changes: dict[str, Any]) -> bool:
    """Writes to a row that still is as it was read."""
    unmoved = rows_of(alias).filter(pk=row.pk, rule=row.rule, next_fire_at=row.next_fire_at, due_at=row.due_at)
    return unmoved.update(**changes) == 1


def _renew_lease(alias: str, row: Schedule) -> bool:
    lease = database_now(alias) + LEASE
    is_ours = _move(alias, row, {"due_at": lease})
    row.due_at = lease
    return is_ours


def _to_enqueue(alias: str, row: Schedule, scheduled: Scheduled, due: Due, now: datetime) -> Sequence[Fire]:
    # The clock may have been set back.
    fired = FireTime.objects.using(alias).filter(schedule=row, fire_at__in=[each.at for each in due.fires])
    known = set(fired.values_list("fire_at", flat=True))
    fires = [each for each in due.fires if each.at not in known]
    if fires and scheduled.rule.overlap == "skip" and _has_unfinished(alias, row, now):
        logger.info("Schedule %s: an earlier task is unfinished, so none is enqueued.", row.name)
        return []
    return fires


def _has_unfinished(alias: str, row: Schedule, now: datetime) -> bool:
    earlier = FireTime.objects.using(alias).filter(schedule=row).order_by("-pk")[:LOOK_BACK]
    return any(_is_unfinished(each, now) for each in earlier)


def _is_unfinished(earlier: FireTime, now: datetime) -> bool:
    """Where a process died under a task, its store's lease ends that; of other stores nobody knows."""
    try:
        backend = task_backends[earlier.backend_name]
        if not backend.supports_get_result or backend.get_result(earlier.task_id).is_finished:
            return False
    except (InvalidTaskBackend, TaskResultDoesNotExist):  # it is gone: pruned
        return False
    return isinstance(backend, OneshotBackend) or earlier.enqueued_at > now - LONGEST_OVERLAP


def _keep(alias: str, row: Schedule, now: datetime, fires: Sequence[Fire], results: Sequence[AnyResult]) -> None:
    if not fires:
        return
    FireTime.objects.using(alias).bulk_create(
        FireTime(
            schedule=row,
            fire_at=each.at,
            replaces=each.replaces,
            backend_name=result.backend[:100],
            task_id=str(result.id or "")[:255],
            enqueued_at=now,
        )
        for each, result in zip(fires, results, strict=True)
    )
    rows_of(alias).filter(pk=row.pk).update(last_fire_at=fires[-1].at)


def _tell(row: Schedule, due: Due, fires: Sequence[Fire]) -> None:
    if due.too_many:
        logger.warning("Schedule %s: max_missed drops %d fire time(s), the oldest.", row.name, due.too_many)
    if due.too_late:
        logger.info("Schedule %s: %d fire time(s) came too late, and are dropped.", row.name, due.too_late)
    for each in fires:
        if each.replaces:
            logger.info("Schedule %s: the task for %s stands for %d older ones too.", row.name, each.at, each.replaces)
