from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import override_settings

from django_tasks_oneshot import task
from django_tasks_oneshot.compat import BaseTaskBackend
from django_tasks_oneshot.contract.task import registered_tasks

ROOT = Path(__file__).parents[2]
FRAMEWORK = BaseTaskBackend.__module__.rpartition(".")[0]

BACKENDS = {
    "database": "django_tasks_oneshot.backends.database.DatabaseBackend",
    "immediate": f"{FRAMEWORK}.immediate.ImmediateBackend",
    "dummy": f"{FRAMEWORK}.dummy.DummyBackend",
    "other": "tests.contract.other_backend.OtherBackend",
}


@pytest.fixture(autouse=True)
def registry():
    """Only the tasks of one test are registered; those of the test's project come back after it."""
    saved = dict(registered_tasks)
    registered_tasks.clear()
    yield registered_tasks
    registered_tasks.clear()
    registered_tasks.update(saved)


@pytest.fixture(autouse=True)
def backends():
    """One alias for each backend; the default is ours."""
    tasks = {alias: {"BACKEND": path, "QUEUES": ["default", "mail"]} for alias, path in BACKENDS.items()}
    with override_settings(TASKS={"default": tasks["database"], **tasks}):
        yield


@pytest.fixture(params=BACKENDS)
def alias(request):
    """Each backend in turn."""
    return request.param


@pytest.fixture
def declare(monkeypatch):
    """Decorates a function in its own module, so that its import path leads to the task."""

    def declare(func, **options):
        declared = task(**options)(func)
        monkeypatch.setattr(sys.modules[func.__module__], func.__name__, declared)
        return declared

    return declare


@pytest.fixture
def python(tmp_path):
    """A fresh interpreter, in which every warning is an error; gives what the code prints."""

    def python(code, settings=""):
        (tmp_path / "site_settings.py").write_text(settings)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]),
            "DJANGO_SETTINGS_MODULE": "site_settings",
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return python
