"""Somebody subscribes while the mail server is down: a retry with backoff, and a schedule."""

import time

from demo_parts.stage import notice, seconds_left, tell_result
from demo_parts.welcome import (
    EMAIL,
    INTRODUCTION,
    SECONDS_BETWEEN_RUNS,
    Seen,
    error_and_retry,
    tell_about_schedule,
    tell_about_welcome,
    tell_schedules,
)
from newsletter.models import Subscriber
from newsletter.tasks import send_welcome

from .scalingo import Scalingo
from .terminal import manage


def play(scalingo: Scalingo) -> Seen:
    print(INTRODUCTION)
    manage("subscribe", EMAIL)
    notice("Nothing is sent yet. Now the scheduler starts the command of cron.json, every second or two:")
    welcome_id = Subscriber.objects.get(email=EMAIL).welcome_task_id

    seen = Seen()
    while not (seen.is_welcomed and seen.counts):
        began = time.monotonic()
        scalingo.run()
        tell_about_welcome(welcome_id, seen)
        tell_about_schedule(seen)
        if send_welcome.get_result(welcome_id).status == "FAILED" or seconds_left() <= 0:
            break
        time.sleep(max(0, began + SECONDS_BETWEEN_RUNS - time.monotonic()))

    tell_result("send_welcome", send_welcome.get_result(welcome_id), seen.attempts, error_and_retry)
    tell_schedules()
    return seen
