"""Turns due schedules into tasks: each fire time at most once, however many runs tick at the same time."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, router, transaction

from ..compat import AnyTask
from ..contract.schedule import Rule
from ..contract.task import registered_tasks
from ..db.clock import DatabaseNow, database_now
from ..db.trouble import insist
from ..models import Schedule

logger = logging.getLogger("django_tasks_oneshot")


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A schedule as the code has it."""

    name: str
    task: AnyTask
    rule: Rule


def declared_schedules() -> list[Declared]:
    """All that ``@task(schedule=...)`` declares. The first schedule of a task is named after it, the next ``#2``."""
    return [
        Declared(name=path if number == 1 else f"{path}#{number}", task=task, rule=rule)
        for path, task in registered_tasks.items()
        if getattr(task.get_backend(), "supports_schedule", False)
        for number, rule in enumerate(getattr(task, "schedule", None) or (), start=1)
    ]


class Ticker:
    """The declared schedules, held against the database's clock."""

    def __init__(self, remaining: Callable[[], float] = lambda: math.inf) -> None:
        self.remaining = remaining
        self.declared = declared_schedules()
        self.alias = router.db_for_write(Schedule)
        self.databases = frozenset({self.alias} if self.declared else ())

    def tick(self) -> int:
        """Enqueues what has come due since the last tick of any run, and returns how many tasks that were."""
        if not self.declared:
            return 0
        rows, now = insist(self.alias, self._rows, remaining=self.remaining)
        return sum(self._advance_safely(each, rows.get(each.name), now) for each in self.declared)

    def _rows(self) -> tuple[dict[str, Any], datetime]:
        rows: dict[str, Any] = {row.name: row for row in Schedule.objects.using(self.alias).annotate(now=DatabaseNow())}
        return rows, next((row.now for row in rows.values()), None) or database_now(self.alias)

    def due(self) -> list[str]:
        """The names of the schedules that the next tick will fire."""
        names = [each.name for each in self.declared]
        rows = Schedule.objects.using(self.alias).filter(name__in=names, next_fire_at__lte=DatabaseNow())
        return insist(self.alias, lambda: [row.name for row in rows.order_by("next_fire_at")])

    def _advance_safely(self, schedule: Declared, row: Schedule | None, now: datetime) -> bool:
        """One bad rule, or a task that cannot be enqueued, stops no other schedule."""
        try:
            return self._advance(schedule, row, now)
        except DatabaseError as error:
            logger.warning("Schedule %s could not be evaluated; the next tick does it (%s).", schedule.name, error)
            return False
        except Exception:
            logger.exception("Schedule %s could not be evaluated.", schedule.name)
            return False

    def _advance(self, schedule: Declared, row: Schedule | None, now: datetime) -> bool:
        """Moves a schedule that is due on to its next fire time, and enqueues its task for the newest one."""
        rule, rule_text = schedule.rule, str(schedule.rule)
        schedules = Schedule.objects.using(self.alias)
        if row is None:  # first seen: it waits for its next fire time
            new = Schedule(name=schedule.name, rule=rule_text, next_fire_at=rule.next_after(now))
            schedules.bulk_create([new], ignore_conflicts=True)
            return False
        unmoved = schedules.filter(name=row.name, rule=row.rule, next_fire_at=row.next_fire_at)
        if row.next_fire_at > now:
            if row.rule != rule_text:
                unmoved.update(rule=rule_text, next_fire_at=rule.next_after(now))
            return False
        # Due by the rule that it was stored with: a release that changes the rule does not undo that.
        fired = rule.last_before(now) if row.rule == rule_text else row.next_fire_at
        with transaction.atomic(using=self.alias):
            # Of several ticks at once, the one that moves the schedule on enqueues its task.
            moved = unmoved.update(rule=rule_text, next_fire_at=rule.next_after(now), last_fire_at=fired) == 1
            if moved:
                schedule.task.enqueue()
        return moved
