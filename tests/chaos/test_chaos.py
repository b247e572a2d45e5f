from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).parents[2]


def test_no_task_is_lost_or_repeated_however_runs_die(rows):
    """The short form of ``make chaos``: each named point, kills at random, freezes and a SIGTERM."""
    assert_all_is_right("tests.chaos")


def test_a_task_that_is_continued_does_each_row_however_runs_die(rows):
    """100,000 rows with the usual checkpoints, and 1,000 with one after each."""
    assert_all_is_right("tests.chaos.resume")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="it has a database of its own, which is SQLite")
@pytest.mark.parametrize("kind", ["tasks", "messages"])
def test_no_task_is_lost_or_repeated_when_sqs_fails_too(kind):
    """Rows that messages call for, and messages alone: requests fail, answers are lost, messages come twice."""
    assert_all_is_right("tests.chaos", "sqs", f"--only={kind}")


def assert_all_is_right(module, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments, "--short"],
        env={**os.environ, "ONESHOT_DATABASE": str(connection.settings_dict["NAME"]), "PYTHONWARNINGS": "error"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
