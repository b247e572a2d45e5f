"""Runs tasks while it kills, freezes and stops the processes that execute them, and judges what came of it.

    python -m tests.chaos sqlite postgresql mysql       a server of its own for each
    python -m tests.chaos                               on the database of the settings, which must be empty

On servers of its own it does the same to tasks that are continued: see resume/__main__.py.

Exits with 1 when a task was lost or repeated without a reason, or whatever else verdict.py calls wrong.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers import SERVERS, MissingServer

from .figures import Figures
from .report import summary
from .resume.figures import Figures as ResumeFigures
from .resume.figures import summary as summary_of_rows

SETTINGS = "tests.chaos.settings"
SHORT = {"tasks": 300, "kills": 12, "freezes": 2, "terms": 1, "lease": 4.0, "max_seconds": 3.0, "limit": 150.0}


def main() -> int:
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without the ending of what was started
    if not options.databases:
        return hold_here(options)
    tasks: dict[str, Figures] = {}
    rows: dict[str, list[ResumeFigures]] = {}
    codes = [hold_on_server(name, options, tasks, rows) for name in options.databases]
    if tasks:
        print(summary(tasks), end="\n\n")
    if rows:
        print(summary_of_rows(rows))
    return max(codes)


def parse_arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("databases", nargs="*", choices=[*SERVERS, []], metavar="DATABASE", help=f"Servers: {', '.join(SERVERS)}.")
    add("--tasks", type=int, default=20_000, help="How many to enqueue, besides those of schedules (%(default)s).")
    add("--kills", type=int, default=200, help="Half of them at named points, half at random (%(default)s).")
    add("--freezes", type=int, default=20, help="Runs to stop for longer than the lease, then go on (%(default)s).")
    add("--terms", type=int, default=40, help="Runs to ask to end (%(default)s).")
    add("--runs", type=int, default=4, help="How many are alive at a time (%(default)s).")
    add("--max-seconds", type=float, default=8.0, help="The longest --max-seconds of a run (%(default)s).")
    add("--lease", type=float, default=10.0, help="The executor's, in seconds (%(default)s).")
    add("--limit", type=float, default=1800.0, help="Seconds after which what is not final is lost (%(default)s).")
    add("--only", choices=["tasks", "resume"], help="One kind of session. Another executor cannot resume: tasks.")
    add("--rows", type=int, default=100_000, help="Of the task that is continued (%(default)s).")
    add("--resume-kills", type=int, default=40, help="Of its runs (%(default)s).")
    add("--seed", type=int, help="Deals the same fates to the runs as another time.")
    add("--short", action="store_true", help="Each named point once: shows that it works, in half a minute.")
    add("--settings", default=SETTINGS, help="A project with tests.chaos installed (%(default)s).")
    add("--command", type=shlex.split, help="What a run is; {seconds} is replaced. By default run_due_tasks.")
    add("--figures", type=Path, help="A file to write the figures to, instead of a table to the terminal.")
    options = parser.parse_args()
    if options.short:
        vars(options).update(SHORT)
    if options.command or options.settings != SETTINGS:
        options.only = "tasks"
    if options.seed is None:
        options.seed = int.from_bytes(os.urandom(3), "big")
    return options


def hold_on_server(
    name: str, options: Namespace, tasks: dict[str, Figures], rows: dict[str, list[ResumeFigures]]
) -> int:
    code = code_of_rows = 0
    try:
        with SERVERS[name]() as database:
            if options.only != "resume":
                code, text = hold_session("tests.chaos", as_arguments(options), database)
                if text:
                    tasks[name] = Figures.from_json(text)
            if options.only != "tasks":
                code_of_rows, text = hold_session("tests.chaos.resume", as_arguments_of_rows(options), database)
                if text:
                    rows[name] = [ResumeFigures(**values) for values in json.loads(text)]
    except MissingServer as missing:
        print(f"SKIPPED {name}: {missing}; under CI=true this would be an error.", file=sys.stderr)
        return int(os.environ.get("CI") == "true")
    return max(code, code_of_rows)


def hold_session(module: str, arguments: Sequence[str], database: Mapping[str, str]) -> tuple[int, str]:
    """In a process of its own, for Django's settings are the process's. Its exit code and its figures."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", module, *arguments, "--figures", file.name]
        code = subprocess.run(command, env={**os.environ, **database}).returncode
        return code, Path(file.name).read_text()


def hold_here(options: Namespace) -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = options.settings
    os.environ["ONESHOT_LEASE"] = str(int(options.lease))
    import django

    django.setup()
    from .session import hold

    return hold(options)


def as_arguments(options: Namespace) -> list[str]:
    names = ("tasks", "kills", "freezes", "terms", "runs", "max_seconds", "lease", "limit", "seed", "settings")
    arguments = [f"--{name.replace('_', '-')}={getattr(options, name)}" for name in names]
    return arguments if options.command is None else [*arguments, f"--command={shlex.join(options.command)}"]


def as_arguments_of_rows(options: Namespace) -> list[str]:
    short = ["--short"] if options.short else []
    return [*short, f"--rows={options.rows}", f"--kills={options.resume_kills}", f"--seed={options.seed}"]


if __name__ == "__main__":
    sys.exit(main())
