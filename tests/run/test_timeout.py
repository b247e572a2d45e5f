"""Tasks that take longer than their ``timeout``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.compat import TaskResultStatus, task_backends
from django_tasks_oneshot.models import Attempt
from django_tasks_oneshot.run import deadline as deadline_module
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.drain import Limits, Run, drain
from django_tasks_oneshot.run.host import Host
from tests.project.shop import tasks
from tests.project.shop.models import Execution
from tests.run.test_resume import parcel

TIMEOUT = "django_tasks_oneshot.contract.exceptions.TaskTimeout"


def notes():
    return [each.note for each in Execution.objects.order_by("pk")]


def refreshed(result):
    result.refresh()
    return result


def failed_by_timeout(result):
    (error,) = refreshed(result).errors
    return (result.status, error.exception_class_path) == (TaskResultStatus.FAILED, TIMEOUT)


@pytest.fixture
def short_grace(monkeypatch):
    monkeypatch.setattr(deadline_module, "SHORT_GRACE", 0.5)


class TestTheTask:
    @pytest.mark.parametrize("how", ["sleep", "lock", "atomic"])
    def test_gets_the_exception_wherever_it_is(self, run, how):
        result = tasks.hang_with_timeout.enqueue(how)
        report = run()
        assert notes() == [f"{how}: TaskTimeout"]  # of "atomic" nothing else: it was rolled back
        assert (report.failed, report.interrupted) == (1, 0)
        assert failed_by_timeout(result)
        assert "TaskTimeout: it took longer than its timeout of 0.3 s" in result.errors[0].traceback

    def test_that_is_async_is_cancelled(self, run):
        result = tasks.hang_async_with_timeout.enqueue()
        assert run().failed == 1
        assert notes() == ["async: CancelledError"]
        assert failed_by_timeout(result)

    def test_gets_it_in_a_thread_of_a_server_too(self, rows, backend):
        result = tasks.hang_with_timeout.enqueue("loop_that_lets_through")

        def serve():
            drain(backend, Deadline(), Limits())
            connections.close_all()

        thread = threading.Thread(target=serve)
        thread.start()
        thread.join()
        assert notes() == ["loop_that_lets_through: TaskTimeout"]
        assert failed_by_timeout(result)
        assert "it took longer than its timeout of 0.3 s" in result.errors[0].traceback

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="the other drivers do not come back before the query")
    def test_that_waits_for_a_query_is_not_waited_for(self, run):
        result = tasks.hang_with_timeout.enqueue("query")
        assert run().failed == 1
        assert failed_by_timeout(result)
        assert notes() == ["query: TaskTimeout"]  # its connection can be used again

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="the other drivers do not come back before the query")
    def test_that_waits_for_a_query_in_a_transaction_rolls_back(self, run):
        result = tasks.hang_with_timeout.enqueue("query in atomic")
        assert run().failed == 1
        assert failed_by_timeout(result)
        assert notes() == ["query in atomic: TaskTimeout"]

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="psycopg's")
    def test_in_the_middle_of_a_copy_is_ended_too(self, run):
        result = tasks.hang_with_timeout.enqueue("copy")
        assert run().failed == 1
        assert failed_by_timeout(result)

    def test_is_retried_as_its_policy_says(self, run):
        result = tasks.hang_once.enqueue()
        report = run()
        assert (report.retried, report.succeeded) == (1, 1)
        assert [each.outcome for each in Attempt.objects.order_by("number")] == ["FAILED", "SUCCEEDED"]
        assert refreshed(result).status == TaskResultStatus.SUCCESSFUL

    def test_that_returns_all_the_same_has_succeeded(self, run):
        result = tasks.return_what_there_is.enqueue()
        assert run().succeeded == 1
        assert refreshed(result).return_value == "as far as I got"

    def test_that_swallows_it_is_interrupted_and_has_failed(self, run, short_grace):
        """By ``except Exception`` in a loop: what comes next is none."""
        result = tasks.swallow_timeouts.enqueue(3600)
        assert run().failed == 1
        assert notes() == ["swallowed TaskTimeout"]
        assert failed_by_timeout(result)
        assert "TaskInterrupted: timeout: it went on after its TaskTimeout." in result.errors[0].traceback

    def test_that_is_interrupted_by_a_signal_after_it_has_failed_by_its_timeout(self, run):
        result = tasks.swallow_timeouts.enqueue(3600, and_raise="SIGTERM")
        report = run(grace_seconds=0)
        assert (report.failed, report.stopped_because) == (1, "signal")
        assert failed_by_timeout(result)

    def test_that_swallows_it_in_a_loop_has_not_done_that_item(self, run):
        for number in range(4):
            tasks.Parcel.objects.create(**parcel(number))
        result = tasks.deliver_all_whatever_happens.enqueue()
        report = run()
        assert (report.retried, report.continued, report.succeeded) == (1, 0, 1)
        assert notes() == ["a", "b", "c", "c", "d"]
        assert refreshed(result).errors[0].exception_class_path == TIMEOUT

    def test_without_one_of_its_own_has_that_of_the_settings(self, rows, settings, run):
        settings.TASKS = {**settings.TASKS, "default": {**settings.TASKS["default"], "TIMEOUT": timedelta(seconds=0.3)}}
        result = tasks.hang.enqueue("sleep")
        assert run(backend=task_backends["default"]).failed == 1
        assert failed_by_timeout(result)

    def test_ends_the_next_task_too_where_one_could_not_be_ended(self, run, short_grace, monkeypatch):
        """In a process that is not the run's own, the first one is waited for."""
        monkeypatch.setattr(deadline_module, "WRAP_UP", 0.5)
        tasks.hold_on_with_timeout.enqueue(3)
        result = tasks.hang_with_timeout.enqueue("sleep")
        assert run().succeeded == 1
        assert failed_by_timeout(result)

    def test_of_the_next_attempt_begins_anew(self, run):
        tasks.hang_with_timeout.enqueue("sleep")
        result = tasks.noop.enqueue()
        assert run().succeeded == 1
        assert refreshed(result).status == TaskResultStatus.SUCCESSFUL


class TestOverrun:
    def test_a_task_that_timed_out_in_a_call_into_c_is_recorded_as_that(self, backend):
        """It was told nothing: no exception comes through there."""
        for _ in range(2):
            tasks.hang_once.enqueue()
        codes = []
        run = Run(backend, Deadline(), Limits(), Host(exit_now=codes.append))
        run.claims.extend(run.store.claim(10))
        run.current = run.claims[0]
        with run.deadline.attempt(timedelta(seconds=-3600)):
            run.overrun()
        assert codes[0] == 0
        (attempt,) = Attempt.objects.all()
        assert (attempt.outcome, attempt.exception_class_path) == ("FAILED", TIMEOUT)
        assert attempt.retry_at is not None
        assert len(backend.open_store(Claimant(worker_id="next")).claim(10)) == 2


IN_A_THREAD = """
import sys, threading
import django
from django.conf import settings
django.setup()
settings.DATABASES["default"]["NAME"] = sys.argv[1]
from django.db import connections
from django_tasks_oneshot.compat import task_backends
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.drain import Limits, drain

def serve():
    print(drain(task_backends["default"], Deadline(), Limits()).as_text())
    connections.close_all()

thread = threading.Thread(target=serve)
thread.start()
thread.join()
"""


class TestInRealProcesses:
    def test_a_task_in_the_main_thread(self, manage):
        result, next_one = tasks.hang_with_timeout.enqueue("sleep"), tasks.noop.enqueue()
        report = manage.run_due_tasks()
        assert (report["failed"], report["succeeded"]) == (1, 1)
        assert failed_by_timeout(result)
        assert refreshed(next_one).status == TaskResultStatus.SUCCESSFUL

    def test_a_task_in_a_worker_thread(self, rows):
        result = tasks.hang_with_timeout.enqueue("loop_that_lets_through")
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", IN_A_THREAD, connection.settings_dict["NAME"]],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert "1 failed for good" in done.stdout
        assert failed_by_timeout(result)

    def test_an_async_task(self, manage):
        result = tasks.hang_async_with_timeout.enqueue()
        assert manage.run_due_tasks()["failed"] == 1
        assert failed_by_timeout(result)

    def test_a_signal_while_a_task_waits_for_its_timeout(self, manage, eventually):
        result = tasks.deliver_all_with_timeout.using(priority=1).enqueue()
        hanging = tasks.hang_at_most_for_an_hour.enqueue()
        process = manage.start("run_due_tasks", "--max-seconds", "7200", "--grace-seconds", "0", "--format", "json")
        eventually(lambda: refreshed(hanging).status == TaskResultStatus.RUNNING)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        assert json.loads(stdout)["interrupted"] == 1
        assert refreshed(result).status == TaskResultStatus.SUCCESSFUL
        assert "TaskInterrupted: signal" in refreshed(hanging).errors[0].traceback

    def test_a_task_that_holds_on_is_failed_and_its_process_ended(self, manage):
        """Neither does it keep the others waiting for ever, nor does the next run begin it as if nothing had been."""
        result, waiting = tasks.hold_on_with_timeout.enqueue(3600), tasks.noop.enqueue()
        done = manage("run_due_tasks")
        assert done.returncode == 1, done.stderr
        assert "still busy with task" in done.stderr
        assert "is recorded: Failed. Its process ends." in done.stderr
        assert failed_by_timeout(result)
        assert refreshed(waiting).status == TaskResultStatus.READY
        assert manage.run_due_tasks()["succeeded"] == 1
