from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router, transaction
from django.utils import timezone

from ...db.missing import HINT, is_missing
from ...models import Attempt, FireTime, StoredTask

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Command(BaseCommand):
    help = "Deletes old finished tasks, with their attempts and fire times. Tasks that wait or run are never touched."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=_age,
            required=True,
            metavar="AGE",
            help="How long ago they must have finished: a number and one of s, m, h, d, w, such as 14d.",
        )
        parser.add_argument(
            "--batch-size", type=_count, default=1000, help="How many tasks one transaction deletes (default: 1000)."
        )
        parser.add_argument("--dry-run", action="store_true", help="Say how many there are, and delete nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        alias = router.db_for_write(StoredTask)
        if is_missing(alias):
            raise CommandError(f"DATABASES has no database to keep tasks in, so there are none to delete. {HINT}")
        finished = StoredTask.objects.using(alias).filter(finished_at__lt=timezone.now() - options["older_than"])
        if options["dry_run"]:
            count, did = finished.count(), "would be deleted"
        else:
            count, did = sum(_batches(alias, finished, options["batch_size"])), "deleted"
            _prune_fire_times(timezone.now() - options["older_than"], options["batch_size"])
        if options["verbosity"] > 0:
            self.stdout.write(f"{count} finished task{'' if count == 1 else 's'} {did}.")


def _batches(alias: str, finished: Any, size: int) -> Any:
    """Deletes batch after batch, so that none holds locks for long; yields how many each had."""
    while ids := list(finished.order_by("finished_at").values_list("pk", flat=True)[:size]):
        with transaction.atomic(using=alias):
            Attempt.objects.using(alias).filter(task__in=ids).delete()
            deleted, _ = finished.filter(pk__in=ids).only("pk").delete()
        yield deleted


def _prune_fire_times(before: datetime, size: int) -> None:
    """Not those whose task is unfinished: a schedule that does not overlap with itself asks for these."""
    fire_times = FireTime.objects.using(router.db_for_write(FireTime))
    tasks = StoredTask.objects.using(router.db_for_write(StoredTask))
    last = 0
    while old := dict(
        fire_times.filter(pk__gt=last, fire_at__lt=before).order_by("pk").values_list("pk", "task_id")[:size]
    ):
        last = max(old)
        ids = [each for each in map(_uuid, old.values()) if each]
        unfinished = {str(pk) for pk in tasks.filter(pk__in=ids, finished_at=None).values_list("pk", flat=True)}
        fire_times.filter(pk__in=[pk for pk, task_id in old.items() if task_id not in unfinished]).delete()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:  # a task of a backend that is not ours
        return None


def _age(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text.strip().lower())
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not an age; write a number and one of s, m, h, d, w, such as 14d.")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:
        raise ArgumentTypeError(f"{text} is not a batch size from 1 to 10000.")
    return value
