"""One real process of the executor, and what the supervisor does to it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from . import ledger
from .plan import Fate
from .points import RANDOM, TRAP

LONGEST_STDERR = 2000  # characters


class Run:
    """A run under way. ``seconds`` is what it may take by its own ``--max-seconds``."""

    def __init__(self, name: str, fate: Fate, seconds: float, environment: Mapping[str, str]) -> None:
        self.name = name
        self.fate = fate
        self.seconds = seconds
        self.environment = {**environment, ledger.RUN: name, TRAP: fate.trap}
        self.busy_since: float | None = None  # when it was seen to execute a task
        self.froze_at = 0.0
        self.frozen_task = ""
        self.was_signalled = False

    def start(self, command: Sequence[str]) -> None:
        self.began = time.monotonic()
        self.stderr = TemporaryFile()  # noqa: SIM115 - closed when the process has ended
        ledger.write("spawn", run=self.name)
        self.process = subprocess.Popen(
            [part.format(seconds=f"{self.seconds:.1f}") for part in command],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.stderr,
        )

    @property
    def is_frozen(self) -> bool:
        return self.froze_at > 0

    @property
    def is_busy(self) -> bool:
        return self.busy_since is not None

    def meet_fate(self) -> None:
        """Sends the signal of a fate whose moment has come."""
        since = self.busy_since if self.fate.when_busy else self.began
        if self.was_signalled or self.fate.point or since is None:
            return
        if time.monotonic() < since + self.fate.moment * self.seconds:
            return
        if self.fate.action == "kill":
            self.was_signalled = True
            self.process.kill()
        elif self.fate.action == "term" and self.is_busy:  # before, Python may not have got to the handler yet
            self.was_signalled = True
            ledger.write("term", run=self.name)
            self.process.terminate()

    def note(self, event: ledger.Event) -> None:
        if event.what == "start" and not self.is_busy:
            self.busy_since = event.at
        elif event.what == "freeze":
            self.froze_at, self.frozen_task = event.at, event.task

    def thaw(self) -> None:
        self.froze_at = 0.0
        self.was_signalled = True
        self.process.send_signal(signal.SIGCONT)

    def has_ended(self) -> bool:
        """Writes down how, once."""
        code = self.process.poll()
        if code is None:
            return False
        if code == -signal.SIGKILL and self.was_signalled and self.fate.action == "kill":
            # After it is gone: all that it wrote has an earlier time.
            ledger.write("kill", run=self.name, point=RANDOM)
        ledger.write("exit", run=self.name, code=code, stderr=self._last_words() if code else "")
        self.stderr.close()
        return True

    def _last_words(self) -> str:
        self.stderr.seek(0)
        return self.stderr.read().decode(errors="replace")[-LONGEST_STDERR:]

    def met_fate(self) -> bool:
        if self.fate.action == "kill":
            return self.process.returncode == -signal.SIGKILL
        return not self.fate.action or self.was_signalled

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def environment_of_runs(path: Path, settings: str) -> dict[str, str]:
    """That of the supervisor, without the measuring of coverage: it takes a long time to start and to end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return {**kept, ledger.LEDGER: str(path), "DJANGO_SETTINGS_MODULE": settings}
