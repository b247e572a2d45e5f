from django.core.management.base import BaseCommand
from django.db import connection


class Command(BaseCommand):
    help = "Asks the database once: the least that a command which looks for work can do."

    def handle(self, **options):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
