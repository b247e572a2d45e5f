"""Keeps real runs alive and does to them what the plan says, until every task is final."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import ledger
from .plan import Plan
from .results import Results, ScheduleWatch
from .runs import Run, environment_of_runs
from .workload import Workload

POLL_SECONDS = 0.02
CHECK_SECONDS = 1.0
BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Options:
    tasks: int
    runs: int  # at a time
    lease: float
    limit: float  # seconds after which what is not final is lost
    longest_run: float  # of what {seconds} in the command may be
    commands: Sequence[Sequence[str]]  # any of these is a run
    told_to_end: Sequence[str]  # the run that gets a SIGTERM
    settings: str


class Supervisor:
    def __init__(
        self,
        options: Options,
        plan: Plan,
        workload: Workload,
        directory: Path,
        last_fires: Callable[[], Iterable[tuple[str, str]]] | None,
        results: Results | None = None,
    ) -> None:
        self.options = options
        self.plan = plan
        self.workload = workload
        self.results = results or Results()
        self.schedules = None if last_fires is None else ScheduleWatch(last_fires)
        self.next_check = 0.0
        path = directory / "ledger"
        self.reader = ledger.Reader(path)
        self.events: list[ledger.Event] = []
        self.environment = environment_of_runs(path, options.settings)
        self.runs: dict[str, Run] = {}
        self.spawned = 0
        self.ends_at = time.monotonic() + options.limit

    def supervise(self) -> list[ledger.Event]:
        """The events of the whole session."""
        try:
            while self.is_in_time() and not self.has_done_its_worst():
                self.feed()
                self.keep_alive()
                self.look_after_runs()
                self.results.ask(self.results.ended_and_open)
            while self.is_in_time() and (self.runs or not self.results.all_closed()):
                if self.results.open or not self.runs:
                    self.keep_alive()
                self.look_after_runs()
                self.results.ask(lambda: self.results.open)
        finally:
            for run in self.runs.values():
                run.end()
        self.read_ledger()
        self.reader.close()
        return self.events

    def is_in_time(self) -> bool:
        return time.monotonic() < self.ends_at

    def has_done_its_worst(self) -> bool:
        is_under_way = self.plan.owed or any(run.fate.action for run in self.runs.values())
        return not is_under_way and len(self.results.enqueued) >= self.options.tasks

    def feed(self) -> None:
        """A quarter of the tasks at first, the others as the plan goes on, and never an empty queue."""
        missing = self.options.tasks * max(0.25, self.plan.progress) - len(self.results.enqueued)
        if missing > 0:
            self.workload.enqueue(min(BATCH, math.ceil(missing)))
        elif len(self.results.open) < BATCH // 4:
            self.workload.enqueue(BATCH // 4)

    def keep_alive(self) -> None:
        """Starts at most one: a crowd of starting processes would leave the others no processor."""
        if sum(not run.is_frozen for run in self.runs.values()) >= self.options.runs:
            return
        self.spawned += 1
        seconds = self.plan.random.uniform(self.options.longest_run / 3, self.options.longest_run)
        run = Run(str(self.spawned), self.plan.deal(), seconds, self.environment)
        told = run.fate.action == "term"
        run.start(self.options.told_to_end if told else self.plan.random.choice(self.options.commands))
        self.runs[run.name] = run

    def look_after_runs(self) -> None:
        time.sleep(POLL_SECONDS)
        self.read_ledger()
        ended = [run for run in self.runs.values() if run.has_ended()]
        for run in ended:
            del self.runs[run.name]
            if not run.met_fate():
                self.plan.put_back(run.fate)
        for run in self.runs.values():
            if run.is_frozen:
                self.thaw_in_time(run)
            run.meet_fate()
        self.check_schedules(now=bool(ended))

    def check_schedules(self, *, now: bool) -> None:
        """At once when a run has died: soon the next fire hides what became of the one before."""
        if self.schedules is not None and (now or time.monotonic() >= self.next_check):
            self.schedules.check(self.read_ledger)
            self.next_check = time.monotonic() + CHECK_SECONDS

    def thaw_in_time(self, run: Run) -> None:
        """When another run has taken its task; but not never, lest locks that it may hold time others out."""
        seconds = time.monotonic() - run.froze_at
        taken = self.results.started_at.get(run.frozen_task, 0.0) > run.froze_at
        if (taken and seconds > self.options.lease) or seconds > 3 * self.options.lease:
            run.thaw()

    def read_ledger(self) -> None:
        for event in self.reader.news():
            self.events.append(event)
            self.results.note(event)
            if self.schedules is not None:
                self.schedules.note(event)
            if event.run in self.runs:
                self.runs[event.run].note(event)
