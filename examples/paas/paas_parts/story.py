"""What is played: first a host that starts a command, then one that calls a URL."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from django.db import connections

from demo_parts.stage import DemoFailed, seconds_played

from . import archive, issues, recognised, welcome
from .scalingo import Scalingo
from .terminal import manage

CONCLUSION = """
All of it was seen: retries and a schedule by runs of a command, a run that gave way to SIGTERM and one that was killed
without a loss, and two calls of a URL that shared the work. What is different on real hosts: examples/paas/README.md"""


class Seen(Protocol):
    def missing(self) -> list[str]: ...


def tell(environment: Mapping[str, str], directory: Path) -> int:
    """Returns the exit code."""
    try:
        manage("migrate", "--verbosity", "0")
        for seen in play(environment, directory):
            if missing := seen.missing():
                raise DemoFailed(f"Not seen in {seconds_played():.0f} seconds: {'; '.join(missing)}.")
    except DemoFailed as error:
        print(f"\nThe demo failed. {error}", flush=True)
        return 1
    finally:
        connections.close_all()
    print(CONCLUSION)
    return 0


def play(environment: Mapping[str, str], directory: Path) -> Iterator[Seen]:
    scalingo = Scalingo(environment)
    yield recognised.play(scalingo)
    yield welcome.play(scalingo)
    yield archive.play(scalingo)
    yield issues.play(environment, directory)
