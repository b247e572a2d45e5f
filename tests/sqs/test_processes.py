"""Runs in processes of their own, as a host starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from tests.project.settings import sqs
from tests.project.shop import tasks
from tests.project.shop.models import Execution

ROOT = Path(__file__).parents[2]

# A run whose claims are held for a second, so that what it leaves comes back soon.
SHORT_LEASES = """
from datetime import timedelta
from django.core.management import call_command
from django_tasks_oneshot.backends import database_delivered, sqs_store
sqs_store.HOLD = database_delivered.HOLD = timedelta(seconds=1)
call_command("run_due_tasks", backend={alias!r})
"""

# A project that has no database, and nothing else but tasks.
WITHOUT_A_DATABASE = """
import json, os, sys, types
from django.conf import settings
settings.configure(
    SECRET_KEY="only for tests",
    USE_TZ=True,
    DATABASES={{}},
    INSTALLED_APPS=["django_tasks_oneshot"],
    TASKS={{"default": json.loads(os.environ["ONESHOT_BACKEND"])}},
)
import django
django.setup()
from django.core.management import call_command
from django_tasks_oneshot import ContinueLater, Retry, task

def once_more(context, name):
    if context.attempt == 1:
        raise ValueError("no")
    print("executed", name, context.attempt, flush=True)

module = sys.modules["no_database_tasks"] = types.ModuleType("no_database_tasks")
once_more.__module__ = "no_database_tasks"
module.once_more = task(takes_context=True, max_attempts=2, backoff=lambda *args: 0)(once_more)
call_command("check")
for number in range({count}):
    module.once_more.enqueue(str(number))
call_command("run_due_tasks", format="json")
"""


@pytest.fixture(params=["sqs", "sqs_results"])
def alias(request, queues, manage):
    """A backend of the processes, and of this one."""
    manage.environment["ONESHOT_QUEUES"] = queues.prefix
    changed = {
        "sqs": sqs(queue_urls=queues["sqs"].url),
        "sqs_results": sqs(queue_urls=queues["results"].url, results=True),
    }
    with override_settings(TASKS={**settings.TASKS, **changed}):
        yield request.param


@pytest.fixture
def url(alias, queues):
    return queues["sqs" if alias == "sqs" else "results"].url


def executed():
    return Counter(Execution.objects.values_list("note", flat=True))


def test_a_run_reports_as_of_a_database(alias, manage, url, count):
    tasks.write_down.using(backend=alias).enqueue("x")
    tasks.raise_.using(backend=alias).enqueue("SystemExit")
    report = manage.run_due_tasks("--backend", alias)
    assert (report["claimed"], report["succeeded"], report["failed"], report["remaining"]) == (2, 1, 1, 0)
    assert report["stopped_because"] == "empty"
    assert executed() == {"x": 1}
    assert count(url) == 0


def test_two_runs_at_once_execute_each_task_once(alias, manage, url, count):
    for number in range(40):
        tasks.write_down.using(backend=alias).enqueue(str(number))
    runs = [manage.start("run_due_tasks", "--backend", alias, "--format", "json") for _ in range(2)]
    reports = [json.loads(each.communicate(timeout=120)[0]) for each in runs]
    assert sum(each["succeeded"] for each in reports) == 40
    assert executed() == {str(number): 1 for number in range(40)}
    assert count(url) == 0


def test_a_signal_gives_back_what_was_not_started(alias, manage, tmp_path, eventually, run):
    go = tmp_path / "go"
    tasks.write_down_and_wait.using(backend=alias).enqueue(str(go))
    process = manage.start("run_due_tasks", "--backend", alias, "--format", "json")
    eventually(Execution.objects.exists)
    tasks.write_down.using(backend=alias).enqueue("after")
    process.send_signal(signal.SIGTERM)
    go.touch()
    report = json.loads(process.communicate(timeout=60)[0])
    assert (report["succeeded"], report["stopped_because"], report["remaining"]) == (1, "signal", 1)
    assert run(alias=alias).succeeded == 1


def test_what_a_killed_run_had_is_executed_by_others(alias, manage, url, count, eventually):
    for _ in range(3):
        tasks.noop.using(backend=alias).enqueue()
    tasks.kill_own_process_at_most_once.using(backend=alias).enqueue()
    failed = []
    for _ in range(12):
        process = manage.start_code(SHORT_LEASES.format(alias=alias), ONESHOT_LEASE="1")
        _, stderr = process.communicate(timeout=60)
        failed += [line for line in stderr.splitlines() if "failed for good" in line]
        if failed and count(url) == 0:
            break
        time.sleep(1)
    assert len(failed) == 1
    assert "kill_own_process_at_most_once failed for good" in failed[0]
    assert count(url) == 0


def test_a_database_only_run_does_not_import_boto3(manage, rows):
    code = (
        "from django.core.management import call_command\n"
        "from tests.project.shop import tasks\n"
        "tasks.noop.enqueue()\n"
        "call_command('run_due_tasks', format='json')\n"
        "assert not {'boto3', 'botocore'} & set(sys.modules)"
    )
    process = manage.start_code(code)
    stdout, stderr = process.communicate(timeout=60)
    assert (json.loads(stdout)["succeeded"], stderr) == (1, "")
    assert process.returncode == 0


def test_a_project_without_any_database_enqueues_and_runs(queues, count):
    url = queues["default"].url
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_A_DATABASE.format(count=3)],
        env={**os.environ, "ONESHOT_BACKEND": json.dumps(sqs(queue_urls=url)), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    *lines, report = done.stdout.splitlines()
    assert sorted(each for each in lines if each.startswith("executed")) == [f"executed {each} 2" for each in range(3)]
    assert (json.loads(report)["succeeded"], json.loads(report)["retried"]) == (3, 3)
    assert count(url) == 0


def test_an_unreachable_sqs_ends_a_run_with_one_sentence(alias, manage):
    process = manage.start_code(
        "from django_tasks_oneshot.backends import sqs_client\n"
        "sqs_client.TRIES = 1\n"
        "from django.core.management import execute_from_command_line\n"
        f"execute_from_command_line(['manage.py', 'run_due_tasks', '--backend', {alias!r}])",
        ONESHOT_SQS="http://127.0.0.1:9",
    )
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "The run ended early: SQS, http://127.0.0.1:9/" in stderr
    assert "No task is lost" in stderr
    assert "Traceback" not in stderr
