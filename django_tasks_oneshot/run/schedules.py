"""The table of schedules: brought in line with what is declared, and what operators do to it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import models, router, transaction
from django.db.models import F

from ..compat import InvalidTask
from ..contract.declared import Declared, Scheduled, scheduled
from ..contract.definition import rule_of
from ..contract.schedule import Rule
from ..contract.task import registered_tasks
from ..db.missing import is_missing
from ..models import DeclaredSchedules, Schedule

#: How long a tick has to enqueue where that is not in its transaction. If it does not come back, it is done again.
LEASE = timedelta(minutes=5)
#: When a schedule is looked at again that cannot fire before somebody changes it.
LATER = timedelta(hours=1)
LONGEST_NAME = 255  # characters that the table holds
LONGEST_RULE = 500
NAME_IS_TAKEN = "an operator's schedule has this name; give this one another, or delete the operator's in the admin."

logger = logging.getLogger("django_tasks_oneshot")


def database_of_schedules() -> str:
    return router.db_for_write(Schedule)


def has_schedules() -> bool:
    """Whether there is a database at all: tasks may be kept without one, schedules may not."""
    return not is_missing(database_of_schedules())


def rows_of(alias: str) -> models.QuerySet[Schedule]:
    return Schedule.objects.using(alias)


def scheduled_by(row: Schedule, declared: Mapping[str, Declared]) -> Scheduled | None:
    """What a row stands for; ``None`` if the project does not have it any more. Raises ``InvalidTask``."""
    if row.source == Schedule.Source.ADMIN:
        try:
            definition = row.definition  # which may not have been read yet
        except ValueError as error:
            raise InvalidTask(f"its definition in the table is not JSON ({error}).") from error
        return defined_by(definition)
    known = declared.get(row.name)
    return None if known is None else known.scheduled()


def defined_by(definition: Any) -> Scheduled:
    """An operator's schedule: of registered tasks only. Raises ``InvalidTask``."""
    rule = rule_of(definition)
    task = registered_tasks.get(definition["task"])
    if task is None:
        raise InvalidTask(f"{definition['task']!r} is not a task of this project; choose one of its tasks.")
    return scheduled(task, rule, task.backend)


def plan(name: str, rule: Rule, now: datetime) -> dict[str, Any]:
    """What a row says of a rule that holds from ``now`` on: it does not fire for the past."""
    put_off = rule.put_off(name)
    next_fire_at = rule.next_after(now - put_off)
    return {"rule": rule_text(rule), "next_fire_at": next_fire_at, "due_at": next_fire_at + put_off}


def rule_text(rule: Rule) -> str:
    return str(rule)[:LONGEST_RULE]


def digest_of(declared: Iterable[Declared]) -> str:
    texts = sorted(f"{each.name}\n{each.source}\n{each.task_path}\n{each.text}\n" for each in declared)
    return sha256("".join(texts).encode(errors="surrogatepass")).hexdigest()


def bring_in_line(alias: str, declared: Mapping[str, Declared], now: datetime) -> None:
    """Adds what is new and follows what has changed. What is gone is left: it stops when it comes due.

    Of several runs at once each does the same, and of two releases that run at once each does its own.
    """
    rows = {row.name: row for row in rows_of(alias).defer("definition")}
    new, changed, broken = [], [], []
    for each in declared.values():
        row = rows.get(each.name)
        try:
            if row is None:
                new.append(_row_of(each, now))
            elif changes := _changes(row, each, now):
                changed.append((row, changes))
        except Exception as error:
            broken.append(each)
            logger.error("Schedule %s of the %s does not run: %s", each.name, each.source, error)
    holds_until = now + (LATER if broken else timedelta(days=1))  # its task may come, a row may go
    with transaction.atomic(using=alias):
        marks = DeclaredSchedules.objects.using(alias)
        (marks if new or changed else marks.filter(holds_until__lte=now)).delete()
        for row, changes in changed:
            rows_of(alias).filter(pk=row.pk, rule=row.rule, due_at=row.due_at).update(**changes)
        rows_of(alias).bulk_create(new, batch_size=500, ignore_conflicts=True)
        marks.update_or_create(digest=digest_of(declared.values()), defaults={"holds_until": holds_until})
    if new:
        known = set(rows_of(alias).values_list("pk", flat=True))
        for name in sorted({each.name for each in new} - known):  # MySQL does not tell apart small and capital letters
            logger.error("Schedule %s does not run: to the database its name is another one's; rename it.", name)


def add(alias: str, declared: Declared, now: datetime) -> None:
    """Only this one, which no run has seen yet. Raises ``InvalidTask`` if it cannot fire."""
    rows_of(alias).bulk_create([_row_of(declared, now)], ignore_conflicts=True)


def look_again(alias: str) -> None:
    """Has each release compare what it declares with the table, as if it were new."""
    DeclaredSchedules.objects.using(alias).all().delete()


def stop(alias: str, row: Schedule) -> None:
    """Has a schedule fire no more that this release does not have; if another one has it, that adds it again."""
    with transaction.atomic(using=alias):
        look_again(alias)
        rows_of(alias).filter(pk=row.pk, due_at=row.due_at).update(due_at=None)
    look_again(alias)  # for who compared meanwhile


def _row_of(declared: Declared, now: datetime) -> Schedule:
    if len(declared.name) > LONGEST_NAME:
        raise InvalidTask(f"its name is too long; give it one of at most {LONGEST_NAME} characters by name=.")
    return Schedule(name=declared.name, **_identity(declared), **plan(declared.name, declared.scheduled().rule, now))


def _identity(declared: Declared) -> dict[str, Any]:
    return {"source": declared.source, "task_path": declared.task_path}


def _changes(row: Schedule, declared: Declared, now: datetime) -> dict[str, Any]:
    """What this release says anew of a row that is there."""
    if row.source == Schedule.Source.ADMIN:
        raise InvalidTask(NAME_IS_TAKEN)
    rule = declared.scheduled().rule
    changes = {name: value for name, value in _identity(declared).items() if getattr(row, name) != value}
    stopped = row.due_at is None and not row.is_paused
    if stopped or row.rule != rule_text(rule):
        changes |= plan(row.name, rule, now) | ({"due_at": None} if row.is_paused else {})
    elif row.due_at is not None and row.due_at != (due_at := due_again(row, row.due_at, rule, now)):
        changes["due_at"] = due_at
    return changes


def due_again(row: Schedule, due_at: datetime, rule: Rule, now: datetime) -> datetime:
    """When a row with an unchanged rule comes due. It may have another jitter, or have been put off: it could not fire.

    Not so if it is overdue and due again soon: a tick may be about to enqueue it.
    """
    next_fire_at: datetime = row.next_fire_at
    return due_at if next_fire_at <= now and due_at <= now + LEASE else next_fire_at + rule.put_off(row.name)


def pause(alias: str, name: str) -> bool:
    """Keeps a schedule from firing until `resume`, whatever is deployed meanwhile; ``False``: there is none."""
    return rows_of(alias).filter(pk=name).update(is_paused=True, due_at=None) == 1


def resume(alias: str, name: str, rule: Rule, now: datetime) -> bool:
    """Lets a schedule fire again, from ``now`` on."""
    return rows_of(alias).filter(pk=name).update(is_paused=False, **plan(name, rule, now)) == 1


def define(alias: str, name: str, definition: dict[str, Any], *, is_paused: bool, now: datetime) -> None:
    """Adds or changes an operator's schedule. A rule that is another one holds from ``now`` on."""
    rule = defined_by(definition).rule
    with transaction.atomic(using=alias):
        rows_of(alias).filter(pk=name).update(rule=F("rule"))  # a tick that moves the row on waits, or is waited for
        rows = rows_of(alias).defer("definition")  # which somebody may have broken by hand
        row = rows.filter(pk=name).first()
        values = {"definition": definition, "task_path": definition["task"], "is_paused": is_paused}
        if row is None or row.due_at is None or row.rule != rule_text(rule):
            values |= plan(name, rule, now)
        else:
            values["due_at"] = due_again(row, row.due_at, rule, now)
        if is_paused:
            values["due_at"] = None
        rows.update_or_create(name=name, defaults={"source": Schedule.Source.ADMIN, **values})
