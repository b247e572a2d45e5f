"""Somebody subscribes while the mail server is down: a retry with backoff, and a schedule."""

from demo_parts.stage import notice
from demo_parts.welcome import EMAIL, INTRODUCTION, Seen, follow

from .scalingo import Scalingo
from .terminal import manage


def play(scalingo: Scalingo) -> Seen:
    print(INTRODUCTION)
    manage("subscribe", EMAIL)
    notice("Nothing is sent yet. Now the scheduler starts the command of cron.json, every second or two:")
    return follow(scalingo.run)
