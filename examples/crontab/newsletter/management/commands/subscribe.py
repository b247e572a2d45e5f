from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from newsletter.models import Subscriber
from newsletter.tasks import send_welcome


class Command(BaseCommand):
    help = "Subscribes an address to the newsletter. The welcome is left to a task."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    @transaction.atomic  # the subscriber and the task that welcomes them are stored together, or neither is
    def handle(self, *, email: str, **options: Any) -> None:
        subscriber, is_new = Subscriber.objects.get_or_create(email=email)
        if not is_new:
            raise CommandError(f"{email} is subscribed already.")
        result = send_welcome.enqueue(subscriber.pk)
        subscriber.welcome_task_id = result.id
        subscriber.save(update_fields=["welcome_task_id"])
        self.stdout.write(f"{email} is subscribed. Task {result.id} will send the welcome.")
