from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.db.models.signals import post_migrate
from django.utils import timezone

from django_tasks_oneshot import task
from django_tasks_oneshot.compat import task_backends
from django_tasks_oneshot.contract.declared import declared_schedules
from django_tasks_oneshot.contract.task import registered_tasks
from django_tasks_oneshot.db.connections import RunConnections
from django_tasks_oneshot.models import Schedule, StoredTask
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.drain import Limits, drain

# Only by name: make slow.
collect_ignore = ["slow"]

# These use no database, one of their own, or nothing of it that differs: once is enough, and that is with SQLite.
if connection.vendor != "sqlite":
    collect_ignore += [
        "bundle",
        "chaos/resume",
        "chaos/sqs",
        "chaos/test_plan.py",
        "chaos/test_verdict.py",
        "contract",
        "examples",
        "handlers/test_queue.py",
        "handlers/test_secrets.py",
        "handlers/test_web.py",
        "hosts",
        "http/test_servers.py",
        "local_aws",
        "management/test_build_lambda.py",
        "management/test_scheduler_config.py",
        "management/test_task_schedules.py",
        "sqs/test_backend.py",
        "sqs/test_checks.py",
        "sqs/test_client.py",
        "sqs/test_endpoint.py",
        "sqs/test_fairness.py",
        "sqs/test_fifo.py",
        "sqs/test_lost_leases.py",
        "sqs/test_message.py",
        "sqs/test_processes.py",
        "sqs/test_requests.py",
        "terraform",
        "test_conf.py",
        "test_schedule_admin.py",
        "test_docs.py",
        "test_imports.py",
    ]

MANAGE = Path(__file__).parent / "project" / "manage.py"
SET_UP = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.project.settings")
import django
django.setup()
"""


def pytest_collection_finish():
    """A module that declares schedules and is imported here would add them to those of every test."""
    strange = [name for name in declared_schedules() if not name.startswith("tests.project.")]
    if strange:
        raise pytest.UsageError(f"Test modules import what declares schedules: {', '.join(strange)}.")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """The flush after a test does not write content types and permissions anew: that took longer than most tests."""
    post_migrate.receivers = []
    post_migrate.connect(lambda **_: ContentType.objects.clear_cache(), weak=False)


@pytest.fixture
def rows(transactional_db):
    """The stored tasks, in a database in which runs have connections of their own."""
    return StoredTask.objects


@pytest.fixture
def backend(rows):
    return task_backends["default"]


@pytest.fixture
def admin(client, db):
    """A browser in which a superuser is logged in."""
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def run(backend):
    """One run, here in this process; its report."""

    def run(max_seconds=None, grace_seconds=None, backend=backend, clock=time.monotonic, **limits):
        return drain(backend, Deadline(max_seconds, grace_seconds, clock), Limits(**limits))

    return run


@pytest.fixture
def no_schedules(monkeypatch):
    """Schedules that the test's project declares are out of the way."""
    saved = dict(registered_tasks)
    registered_tasks.clear()
    yield registered_tasks
    registered_tasks.clear()
    registered_tasks.update(saved)


@pytest.fixture
def schedule(no_schedules, rows, monkeypatch):
    """Declares a function as a task with this schedule, in place of all that were declared before."""

    def schedule(rule, function, *, besides=False, **options):
        if not besides:
            no_schedules.clear()
        function = getattr(function, "func", function)  # in its module there is a task after the first time
        declared = task(schedule=rule, **options)(function)
        monkeypatch.setattr(sys.modules[function.__module__], function.__name__, declared)
        return declared

    return schedule


@pytest.fixture
def overdue():
    """Makes schedules look as if no run had come since this long ago, or since this fire time."""

    def overdue(since, **which):
        next_fire_at = since if isinstance(since, datetime) else timezone.now() - since
        found = Schedule.objects.filter(due_at__isnull=False, **which)
        for row in found:
            due_at = next_fire_at + (row.due_at - row.next_fire_at)  # what its jitter adds
            Schedule.objects.filter(pk=row.pk).update(next_fire_at=next_fire_at, due_at=due_at)
        assert found

    return overdue


@pytest.fixture
def in_threads():
    """Calls something in several threads at once, each with a run's own database connection."""

    def in_threads(count, function):
        barrier = threading.Barrier(count)
        errors = []

        def call():
            barrier.wait()
            try:
                with RunConnections({"default"}):
                    function()
            except BaseException as error:
                errors.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=call) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []

    return in_threads


class ManagePy:
    """Real ``manage.py`` processes on the test's database."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[str]] = []
        self.environment: dict[str, str] = {}

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return self._start(str(MANAGE), *arguments, **environment)

    def start_code(self, code: str, **environment: str) -> subprocess.Popen[str]:
        """Python code in the project, instead of a command."""
        return self._start("-c", f"{SET_UP}\n{code}", **environment)

    def _start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            env={**os.environ, "ONESHOT_DATABASE": connection.settings_dict["NAME"], **self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **environment)
        stdout, stderr = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def run_due_tasks(self, *arguments: str, **environment: str) -> dict:
        done = self("run_due_tasks", "--format", "json", *arguments, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def manage(rows):
    manage = ManagePy()
    yield manage
    for process in manage.started:
        process.kill()
        process.communicate()


@pytest.fixture
def eventually():
    """Waits until something is so. How long that takes is the machine's affair."""

    def eventually(condition):
        for _ in range(600):
            if condition():
                return
            time.sleep(0.05)
        pytest.fail("it did not come about")

    return eventually
