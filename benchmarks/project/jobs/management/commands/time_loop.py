import json

from django.core.management import call_command
from django.core.management.base import BaseCommand

from ...tasks import loop


class Command(BaseCommand):
    help = "Has a run execute a task that loops over all items, and prints what it returned, as JSON."

    def add_arguments(self, parser):
        parser.add_argument("how", choices=["resume", "plain"])
        parser.add_argument("step_seconds", type=float)

    def handle(self, *, how, step_seconds, **options):
        result = loop.enqueue(resumes=how == "resume", step_seconds=step_seconds)
        # The limit is never reached. It is there because resume() asks after each row whether it is, as from a crontab.
        call_command("run_due_tasks", max_seconds=3600, verbosity=0)
        result.refresh()
        self.stdout.write(json.dumps(result.return_value))
