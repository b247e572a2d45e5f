import json

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db.models import Count
from django_tasks_db.models import DBTaskResult

from django_tasks_oneshot.models import StoredTask

MODELS = {"ours": StoredTask, "peer": DBTaskResult}


class Command(BaseCommand):
    help = "Prints how many tasks are stored in each status, as JSON."

    def handle(self, **options):
        rows = MODELS[settings.SIDE].objects.order_by()
        self.stdout.write(json.dumps(dict(rows.values_list("status").annotate(Count("pk")))))
