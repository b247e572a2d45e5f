"""Processes that do not outlive the demo, and know nothing of the shell that it was started from."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).resolve().parents[1]
PROGRAMS = {"python": [sys.executable], "gunicorn": [sys.executable, "-m", "gunicorn"]}


@contextmanager
def started(
    command: str, *, environment: Mapping[str, str], output: int | IO[Any] = subprocess.PIPE, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """The process of a command of the project. In the end it is killed, with all that it has started."""
    program, *arguments = shlex.split(command)
    process = None
    try:
        with held_interrupts():
            process = subprocess.Popen(  # noqa: S603 - our own command line
                [*PROGRAMS[program], *arguments],
                cwd=PROJECT,
                env={"PATH": os.environ.get("PATH", os.defpath), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                process_group=0,
                **options,
            )
        yield process
    finally:
        if process:
            with held_interrupts():
                kill(process)


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Ctrl-C comes when it is over: in the middle, nobody would know the process that has to be ended."""
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()
