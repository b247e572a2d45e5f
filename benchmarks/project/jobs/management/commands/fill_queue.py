from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from ...tasks import noop


class Command(BaseCommand):
    help = "Empties the tables of both sides, then enqueues this many no-op tasks."

    def add_arguments(self, parser):
        parser.add_argument("count", type=int)

    def handle(self, *, count, **options):
        call_command("flush", interactive=False, verbosity=0)
        with transaction.atomic():
            for _ in range(count):
                noop.enqueue()
        # Else the plans depend on whether the server's own ANALYZE happens to pass by.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
