"""Runs tasks while it kills, freezes and stops the processes that execute them, and judges what came of it.

    python -m tests.chaos sqlite postgresql mysql sqs   servers of its own for each
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
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from tests.servers import SERVERS, MissingServer, sqlite, sqs, without_aws

from .figures import Figures
from .report import summary
from .resume.figures import Figures as ResumeFigures
from .resume.figures import summary as summary_of_rows
from .sqs.figures import Figures as MessageFigures
from .sqs.figures import summary as summary_of_messages

MANY, FEW = 20_000, 4_000  # tasks: moto looks at each message of a queue to find one
SETTINGS = "tests.chaos.settings"
STORE = "CHAOS_STORE"  # the variable by which a session on servers of its own knows that it is not of a database alone
SHORT = {
    "tasks": 300,
    "kills": 12,
    "freezes": 2,
    "terms": 1,
    "lease": 4.0,
    "max_seconds": 3.0,
    "limit": 400.0,
    "bodies": 60,
}


@contextmanager
def sqlite_and_sqs() -> Iterator[dict[str, str]]:
    with sqlite() as database, sqs() as queues:
        yield {**database, **queues, STORE: "sqs"}


STORES = {**SERVERS, "sqs": sqlite_and_sqs}
Texts = dict[str, dict[str, str]]  # figures as JSON, by the kind of session and the store


def main() -> int:
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without the ending of what was started
    if not options.stores:
        options.tasks = options.tasks or MANY
        return hold_here(options)
    texts: Texts = defaultdict(dict)
    codes = [hold_on_server(name, options, texts) for name in options.stores]
    print("\n\n".join(summaries(texts)))
    return max(codes)


def summaries(texts: Texts) -> Iterator[str]:
    if tasks := texts["tasks"]:
        yield summary({name: Figures.from_json(text) for name, text in tasks.items()})
    if rows := texts["resume"]:
        yield summary_of_rows(
            {name: [ResumeFigures(**each) for each in json.loads(text)] for name, text in rows.items()}
        )
    if messages := texts["messages"]:
        (text,) = messages.values()
        yield summary_of_messages([MessageFigures(**each) for each in json.loads(text)])


def parse_arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("stores", nargs="*", choices=[*STORES, []], metavar="STORE", help=f"Servers: {', '.join(STORES)}.")
    add("--tasks", type=int, help=f"How many to enqueue, besides those of schedules ({MANY:,}; with sqs {FEW:,}).")
    add("--kills", type=int, default=200, help="Half of them at named points, half at random (%(default)s).")
    add("--freezes", type=int, default=20, help="Runs to stop for longer than the lease, then go on (%(default)s).")
    add("--terms", type=int, default=40, help="Runs to ask to end (%(default)s).")
    add("--runs", type=int, default=4, help="How many are alive at a time (%(default)s).")
    add("--max-seconds", type=float, default=8.0, help="The longest --max-seconds of a run (%(default)s).")
    add("--lease", type=float, default=10.0, help="The executor's, in seconds (%(default)s).")
    add("--limit", type=float, default=1800.0, help="Seconds after which what is not final is lost (%(default)s).")
    add("--only", choices=SESSIONS, help="One kind of session. Another executor has only tasks.")
    add("--rows", type=int, default=100_000, help="Of the task that is continued (%(default)s).")
    add("--resume-kills", type=int, default=40, help="Of its runs (%(default)s).")
    add("--bodies", type=int, default=240, help="That no task can be made of, among messages (%(default)s).")
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


def hold_on_server(name: str, options: Namespace, texts: Texts) -> int:
    options = Namespace(**{**vars(options), "tasks": options.tasks or (FEW if name == "sqs" else MANY)})
    codes = [0]
    try:
        with STORES[name]() as environment:
            for kind in ("tasks", "messages" if name == "sqs" else "resume"):
                if options.only in (None, kind):
                    module, arguments = SESSIONS[kind]
                    code, text = hold_session(module, arguments(options), environment)
                    codes.append(code)
                    if text:
                        texts[kind][name] = text
    except MissingServer as missing:
        print(f"SKIPPED {name}: {missing}; under CI=true this would be an error.", file=sys.stderr)
        return int(os.environ.get("CI") == "true")
    return max(codes)


def hold_session(module: str, arguments: Sequence[str], servers: Mapping[str, str]) -> tuple[int, str]:
    """In a process of its own, for Django's settings are the process's. Its exit code and its figures."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", module, *arguments, "--figures", file.name]
        code = subprocess.run(command, env={**without_aws(os.environ), **servers}).returncode
        return code, Path(file.name).read_text()


def hold_here(options: Namespace) -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = options.settings
    os.environ["ONESHOT_LEASE"] = str(int(options.lease))
    with surroundings(options):
        import django

        django.setup()
        from .session import hold

        return hold(options)


def surroundings(options: Namespace) -> AbstractContextManager[object]:
    return on_bad_day(options) if os.environ.get(STORE) == "sqs" else nullcontext()


@contextmanager
def on_bad_day(options: Namespace) -> Iterator[None]:
    from .sqs.queues import bad_day

    with bad_day(results=True, lease=options.lease, seed=options.seed) as day:
        day.begin("all")
        yield


def as_arguments(options: Namespace) -> list[str]:
    names = ("tasks", "kills", "freezes", "terms", "runs", "max_seconds", "lease", "limit", "seed", "settings")
    arguments = [f"--{name.replace('_', '-')}={getattr(options, name)}" for name in names]
    return arguments if options.command is None else [*arguments, f"--command={shlex.join(options.command)}"]


def as_arguments_of_rows(options: Namespace) -> list[str]:
    short = ["--short"] if options.short else []
    return [*short, f"--rows={options.rows}", f"--kills={options.resume_kills}", f"--seed={options.seed}"]


def as_arguments_of_messages(options: Namespace) -> list[str]:
    return [*(["--short"] if options.short else []), f"--bodies={options.bodies}", f"--seed={options.seed}"]


SESSIONS = {
    "tasks": ("tests.chaos", as_arguments),
    "resume": ("tests.chaos.resume", as_arguments_of_rows),
    "messages": ("tests.chaos.sqs", as_arguments_of_messages),
}

if __name__ == "__main__":
    sys.exit(main())
