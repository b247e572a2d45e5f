"""What is played on a stack: the demo, or a site to try out."""

import time

from django.db import connections

from demo_parts.stage import DemoFailed, seconds_played

from . import archive, issue, welcome
from .stack import Stack
from .terminal import SECONDS_BETWEEN_LOOKS, get, manage, tell_logs

CONCLUSION = """
All of it was seen: a task that a request enqueued and that ran at once, its retries, a schedule that fired, a task
that is a message and no row, and a task that took several calls and did each article once. What each piece is on AWS:
examples/lambda/README.md"""

SECONDS_BETWEEN_TICKS = 60

INVITATION = """
The newsletter is at {url} and a tick comes every minute. In another terminal:

  curl -d email=ada@example.com {url}subscribe/
  curl -d '' {url}issues/
  curl {url}

Ctrl-C ends it. What the functions write:
"""


def tell(stack: Stack, *, is_to_stay: bool) -> int:
    """Returns the exit code."""
    try:
        manage("migrate", "--verbosity", "0")
        if is_to_stay:
            serve(stack)
        else:
            demonstrate(stack)
    except DemoFailed as error:
        tell_logs(stack)
        print(f"\nThe demo failed. {error}", flush=True)
        return 1
    finally:
        connections.close_all()
    return 0


def demonstrate(stack: Stack) -> None:
    for part in (welcome, issue, archive):
        if missing := part.play(stack).missing():
            raise DemoFailed(f"Not seen in {seconds_played():.0f} seconds: {'; '.join(missing)}.")
    get(stack, "")
    print(CONCLUSION)


def serve(stack: Stack) -> None:
    """Until a KeyboardInterrupt."""
    print(INVITATION.format(url=stack.url), flush=True)
    with stack.scheduler(SECONDS_BETWEEN_TICKS):
        while True:
            tell_logs(stack)
            time.sleep(SECONDS_BETWEEN_LOOKS)
