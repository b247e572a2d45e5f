from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from ...models import Item
from ...tasks import noop


class Command(BaseCommand):
    help = "Empties the tables of both sides, then enqueues this many no-op tasks and stores this many items."

    def add_arguments(self, parser):
        parser.add_argument("count", type=int)
        parser.add_argument("--items", type=int, default=0)

    def handle(self, *, count, items, **options):
        call_command("flush", interactive=False, verbosity=0)
        with transaction.atomic():
            for _ in range(count):
                noop.enqueue()
            Item.objects.bulk_create((Item(name=f"item {number}") for number in range(items)), batch_size=1000)
        # Else the plans depend on whether the server's own ANALYZE happens to pass by.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
