"""One session on one database, from the empty tables to the verdict."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from random import Random

from django.apps import apps
from django.core.management import call_command
from django.db import connection

from . import ledger, points
from .plan import Plan
from .report import complain, summary
from .sqs.history import longest_wait
from .supervisor import Options, Supervisor
from .verdict import Verdict, judge
from .workload import Workload

RUN_DUE_TASKS = [sys.executable, "-m", "django", "run_due_tasks"]
LIMITED = [*RUN_DUE_TASKS, "--max-seconds", "{seconds}"]
# Those that get a SIGTERM interrupt their task at once, and end by nothing else.
TOLD_TO_END = [*RUN_DUE_TASKS, "--wait", "--grace-seconds", "0"]


def hold(options: Namespace) -> int:
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    os.environ[ledger.LEDGER] = str(directory / "ledger")
    verdict, database = _supervise(options, directory)
    complain(f"{database}, seed {options.seed}", verdict.by_rule)
    if options.figures:
        options.figures.write_text(verdict.figures.as_json())
    else:
        print(summary({database: verdict.figures}))
    if verdict.violations:
        print(f"The ledger is {directory / 'ledger'}", file=sys.stderr)
        return 1
    shutil.rmtree(directory)
    return 0


def _supervise(options: Namespace, directory: Path) -> tuple[Verdict, str]:
    last_fires, names = None, points.ANYWHERE
    if apps.is_installed("django_tasks_oneshot"):
        from . import internals

        last_fires, names = internals.last_fires, points.NAMES
    if "CHAOS_STORE" in os.environ:
        names += points.SENDING
    call_command("migrate", verbosity=0)
    random = Random(options.seed)
    plan = Plan(random, kills=options.kills, freezes=options.freezes, terms=options.terms, points=names)
    supervisor = Supervisor(
        Options(
            tasks=options.tasks,
            runs=options.runs,
            lease=options.lease,
            limit=options.limit,
            longest_run=options.max_seconds,
            commands=[options.command] if options.command else [LIMITED, [*LIMITED, "--wait"]],
            told_to_end=options.command or TOLD_TO_END,
            settings=options.settings,
        ),
        plan,
        Workload(Random(options.seed), options.lease),
        directory,
        last_fires,
    )
    events = supervisor.supervise()
    # What SQS holds comes again in no order: a rescued task may wait for all that wait.
    patience = options.lease + longest_wait(events)
    verdict = judge(events, supervisor.results.collect(), lease=patience)
    if plan.owed:
        missing = f"{len(plan.owed)} runs did not meet their fate in {options.limit:.0f} s."
        verdict.by_rule["the plan"] = [missing]
    return verdict, os.environ.get("CHAOS_STORE", connection.vendor)
