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
from ..compat import AnyResult, InvalidTaskBackend, TaskResultDoesNotExist, task_backends
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
    firing = Firing(alias, row, scheduled, now)
    moved_on = plan(row.name, rule, now)
    if row.rule != moved_on["rule"]:  # it was changed a moment ago, and does not fire for the past
        firing.move(moved_on)
        return 0
    due = due_fires(rule, row.next_fire_at, now - rule.put_off(row.name))
    fires = firing.here(due, moved_on) if firing.is_here else firing.elsewhere(due, moved_on, call_project)
    if fires is None:
        return 0
    _tell(row, due, fires)
    return len(fires)


def fire_now(
    alias: str, row: Schedule, scheduled: Scheduled, now: datetime, call_project: CallProject = call_directly
) -> AnyResult | None:
    """Enqueues the task of a schedule out of turn; ``None`` if an earlier one is unfinished and may not overlap."""
    firing = Firing(alias, row, scheduled, now)
    this = Fire(now)
    with firing.transaction() if firing.is_here else nullcontext():
        rows_of(alias).filter(pk=row.pk).update(rule=F("rule"))  # a tick that fires it waits, or is waited for
        if firing.overlaps():
            return None
        result: AnyResult = firing.enqueue(this) if firing.is_here else call_project(firing.enqueue, this)
        firing.keep([this], [result])
        return result


class Firing:
    """A schedule that fires, ``now``."""

    def __init__(self, alias: str, row: Schedule, scheduled: Scheduled, now: datetime) -> None:
        self.alias = alias
        self.row = row
        self.scheduled = scheduled
        self.now = now
        self.fire_times = FireTime.objects.using(alias)

    @property
    def is_here(self) -> bool:
        """Whether what it enqueues is in the transaction that moves the schedule on."""
        backend = self.scheduled.task.get_backend()
        return isinstance(backend, OneshotBackend) and backend.enqueues_into == self.alias

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Receivers are told of what is enqueued inside when it is committed."""
        with notices_held_back() as notices, transaction.atomic(using=self.alias):
            yield
        for notice in notices:
            notify(*notice)

    def here(self, due: Due, moved_on: dict[str, Any]) -> Sequence[Fire] | None:
        """``None``: another tick was faster."""
        with self.transaction():
            if not self.move(moved_on):
                return None
            fires = self.to_enqueue(due)
            self.keep(fires, [self.enqueue(each) for each in fires])
        return fires

    def elsewhere(self, due: Due, moved_on: dict[str, Any], call_project: CallProject) -> Sequence[Fire] | None:
        """What is enqueued elsewhere is not undone by a rollback. So it is done before the schedule is moved on.

        If this process dies in between, it is done again, when the lease ends.
        """
        if not self.renew_lease():
            return None
        done: list[Fire] = []
        for each in self.to_enqueue(due):
            if done and not self.renew_lease():
                return done
            result = call_project(self.enqueue, each)
            with transaction.atomic(using=self.alias):
                self.keep([each], [result])
            done.append(each)
        self.move(moved_on)
        return done

    def move(self, changes: dict[str, Any]) -> bool:
        """Writes to a row that still is as it was read."""
        row = self.row
        unmoved = {"pk": row.pk, "rule": row.rule, "next_fire_at": row.next_fire_at, "due_at": row.due_at}
        return rows_of(self.alias).filter(**unmoved).update(**changes) == 1

    def renew_lease(self) -> bool:
        lease = database_now(self.alias) + LEASE  # ``now`` may have been a while ago
        is_ours = self.move({"due_at": lease})
        self.row.due_at = lease
        return is_ours

    def to_enqueue(self, due: Due) -> Sequence[Fire]:
        # The clock may have been set back.
        fired = self.fire_times.filter(schedule=self.row, fire_at__in=[each.at for each in due.fires])
        known = set(fired.values_list("fire_at", flat=True))
        fires = [each for each in due.fires if each.at not in known]
        if fires and self.overlaps():
            logger.info("Schedule %s: an earlier task is unfinished, so none is enqueued.", self.row.name)
            return []
        return fires

    def overlaps(self) -> bool:
        """Whether an earlier task is unfinished, and the next must not begin before its end."""
        if self.scheduled.rule.overlap != "skip":
            return False
        earlier = self.fire_times.filter(schedule=self.row).order_by("-pk")[:LOOK_BACK]
        return any(_is_unfinished(each, self.now) for each in earlier)

    def enqueue(self, fire: Fire) -> AnyResult:
        task, rule = self.scheduled.task, self.scheduled.rule
        with standing_for(fire, task):
            return task.enqueue(*rule.args, **rule.kwargs)

    def keep(self, fires: Sequence[Fire], results: Sequence[AnyResult]) -> None:
        if not fires:
            return
        self.fire_times.bulk_create(
            FireTime(
                schedule=self.row,
                fire_at=each.at,
                replaces=each.replaces,
                backend_name=result.backend[:100],
                task_id=str(result.id or "")[:255],
                enqueued_at=self.now,
            )
            for each, result in zip(fires, results, strict=True)
        )
        rows_of(self.alias).filter(pk=self.row.pk).update(last_fire_at=fires[-1].at)


def _is_unfinished(earlier: FireTime, now: datetime) -> bool:
    """Where a process died under a task, its store's lease ends that; of other stores nobody knows."""
    try:
        backend = task_backends[earlier.backend_name]
        if not backend.supports_get_result or backend.get_result(earlier.task_id).is_finished:
            return False
    except (InvalidTaskBackend, TaskResultDoesNotExist):  # it is gone: pruned
        return False
    return isinstance(backend, OneshotBackend) or earlier.enqueued_at > now - LONGEST_OVERLAP


def _tell(row: Schedule, due: Due, fires: Sequence[Fire]) -> None:
    if due.too_many:
        logger.warning("Schedule %s: max_missed drops %d fire time(s), the oldest.", row.name, due.too_many)
    if due.too_late:
        logger.info("Schedule %s: %d fire time(s) came too late, and are dropped.", row.name, due.too_late)
    for each in fires:
        if each.replaces:
            logger.info("Schedule %s: the task for %s stands for %d older ones too.", row.name, each.at, each.replaces)
