import platform
from importlib.metadata import version

from django.core.management.base import BaseCommand
from django.db import connection


class Command(BaseCommand):
    help = "Prints what is being compared, and on what."

    def handle(self, **options):
        packages = [f"{name} {version(name)}" for name in ("Django", "django-tasks-oneshot", "django-tasks-db")]
        database = ".".join(map(str, connection.get_database_version()))
        self.stdout.write(
            f"{', '.join(packages)}; Python {platform.python_version()}; {connection.display_name} {database}"
        )
