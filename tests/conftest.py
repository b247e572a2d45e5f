from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from django_tasks_oneshot.compat import task_backends
from django_tasks_oneshot.contract.task import registered_tasks
from django_tasks_oneshot.models import StoredTask
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.drain import Limits, drain

MANAGE = Path(__file__).parent / "project" / "manage.py"


@pytest.fixture
def rows(transactional_db):
    """The stored tasks, in a database in which runs have connections of their own."""
    return StoredTask.objects


@pytest.fixture
def backend(rows):
    return task_backends["default"]


@pytest.fixture
def run(backend):
    """One run, here in this process; its report."""

    def run(max_seconds=None, backend=backend, clock=None, **limits):
        deadline = Deadline(max_seconds, clock) if clock else Deadline(max_seconds)
        return drain(backend, deadline, Limits(**limits))

    return run


@pytest.fixture
def no_schedules(monkeypatch):
    """Schedules that the test's project declares are out of the way."""
    saved = dict(registered_tasks)
    registered_tasks.clear()
    yield registered_tasks
    registered_tasks.clear()
    registered_tasks.update(saved)


class ManagePy:
    """Real ``manage.py`` processes on the test's database."""

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", MANAGE, *arguments],
            env={**os.environ, "ONESHOT_DATABASE": connection.settings_dict["NAME"], **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, **environment) as process:
            try:
                stdout, stderr = process.communicate(timeout=120)
            finally:
                process.kill()
            return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def run_due_tasks(self, *arguments: str, **environment: str) -> dict:
        done = self("run_due_tasks", "--format", "json", *arguments, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def manage(rows):
    return ManagePy()
