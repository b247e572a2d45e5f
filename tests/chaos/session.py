"""One session on one database, from the empty tables to the verdict."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from random import Random

from django.apps import apps
from django.core.management import call_command
from django.db import connection

from . import points
from .directory import leave, make
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
    directory = make()
    verdict, database = _supervise(options, directory)
    complain(f"{database}, seed {options.seed}", verdict.by_rule)
    if options.figures:
        options.figures.write_text(verdict.figures.as_json())
    else:
        print(summary({database: verdict.figures}))
    leave(directory, is_right=not verdict.violations)
    return 1 if verdict.violations else 0


def supervision(options: Namespace, settings: str, command: Sequence[str] | None = None) -> Options:
    """What is done to runs; without a ``command``, to those of ``run_due_tasks``."""
    return Options(
        tasks=options.tasks,
        runs=options.runs,
        lease=options.lease,
        limit=options.limit,
        longest_run=options.max_seconds,
        commands=[command] if command else [LIMITED, [*LIMITED, "--wait"]],
        told_to_end=command or TOLD_TO_END,
        settings=settings,
    )


def plan_of(options: Namespace, random: Random, names: Sequence[str]) -> Plan:
    return Plan(random, kills=options.kills, freezes=options.freezes, terms=options.terms, points=names)


def unmet(plan: Plan, limit: float) -> dict[str, list[str]]:
    return {"the plan": [f"{len(plan.owed)} runs did not meet their fate in {limit:.0f} s."]} if plan.owed else {}


def _supervise(options: Namespace, directory: Path) -> tuple[Verdict, str]:
    last_fires, names = None, points.ANYWHERE
    if apps.is_installed("django_tasks_oneshot"):
        from . import internals

        last_fires, names = internals.last_fires, points.NAMES
    if "CHAOS_STORE" in os.environ:
        names += points.SENDING
    call_command("migrate", verbosity=0)
    plan = plan_of(options, Random(options.seed), names)
    supervisor = Supervisor(
        supervision(options, options.settings, options.command),
        plan,
        Workload(Random(options.seed), options.lease),
        directory,
        last_fires,
    )
    events = supervisor.supervise()
    # What SQS holds comes again in no order: a rescued task may wait for all that wait.
    patience = options.lease + longest_wait(events)
    verdict = judge(events, supervisor.results.collect(), lease=patience)
    verdict.by_rule.update(unmet(plan, options.limit))
    return verdict, os.environ.get("CHAOS_STORE", connection.vendor)
