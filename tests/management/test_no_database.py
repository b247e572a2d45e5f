"""A project whose tasks are messages, and that has no database: DATABASES = {}."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import override_settings

from django_tasks_oneshot.run import checks
from tests.project.settings import TASKS

ROOT = Path(__file__).parents[2]
PROJECT = """
import json, sys, types
from django.conf import settings
settings.configure(
    SECRET_KEY="only for tests",
    DATABASES={},
    INSTALLED_APPS=["django_tasks_oneshot"],
    TASKS={"default": json.loads(sys.argv.pop(1))},
)
import django
django.setup()
from django_tasks_oneshot import Every, task

def hourly():
    pass

sys.modules["no_database_tasks"] = types.ModuleType("no_database_tasks")
hourly.__module__ = "no_database_tasks"
sys.modules["no_database_tasks"].hourly = task(schedule=Every(hours=1))(hourly)
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""
MESSAGES = {
    "BACKEND": "django_tasks_oneshot.backends.sqs.SQSBackend",
    "OPTIONS": {"queue_urls": "https://sqs.eu-west-1.amazonaws.com/123456789012/tasks"},
}
WHAT_TO_WRITE = (
    "Write DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'mysite'}}, then type: "
    "manage.py migrate"
)


def manage(*arguments, backend=MESSAGES):
    command = [sys.executable, "-W", "error", "-c", PROJECT, json.dumps(backend), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)


def test_a_schedule_that_nothing_can_be_kept_of_is_told():
    done = manage("check")
    assert done.returncode == 0, done.stderr
    assert (
        "(oneshot.W005) Schedule 'no_database_tasks.hourly': DATABASES has no database to keep it in, so it does not "
        f"fire.\n\tHINT: {WHAT_TO_WRITE}. Else remove it, or SILENCED_SYSTEM_CHECKS = ['oneshot.W005'].\n"
    ) in done.stderr
    assert done.stderr.count("(oneshot.") == 1


def test_where_no_backend_looks_at_schedules_that_alone_is_told():
    done = manage("check", backend=TASKS["immediate"])
    assert "oneshot.W003" in done.stderr
    assert "oneshot.W005" not in done.stderr


def test_a_backend_of_somebody_else_may_keep_schedules_elsewhere(monkeypatch):
    monkeypatch.setattr(checks, "has_schedules", lambda: False)
    assert {each.id for each in checks.check_database_of_schedules()} == {"oneshot.W005"}
    able = {"BACKEND": "tests.contract.test_checks.AbleBackend"}
    with override_settings(TASKS={**TASKS, "able": able}):
        assert list(checks.check_database_of_schedules()) == []


@pytest.mark.parametrize("arguments", [[], ["pause", "x"], ["resume", "x"], ["run", "x"], ["--format", "json"]])
def test_schedules_cannot_be_listed_or_changed(arguments):
    done = manage("task_schedules", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"CommandError: DATABASES has no database to keep schedules in, so none fires. {WHAT_TO_WRITE}\n"
    )


def test_a_crontab_line_is_explained_all_the_same():
    done = manage("task_schedules", "explain", "0 7 * * *")
    assert (done.returncode, done.stderr) == (0, "")
    assert "It fires next:" in done.stdout


def test_nothing_is_pruned():
    done = manage("prune_tasks", "--older-than", "14d")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(
        f"CommandError: DATABASES has no database to keep tasks in, so there are none to delete. {WHAT_TO_WRITE}\n"
    )
