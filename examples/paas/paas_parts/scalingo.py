"""Plays Scalingo: starts the command of cron.json, each time in a container of its own, and ends it."""

import itertools
import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from django.utils import timezone

from demo_parts.stage import SECONDS_IN_ALL, DemoFailed, clock, notice, seconds_left

from .process import PROJECT, started

SECONDS_BETWEEN_LOOKS = 0.02
GRACE_SECONDS = 30  # between SIGTERM and SIGKILL
FIELDS_OF_A_SCHEDULE = 5


class Ended(NamedTuple):
    code: int
    output: str


def command_of_cron_json() -> str:
    (job,) = json.loads((PROJECT / "cron.json").read_text())["jobs"]
    *_schedule, command = job["command"].split(maxsplit=FIELDS_OF_A_SCHEDULE)
    return str(command)


class Scalingo:
    """Its times are left to who calls `run`: in the demo, ten minutes are over sooner."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {**environment, "SCALINGO_APPLICATION_ID": "65f2a1c09be77e0001d2c3b4"}
        self._numbers = itertools.count(1001)
        self.command = command_of_cron_json()

    def run(
        self, command: str = "", *, until: Callable[[], bool] = lambda: False, then: signal.Signals = signal.SIGTERM
    ) -> Ended:
        """From the start to the end of the command. It gets the signal ``then`` if it is still there."""
        command = command or self.command
        print(f"{clock(timezone.now())} $ {command}", flush=True)
        environment = {**self._environment, "CONTAINER": f"one-off-{next(self._numbers)}"}
        with started(command, environment=environment) as process:
            if is_there_when(until, process, command):
                notice(f"The host sends {then.name}.")
                process.send_signal(then)
            ended = end_of(process)
        for line in ended.output.splitlines():
            print(f"    {line}", flush=True)
        if ended.code > 0:
            raise DemoFailed(f"{command} exited with {ended.code}.")
        return ended


def is_there_when(condition: Callable[[], bool], process: subprocess.Popen[str], command: str) -> bool:
    while process.poll() is None:
        if condition():
            return True
        if seconds_left() <= 0:
            raise DemoFailed(f"{command} did not end, and the demo's {SECONDS_IN_ALL} seconds are over.")
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return False


def end_of(process: subprocess.Popen[str]) -> Ended:
    try:
        output, _ = process.communicate(timeout=GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    return Ended(process.returncode, output)
