"""Somebody subscribes while the mail server is down: a task that runs at once, a retry with backoff, and a schedule."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from demo_parts.stage import notice, tell_result
from demo_parts.welcome import CLOCK_DIFFERENCE, error_and_retry, tell_schedules
from django_tasks_oneshot.models import Attempt, StoredTask
from newsletter.tasks import count_deliveries, send_welcome

from .stack import Stack
from .terminal import post, watch

EMAIL = "ada@example.com"
SECONDS_BETWEEN_TICKS = 2

INTRODUCTION = """
Somebody subscribes. The mail server is down for the first two messages (newsletter/mail_server.py).
"""
INTRODUCTION_OF_TICKS = f"""
Retries and schedules are for the tick function, which is called every {SECONDS_BETWEEN_TICKS} seconds here. It runs
no tasks: it sends messages of what has come due, and the queue function does the work.
"""


@dataclass
class Seen:
    """What became of the request."""

    attempts: list[Attempt] = field(default_factory=list)  # of the welcome, as they were made
    counts: list[str] = field(default_factory=list)  # ids of the tasks that a schedule enqueued and that were run
    ran_before_ticks: bool = False
    ticks: list[dict[str, Any]] = field(default_factory=list)  # their reports

    @property
    def is_welcomed(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].outcome == Attempt.Outcome.SUCCEEDED

    @property
    def is_over(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].retry_at is None

    def missing(self) -> list[str]:
        """What the demo promises and has not been seen."""
        failures = [attempt for attempt in self.attempts if attempt.outcome == Attempt.Outcome.FAILED]
        promises = {
            "a task that runs because a request has enqueued it, before any tick": self.ran_before_ticks,
            "a failed attempt that is recorded with the time of its retry": any(each.retry_at for each in failures),
            "no attempt before its time": all(
                later.started_at >= earlier.retry_at - CLOCK_DIFFERENCE
                for earlier, later in pairwise(self.attempts)
                if earlier.retry_at
            ),
            "ticks that send a message of each retry": sum(tick["dispatched"] for tick in self.ticks) >= len(failures),
            "ticks that leave all tasks to the queue function": not any(tick["claimed"] for tick in self.ticks),
            "the welcome succeeds in the end": self.is_welcomed,
            "a tick enqueues the task of a schedule and the queue function runs it": bool(self.counts),
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def play(stack: Stack) -> Seen:
    print(INTRODUCTION)
    welcome_id = post(stack, "subscribe/", email=EMAIL)["welcome_task_id"]
    notice(
        "The web function stored the subscriber and the task in one transaction, and then sent a message of the task."
    )

    seen = Seen()
    watch(stack, lambda: new_attempts(welcome_id, seen), until=lambda: bool(seen.attempts))
    seen.ran_before_ticks = bool(seen.attempts) and not stack.ticks

    print(INTRODUCTION_OF_TICKS)
    with stack.scheduler(SECONDS_BETWEEN_TICKS):
        watch(
            stack,
            lambda: [*new_attempts(welcome_id, seen), *new_counts(seen)],
            until=lambda: seen.is_over and bool(seen.counts),
        )
    seen.ticks += stack.ticks

    tell_result("send_welcome", send_welcome.get_result(welcome_id), seen.attempts, error_and_retry)
    tell_schedules()
    return seen


def new_attempts(welcome_id: str, seen: Seen) -> Iterator[str]:
    new = Attempt.objects.filter(task=welcome_id, number__gt=len(seen.attempts))
    for attempt in new.order_by("number"):
        seen.attempts.append(attempt)
        if attempt.number == 1:
            yield "That message has started the queue function: no tick has come yet."
        if attempt.outcome == Attempt.Outcome.SUCCEEDED:
            yield f"Attempt {attempt.number} of the welcome succeeded: the mail server is up again."
        else:
            yield f"Attempt {attempt.number} of the welcome failed: {error_and_retry(attempt)}"


def new_counts(seen: Seen) -> Iterator[str]:
    counts = StoredTask.objects.filter(task_path=count_deliveries.module_path, status="SUCCESSFUL")
    for task in counts.exclude(pk__in=seen.counts).order_by("pk"):
        seen.counts.append(str(task.pk))
        value = count_deliveries.get_result(str(task.pk)).return_value
        yield f"The schedule of count_deliveries came due: a tick enqueued it, the queue function ran it: {value}"
