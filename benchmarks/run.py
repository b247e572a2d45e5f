"""How fast a run is, next to django-tasks-db's worker and to a command that only asks the database once.

And what it costs a task that it can be continued.

    python -m benchmarks.run --quick

What is measured, and how to read it: README.md in this directory.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.servers import SERVERS, MissingServer

from . import report
from .environment import prepare
from .errors import BenchmarkError
from .measure import Comparison, Project, compare_drains, compare_idle_runs, compare_loops

DATABASES = ("postgresql", "sqlite")
KEPT_SECONDS = 3600  # CONN_MAX_AGE in the rounds in which connections are kept: longer than any drain
STEP_SECONDS = 0.001  # of a loop


@dataclass(kw_only=True)
class Results:
    versions: list[str] = field(default_factory=list)
    drains: list[Comparison] = field(default_factory=list)
    idle_runs: list[Comparison] = field(default_factory=list)
    loops: list[Comparison] = field(default_factory=list)

    def as_text(self) -> str:
        sections = ["\n".join(self.versions)]
        if self.drains:
            title = "Drains of no-op tasks; peer: db_worker --batch. Above 1.00, ours is faster."
            sections += [title, report.drains(self.drains)]
        if self.idle_runs:
            title = "Runs with nothing due; bare: a command with one SELECT 1. 1.00 would be free."
            sections += [title, report.idle_runs(self.idle_runs)]
        if self.loops:
            title = "Loops of a task over a queryset, with context.resume() and without it. 1.000 would be free."
            sections += [title, report.loops(self.loops)]
        return "\n\n".join(sections)


def main() -> int:
    options = parse_arguments()
    results = Results()
    try:
        python = prepare(options.python)
        for name in options.databases:
            measure(name, python, options, results)
    except (BenchmarkError, MissingServer) as error:
        print(error, file=sys.stderr)
        return 1
    print(results.as_text())
    return 0


def parse_arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m benchmarks.run", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=_count, default=5000, help="How many tasks to drain (default: %(default)s).")
    parser.add_argument("--rounds", type=_count, default=5, help="Rounds of each drain (default: %(default)s).")
    parser.add_argument("--idle-rounds", type=_count, default=15, help="Of each idle run (default: %(default)s).")
    parser.add_argument("--rows", type=_count, default=3000, help="Of a loop with steps (default: %(default)s).")
    parser.add_argument(
        "--empty-rows", type=_count, default=100_000, help="Of a loop that does nothing (default: %(default)s)."
    )
    parser.add_argument("--loop-rounds", type=_count, default=15, help="Rounds of each loop (default: %(default)s).")
    parser.add_argument(
        "--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="What to measure (default: all of it)."
    )
    parser.add_argument(
        "--databases", nargs="+", choices=DATABASES, default=DATABASES, help="Which to measure on (default: both)."
    )
    parser.add_argument("--python", help="The interpreter of both sides, at least 3.12 (default: the newest found).")
    parser.add_argument("--quick", action="store_true", help="Few tasks and rounds: shows that it works, not how fast.")
    options = parser.parse_args()
    if options.quick:
        options.tasks, options.rounds, options.idle_rounds = 50, 2, 3
        options.rows, options.empty_rows, options.loop_rounds = 100, 1000, 2
    return options


def measure(name: str, python: Path, options: Namespace, results: Results) -> None:
    with SERVERS[name]() as database:
        project = Project(python=python, database=database)
        project.manage("migrate", "-v0", "--run-syncdb")
        results.versions.append(project.manage("show_versions").strip())
        for part in options.parts:
            PARTS[part](name, project, options, results)


def measure_drains(name: str, project: Project, options: Namespace, results: Results) -> None:
    for seconds in (0, KEPT_SECONDS):
        results.drains.append(
            compare_drains(
                replace(project, conn_max_age=seconds),
                f"{name}, {options.tasks:,} tasks, CONN_MAX_AGE={seconds}",
                tasks=options.tasks,
                rounds=options.rounds,
            )
        )


def measure_idle_runs(name: str, project: Project, options: Namespace, results: Results) -> None:
    # In code, and written by operators.
    for declared, stored in ((0, 0), (1, 0), (0, 10_000)):
        results.idle_runs.append(
            compare_idle_runs(
                replace(project, has_schedule=bool(declared)),
                f"{name}, schedules: {declared + stored:,}",
                schedules=stored,
                rounds=options.idle_rounds,
            )
        )


def measure_loops(name: str, project: Project, options: Namespace, results: Results) -> None:
    for rows, seconds in ((options.rows, STEP_SECONDS), (options.empty_rows, 0)):
        what = f"steps of {seconds * 1000:g} ms" if seconds else "empty steps"
        results.loops.append(
            compare_loops(
                project, f"{name}, {rows:,} rows, {what}", rows=rows, step_seconds=seconds, rounds=options.loop_rounds
            )
        )


PARTS = {"drains": measure_drains, "idle-runs": measure_idle_runs, "loops": measure_loops}


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ArgumentTypeError(f"{text} is not a number above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
