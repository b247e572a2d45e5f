"""Times real processes, in rounds in which both sides take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .errors import BenchmarkError

MANAGE = Path(__file__).parent / "project/manage.py"
# Others would reach the measured processes: PYTHONDONTWRITEBYTECODE slows their start, PGOPTIONS changes the server.
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")
DRAIN = {
    "ours": ("run_due_tasks", "--max-seconds", "3600"),
    "peer": ("db_worker", "--batch", "--no-startup-delay", "-v0"),
}
WARM_UP_TASKS = 10


@dataclass(frozen=True, kw_only=True)
class Project:
    """The project in this directory, on one database, with the backend of one side."""

    python: Path
    database: Mapping[str, str]
    side: str = "ours"
    has_schedule: bool = False
    conn_max_age: int = 0

    def manage(self, *arguments: str) -> str:
        """Runs a management command and returns what it printed."""
        done = subprocess.run(
            [self.python, MANAGE, *arguments], env=self._environment(), capture_output=True, text=True
        )
        if done.returncode:
            raise BenchmarkError(f"manage.py {' '.join(arguments)} ({self.side}) failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **self.database,
            "BENCHMARK_SIDE": self.side,
            "BENCHMARK_SCHEDULE": str(int(self.has_schedule)),
            "BENCHMARK_CONN_MAX_AGE": str(self.conn_max_age),
        }


@dataclass(kw_only=True)
class Comparison:
    """The seconds of each round of one case. ``other`` is the peer, the bare command, or the plain loop."""

    case: str
    count: int = 0  # of tasks or rows
    ours: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)


def compare_drains(project: Project, case: str, *, tasks: int, rounds: int) -> Comparison:
    ours, peer = replace(project, side="ours"), replace(project, side="peer")
    for side in (ours, peer):
        time_drain(side, WARM_UP_TASKS)
    comparison = Comparison(case=case, count=tasks)
    _interleave(comparison, rounds, lambda: time_drain(ours, tasks), lambda: time_drain(peer, tasks))
    return comparison


def time_drain(project: Project, tasks: int) -> float:
    """Seconds that a process takes to work through a queue of this many tasks, once it is filled."""
    project.manage("fill_queue", str(tasks))
    seconds, _ = _time(project, *DRAIN[project.side])
    counts = json.loads(project.manage("count_tasks"))
    if counts != {"SUCCESSFUL": tasks}:
        raise BenchmarkError(f"{project.side}: {tasks} tasks were drained, and then there were {counts}.")
    return seconds


def compare_idle_runs(project: Project, case: str, *, schedules: int, rounds: int) -> Comparison:
    # Declaring a schedule slows the start of every command; to the bare one that must not happen, or it would not show.
    bare = replace(project, has_schedule=False)
    project.manage("fill_queue", "0", "--schedules", str(schedules))
    for each in (project, bare):
        each.manage("run_due_tasks")  # the first one also meets the schedule for the first time
    comparison = Comparison(case=case)
    _interleave(comparison, rounds, lambda: time_idle_run(project), lambda: _time(bare, "select_one")[0])
    return comparison


def time_idle_run(project: Project) -> float:
    seconds, output = _time(project, "run_due_tasks")
    if output:  # a run is silent only when it had nothing to do
        raise BenchmarkError(f"A run with nothing due was not idle: {output}")
    return seconds


def compare_loops(project: Project, case: str, *, rows: int, step_seconds: float, rounds: int) -> Comparison:
    project.manage("fill_queue", "0", "--items", str(rows))
    comparison = Comparison(case=case, count=rows)
    _interleave(
        comparison,
        rounds,
        lambda: time_loop(project, "resume", rows, step_seconds),
        lambda: time_loop(project, "plain", rows, step_seconds),
    )
    return comparison


def time_loop(project: Project, how: str, rows: int, step_seconds: float) -> float:
    """Seconds by the task's own clock: the start of its process differs by more than the loops do."""
    returned = json.loads(project.manage("time_loop", how, str(step_seconds)))
    if returned["rows"] != rows:
        raise BenchmarkError(f"The {how} loop was to see {rows} rows, and it saw {returned['rows']}.")
    seconds: float = returned["seconds"]
    return seconds


def _interleave(
    comparison: Comparison, rounds: int, time_ours: Callable[[], float], time_other: Callable[[], float]
) -> None:
    for number in range(1, rounds + 1):
        comparison.ours.append(time_ours())
        comparison.other.append(time_other())
        print(
            f"{comparison.case}, round {number} of {rounds}: {comparison.ours[-1]:.3f} s, {comparison.other[-1]:.3f} s",
            file=sys.stderr,
        )


def _time(project: Project, *arguments: str) -> tuple[float, str]:
    began = time.perf_counter()
    output = project.manage(*arguments)
    return time.perf_counter() - began, output
