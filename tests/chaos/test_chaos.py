from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).parents[2]


def test_no_task_is_lost_or_repeated_however_runs_die(rows):
    """The short form of ``make chaos``: each named point, kills at random, freezes and a SIGTERM."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--short"],
        env={**os.environ, "ONESHOT_DATABASE": str(connection.settings_dict["NAME"]), "PYTHONWARNINGS": "error"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
