from datetime import timedelta

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.utils import timezone

from django_tasks_oneshot.models import Schedule

from ...models import Item
from ...tasks import noop


class Command(BaseCommand):
    help = (
        "Empties the tables of both sides, then enqueues this many no-op tasks, stores this many items and schedules."
    )

    def add_arguments(self, parser):
        parser.add_argument("count", type=int)
        parser.add_argument("--items", type=int, default=0)
        parser.add_argument("--schedules", type=int, default=0)

    def handle(self, *, count, items, schedules, **options):
        call_command("flush", interactive=False, verbosity=0)
        with transaction.atomic():
            for _ in range(count):
                noop.enqueue()
            Item.objects.bulk_create((Item(name=f"item {number}") for number in range(items)), batch_size=1000)
            if schedules:
                Schedule.objects.bulk_create(map(schedule, range(schedules)), batch_size=1000)
        # Else the plans depend on whether the server's own ANALYZE happens to pass by.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def schedule(number):
    """As an operator writes it, due tomorrow."""
    tomorrow = timezone.now() + timedelta(days=1, seconds=number)
    definition = {"task": noop.module_path, "cron": "0 7 * * *"}
    return Schedule(
        name=f"schedule {number}",
        source=Schedule.Source.ADMIN,
        task_path=noop.module_path,
        definition=definition,
        rule="0 7 * * * (UTC)",
        next_fire_at=tomorrow,
        due_at=tomorrow,
    )
