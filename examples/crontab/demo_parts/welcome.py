"""Somebody subscribes while the mail server is down: a retry with backoff, and a schedule."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from django.utils import timezone

from django_tasks_oneshot.models import Attempt, Schedule, StoredTask
from newsletter.models import Subscriber
from newsletter.tasks import count_deliveries, send_welcome

from .stage import clock, manage, notice, seconds_left, tell_result

EMAIL = "ada@example.com"
SECONDS_BETWEEN_RUNS = 1
# An attempt is stamped by the run's clock, the time of its retry by the database's, in milliseconds.
CLOCK_DIFFERENCE = timedelta(milliseconds=20)

INTRODUCTION = """
Somebody subscribes. The mail server is down for the first two messages (newsletter/mail_server.py).
"""


@dataclass
class Seen:
    """What the runs so far have done."""

    attempts: list[Attempt] = field(default_factory=list)  # of the welcome, as they were made
    counts: list[str] = field(default_factory=list)  # ids of the tasks that the schedule enqueued and a run ran
    waited: bool = False  # a run came before the time of the retry, and left the task alone

    @property
    def is_welcomed(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].outcome == Attempt.Outcome.SUCCEEDED

    def missing(self) -> list[str]:
        """What the demo promises and has not been seen."""
        failures = [attempt for attempt in self.attempts if attempt.outcome == Attempt.Outcome.FAILED]
        promises = {
            "a failed attempt that is recorded with the time of its retry": any(each.retry_at for each in failures),
            "a run that comes before that time and leaves the task alone": self.waited,
            "no attempt before its time": all(
                later.started_at >= earlier.retry_at - CLOCK_DIFFERENCE
                for earlier, later in pairwise(self.attempts)
                if earlier.retry_at
            ),
            "the welcome succeeds in the end": self.is_welcomed,
            "the schedule enqueues its task and a run runs it": bool(self.counts),
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def play() -> Seen:
    print(INTRODUCTION)
    manage("subscribe", EMAIL)
    notice("Nothing is sent yet: the task was stored, in the transaction that stored the subscriber.")
    return follow(lambda: manage("run_due_tasks", "--max-seconds", "5"))


def follow(run: Callable[[], object]) -> Seen:
    """Starts one run after the other until the welcome is out and the schedule has fired."""
    welcome_id = Subscriber.objects.get(email=EMAIL).welcome_task_id
    seen = Seen()
    while not (seen.is_welcomed and seen.counts):
        began = time.monotonic()
        run()
        tell_about_welcome(welcome_id, seen)
        tell_about_schedule(seen)
        if send_welcome.get_result(welcome_id).status == "FAILED" or seconds_left() <= 0:
            break
        time.sleep(max(0, began + SECONDS_BETWEEN_RUNS - time.monotonic()))

    tell_result("send_welcome", send_welcome.get_result(welcome_id), seen.attempts, error_and_retry)
    tell_schedules()
    return seen


def tell_about_welcome(welcome_id: str, seen: Seen) -> None:
    new = list(Attempt.objects.filter(task=welcome_id, number__gt=len(seen.attempts)).order_by("number"))
    if not new and not seen.is_welcomed:
        tell_about_waiting(seen)
    for attempt in new:
        seen.attempts.append(attempt)
        if attempt.outcome == Attempt.Outcome.SUCCEEDED:
            notice(f"Attempt {attempt.number} of the welcome succeeded: the mail server is up again.")
        else:
            notice(f"Attempt {attempt.number} of the welcome failed: {error_and_retry(attempt)}")


def tell_about_waiting(seen: Seen) -> None:
    retry_at = seen.attempts[-1].retry_at if seen.attempts else None
    if retry_at and retry_at > timezone.now():
        seen.waited = True
        notice(f"The welcome was left alone: its retry is due at {clock(retry_at)}.")
    else:
        notice("The welcome came due when this run had looked: it is for the next one.")


def tell_about_schedule(seen: Seen) -> None:
    counts = StoredTask.objects.filter(task_path=count_deliveries.module_path, status="SUCCESSFUL")
    for task in counts.exclude(pk__in=seen.counts).order_by("pk"):
        seen.counts.append(str(task.pk))
        value = count_deliveries.get_result(str(task.pk)).return_value
        notice(f"The schedule of count_deliveries came due, so this run enqueued it and ran it: {value}")


def tell_schedules() -> None:
    print("The schedules:")
    for schedule in Schedule.objects.order_by("next_fire_at"):
        name = schedule.name.removeprefix("newsletter.tasks.")
        last = f"last fired {clock(schedule.last_fire_at)}" if schedule.last_fire_at else "has not fired yet"
        print(f"    {name:16}  {schedule.rule:31}  {last}, next {schedule.next_fire_at:%a %d %b %H:%M:%S}")


def error_and_retry(attempt: Attempt) -> str:
    return f"{last_line(attempt)} {retry(attempt)}" if attempt.traceback else ""


def retry(attempt: Attempt) -> str:
    if attempt.retry_at is None:
        return "It is not tried again."
    seconds = (attempt.retry_at - attempt.finished_at).total_seconds()
    return f"Retry due {clock(attempt.retry_at)}, {seconds:.1f} seconds later."


def last_line(attempt: Attempt) -> str:
    """The exception, without the way to it."""
    return attempt.traceback.strip().splitlines()[-1]
