"""What all parts of the demo need: to start a command as cron would, and to tell what became of it."""

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from django_tasks_oneshot.models import Attempt

PROJECT = Path(__file__).resolve().parents[1]
SECONDS_IN_ALL = 120  # twenty are enough on most machines
STARTED = time.monotonic()


class DemoFailed(Exception):
    pass


def manage(*arguments: str, project: Path = PROJECT) -> None:
    """Runs the project's ``manage.py`` in a process of its own, as cron would, and shows what it printed."""
    command = f"manage.py {' '.join(arguments)}"
    print(f"{clock(timezone.now())} $ {command}", flush=True)
    try:
        process = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "manage.py", *arguments],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=max(1, seconds_left()),
        )
    except subprocess.TimeoutExpired as error:
        raise DemoFailed(f"{command} did not end, and the demo's {SECONDS_IN_ALL} seconds are over.") from error
    for line in process.stdout.splitlines():
        print(f"    {line}")
    if process.returncode:
        raise DemoFailed(f"{command} exited with {process.returncode}.")


def notice(text: str) -> None:
    print(f"    -> {text}")


def tell_result(name: str, result: Any, attempts: list[Attempt], how: Callable[[Attempt], str]) -> None:
    """What the site can ask for later; ``how`` says of an attempt what its outcome does not."""
    print(f'\nresult = {name}.get_result("{result.id}")')
    print(f"    result.status        {result.status}")
    print(f"    result.attempts      {result.attempts}")
    if result.status == "SUCCESSFUL":
        print(f"    result.return_value  {result.return_value!r}")
    print("Its attempts:")
    width = max((len(attempt.get_outcome_display()) for attempt in attempts), default=0)
    for attempt in attempts:
        outcome = f"{attempt.get_outcome_display():{width}}"
        print(f"    {attempt.number}  {clock(attempt.started_at)}  {outcome}  {how(attempt)}".rstrip())


def clock(instant: datetime) -> str:
    return f"{instant:%H:%M:%S}.{instant.microsecond // 100_000}"


def seconds_played() -> float:
    return time.monotonic() - STARTED


def seconds_left() -> float:
    return SECONDS_IN_ALL - seconds_played()
