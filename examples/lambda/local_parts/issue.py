"""Today's issue is sent by tasks that are messages of SQS and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass

from django_tasks_oneshot.models import StoredTask
from newsletter.models import Delivery
from newsletter.tasks import send_issue

from .stack import Stack
from .terminal import post, watch

INTRODUCTION = """
Today's issue goes to all subscribers: a task for each of them, in a queue of its own (the backend "mail" in
newsletter_lambda/settings.py).
"""


@dataclass
class Seen:
    subscribers: int
    sent: int = 0
    rows: int = 0

    def missing(self) -> list[str]:
        """What the demo promises and has not been seen."""
        promises = {
            "a task that is a message of SQS is run": self.sent == self.subscribers > 0,
            "no row is stored for it": self.rows == 0,
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def play(stack: Stack) -> Seen:
    print(INTRODUCTION)
    seen = Seen(post(stack, "issues/")["enqueued"])
    watch(stack, lambda: look(seen), until=lambda: seen.sent >= seen.subscribers)
    return seen


def look(seen: Seen) -> Iterator[str]:
    seen.rows = StoredTask.objects.filter(task_path=send_issue.module_path).count()
    seen.sent = Delivery.objects.filter(subject__startswith="The news of", accepted=True).count()
    if seen.sent >= seen.subscribers:
        yield f"Sent: {seen.sent} of {seen.subscribers}. Rows of these tasks in the database: {seen.rows}."
