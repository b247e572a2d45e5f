"""Two tasks that are continued, each in runs of its own, on one database: from the empty tables to the verdict."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Sequence
from random import Random

from django.core.management import call_command
from django.db import connection

from .. import ledger
from ..directory import leave, make
from ..report import complain
from ..runs import environment_of_runs
from .figures import Figures
from .models import fill
from .trial import Options, Trial
from .verdict import judge

POLL_SECONDS = 0.02


def hold(options: Namespace) -> tuple[list[Figures], bool]:
    """The figures, and whether all was right."""
    directory = make()
    call_command("migrate", verbosity=0, run_syncdb=True)
    fill(max(options.rows, options.single_rows))
    environment = environment_of_runs(directory / "ledger", os.environ["DJANGO_SETTINGS_MODULE"])
    trials = [Trial(each, Random(options.seed), directory, environment) for each in _trials(options)]
    supervise(trials, ledger.Reader(directory / "ledger"), options.limit)
    verdicts = [_judge(trial, options) for trial in trials]
    is_right = all(right for _, right in verdicts)
    leave(directory, is_right=is_right)
    return [figures for figures, _ in verdicts], is_right


def _trials(options: Namespace) -> list[Options]:
    return [
        Options(name="by-default", rows=options.rows, kills=options.kills, terms=options.terms),
        Options(
            name="each-row",
            rows=options.single_rows,
            checkpoint_every=0,
            kills=options.single_kills,
            terms=options.terms // 2,
        ),
    ]


def supervise(trials: Sequence[Trial], reader: ledger.Reader, limit: float) -> None:
    """Until all are over."""
    by_name = {trial.options.name: trial for trial in trials}
    ends_at = time.monotonic() + limit
    try:
        while not all(trial.is_over for trial in trials) and time.monotonic() < ends_at:
            time.sleep(POLL_SECONDS)
            gone = [trial for trial in trials if trial.is_gone()]
            _read(reader, by_name)
            for trial in gone:
                trial.end_run()
            _read(reader, by_name)
            for trial in trials:
                if not trial.is_over:
                    trial.go_on()
    finally:
        for trial in trials:
            trial.stop()
    _read(reader, by_name)
    reader.close()


def _read(reader: ledger.Reader, by_name: dict[str, Trial]) -> None:
    for event in reader.news():
        by_name[event.run.rpartition("-")[0]].note(event)


def _judge(trial: Trial, options: Namespace) -> tuple[Figures, bool]:
    by_rule, figures = judge(trial.story())
    if trial.owed:
        by_rule["the plan"] = [
            f"{trial.owed} runs did not meet their fate before the task or {options.limit:.0f} s ended."
        ]
    complain(f"{connection.vendor}, seed {options.seed}, checkpoint {trial.options.name}", by_rule)
    return figures, not any(by_rule.values())
