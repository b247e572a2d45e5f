"""Turns due schedules into tasks: each fire time at most once, however many runs tick at the same time."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db import Error as DatabaseFailure

from ..compat import InvalidTask
from ..contract.declared import declared_schedules
from ..db.clock import DatabaseNow, database_now
from ..db.trouble import insist
from ..models import DeclaredSchedules, Schedule
from .fire import CallProject, call_directly, fire
from .schedules import LATER, bring_in_line, database_of_schedules, digest_of, rows_of, scheduled_by, stop

AT_A_TIME = 100  # schedules that are read together,
MOST_AT_ONCE = 1000  # and that a tick fires

#: When a schedule is looked at again that could not be fired: its task could not be enqueued.
SOON = timedelta(minutes=1)
#: How long a schedule is left to others that this release cannot fire: another one may run at the same time.
LEFT_TO_OTHERS = timedelta(minutes=10)

logger = logging.getLogger("django_tasks_oneshot")


class Ticker:
    """The schedules of the code, the settings and the operators, held against the database's clock."""

    def __init__(
        self,
        remaining: Callable[[], float] = lambda: math.inf,
        call_project: CallProject = call_directly,
    ) -> None:
        self.remaining = remaining
        self.call_project = call_project
        self.declared = declared_schedules()
        self.digest = digest_of(self.declared.values())
        self.alias = database_of_schedules()
        self.databases = frozenset({self.alias})

    def tick(self) -> int:
        """Enqueues what has come due since the last tick of any run, and returns how many tasks that were."""
        is_in_line, due = insist(self.alias, self._look, remaining=self.remaining)
        if not is_in_line:
            insist(self.alias, self._bring_in_line, remaining=self.remaining)
            _, due = insist(self.alias, self._look, remaining=self.remaining)
        # Tasks have their turn before the next ones, which the next tick finds due.
        return sum(self._fire_those(due[start : start + AT_A_TIME]) for start in range(0, MOST_AT_ONCE, AT_A_TIME))

    def due(self) -> list[str]:
        """The names of the schedules that the next tick will fire."""
        _, due = insist(self.alias, self._look)
        rows = rows_of(self.alias).filter(pk__in=due).only("name", "source").order_by("due_at")
        return [row.name for row in rows if row.source == Schedule.Source.ADMIN or row.name in self.declared]

    def _look(self) -> tuple[bool, list[str]]:
        """Whether the table is as this release has it, and what is due: all that an idle tick asks."""
        due = rows_of(self.alias).filter(due_at__lte=DatabaseNow()).values_list("pk")
        marks = (
            DeclaredSchedules.objects.using(self.alias)
            .filter(pk=self.digest, holds_until__gt=DatabaseNow())
            .values_list("pk")
        )
        names = [name for (name,) in due.union(marks, all=True)]
        is_in_line = self.digest in names
        return is_in_line, [name for name in names if name != self.digest]

    def _bring_in_line(self) -> None:
        bring_in_line(self.alias, self.declared, database_now(self.alias))

    def _fire_those(self, names: Sequence[str]) -> int:
        if not names or self.remaining() <= 0:
            return 0
        due = rows_of(self.alias).filter(pk__in=names, due_at__lte=DatabaseNow()).annotate(now=DatabaseNow())
        # Without what operators wrote: one that somebody has broken by hand would be in the way of the others.
        due = due.defer("definition").order_by("due_at")
        rows: list[Any] = insist(self.alias, lambda: list(due), remaining=self.remaining)
        return sum(self._fire_safely(row, row.now) for row in rows if self.remaining() > 0)

    def _fire_safely(self, row: Schedule, now: datetime) -> int:
        """One bad rule, or a task that cannot be enqueued, stops no other schedule."""
        try:
            return self._fire(row, now)
        except InvalidTask as error:
            logger.error("Schedule %s cannot be fired: %s", row.name, error)
            self._put_off(row, LATER)
        except DatabaseError as error:
            logger.warning("Schedule %s could not be fired; it is tried again in a minute (%s).", row.name, error)
            self._put_off(row, SOON)
        except Exception:
            logger.exception("Schedule %s could not be fired; it is tried again in a minute.", row.name)
            self._put_off(row, SOON)
        return 0

    def _fire(self, row: Schedule, now: datetime) -> int:
        is_left_to_others = row.due_at is not None and now < row.due_at + LEFT_TO_OTHERS
        try:
            scheduled = scheduled_by(row, self.declared)
        except InvalidTask:
            if is_left_to_others:
                return 0
            raise
        if scheduled is not None:
            return fire(self.alias, row, scheduled, now, self.call_project)
        if not is_left_to_others:
            stop(self.alias, row)
        return 0

    def _put_off(self, row: Schedule, wait: timedelta) -> None:
        rows = rows_of(self.alias).filter(pk=row.pk, due_at=row.due_at)
        with suppress(DatabaseFailure):  # then the next tick sees it
            rows.update(due_at=DatabaseNow(wait))
