"""One task that is continued by one run after the other, and what is done to these runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from django_tasks_oneshot.contract.context import CHECKPOINT_EVERY
from django_tasks_oneshot.models import Attempt

from ..ledger import Event
from ..results import FINAL, result_of
from ..runs import Run
from . import diary
from .fates import Fates
from .history import Story
from .tasks import PAUSE, go_through

RUN_SECONDS = 2.0
RUN = [sys.executable, "-m", "django", "run_due_tasks", "--max-seconds", "{seconds}", "--queue"]
LONGEST_PAUSE = 0.5  # seconds: no row may come near to the grace that a SIGTERM gives
LEAVES = 6  # times that the task leaves its loop by itself


@dataclass(frozen=True, kw_only=True)
class Options:
    name: str  # of its queue too: trials leave each other alone
    rows: int
    checkpoint_every: float | None = None  # None: it is not said
    kills: int
    terms: int

    @property
    def arguments(self) -> dict[str, float]:
        given = {} if self.checkpoint_every is None else {"checkpoint_every": self.checkpoint_every}
        return {"rows": self.rows, "leave_every": self.rows // LEAVES + 1, **given}


class Trial:
    """One run at a time: where a machine is so slow that leases end early, there is nobody who could take the task."""

    def __init__(self, options: Options, random: Random, directory: Path, environment: Mapping[str, str]) -> None:
        self.options = options
        self.fates = Fates(random, kills=options.kills, terms=options.terms)
        self.diary = directory / f"rows-{options.name}"
        self.diary.touch()
        self.environment = {**environment, diary.DIARY: str(self.diary)}
        self.events: list[Event] = []
        self.run: Run | None = None
        self.is_planned = False  # the fate of this run
        self.is_under_way = False  # an execution
        self.is_over = False
        self.runs = 0
        self.task: str = go_through.using(queue_name=options.name).enqueue(**options.arguments).id

    def note(self, event: Event) -> None:
        self.events.append(event)
        if event.what in ("start", "end"):
            self.is_under_way = event.what == "start"
        if self.run is not None:
            self.run.note(event)

    def is_gone(self) -> bool:
        """Whether its run is: all that this one will ever write can then be read."""
        return self.run is not None and self.run.process.poll() is not None

    def go_on(self) -> None:
        if self.run is not None:
            self.run.meet_fate()
        elif self.status in FINAL:
            self.is_over = True
        else:
            self._start_run()

    def end_run(self) -> None:
        """Where its fate was another one than planned, that is dealt again."""
        if self.run is not None and self.run.has_ended():
            if self.is_planned and not self._met_fate(self.run):
                self.fates.put_back(self.run.fate)
            self.run, self.is_under_way = None, False

    def _met_fate(self, run: Run) -> bool:
        if run.fate.action == "kill":
            return self.is_under_way and run.process.returncode == -signal.SIGKILL
        return run.is_busy and run.met_fate()

    def _start_run(self) -> None:
        self.runs += 1
        self.is_planned = bool(self.fates.owed)
        fate = self.fates.deal()
        environment = {**self.environment, PAUSE: f"{self._pause():.9f}"}
        self.run = Run(f"{self.options.name}-{self.runs}", fate, RUN_SECONDS, environment)
        self.run.start([*RUN, self.options.name])

    def _pause(self) -> float:
        """Seconds that a row takes at least, so that enough rows are left for the fates that are still to be met."""
        if not self.is_planned:
            return 0.0
        left = self.options.rows - diary.latest_row(self.diary)
        return min(LONGEST_PAUSE, RUN_SECONDS / max(1, left // (len(self.fates.owed) + 2)))

    def stop(self) -> None:
        if self.run is not None:
            self.run.end()

    @property
    def owed(self) -> int:
        return sum(bool(fate.action) for fate in self.fates.owed)

    @property
    def status(self) -> str:
        result = result_of(self.task)
        return "GONE" if result is None else result.status

    def story(self) -> Story:
        every = self.options.checkpoint_every
        return Story(
            name=self.options.name,
            rows=self.options.rows,
            checkpoint_every=CHECKPOINT_EVERY if every is None else every,
            events=self.events,
            lines=list(diary.read(self.diary)),
            status=self.status,
            attempts=dict(Attempt.objects.filter(task=self.task).values_list("number", "outcome")),
        )
