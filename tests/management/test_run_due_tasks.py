"""The command as a crontab calls it: real processes on a real database."""

from __future__ import annotations

import json
import math
import signal
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_tasks_oneshot.compat import TaskResultStatus
from django_tasks_oneshot.management.commands.run_due_tasks import _deadline
from django_tasks_oneshot.models import StoredTask
from tests.project.shop import tasks
from tests.project.shop.models import Execution

REPORT_KEYS = [
    "worker_id",
    "claimed",
    "succeeded",
    "failed",
    "retried",
    "continued",
    "interrupted",
    "scheduled",
    "dispatched",
    "remaining",
    "stopped_because",
    "seconds",
]


class TestReport:
    def test_json_has_these_keys(self, manage):
        tasks.add.enqueue(1, 2)
        report = manage.run_due_tasks()
        assert list(report) == REPORT_KEYS
        assert (report["claimed"], report["succeeded"], report["stopped_because"]) == (1, 1, "empty")

    def test_text_says_what_happened(self, manage):
        tasks.add.enqueue(1, 2)
        tasks.fail_and_wait.enqueue()
        done = manage("run_due_tasks")
        assert done.stdout.startswith("2 tasks run in ")
        assert done.stdout.endswith(": 1 succeeded, 1 failed and will be retried. Nothing else is due.\n")
        assert "fail_and_wait failed and is tried again in 60 s (ValueError: not yet)." in done.stderr

    def test_text_says_why_it_stopped_and_what_is_left(self, manage):
        for _ in range(3):
            tasks.noop.enqueue()
        done = manage("run_due_tasks", "--max-tasks", "1")
        assert done.stdout.endswith(": 1 succeeded. Stopped by --max-tasks. 2 tasks still due.\n")

    def test_an_idle_run_prints_nothing_that_cron_would_mail(self, manage):
        done = manage("run_due_tasks")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_an_idle_run_says_so_where_it_was_asked_to(self, manage):
        assert "0 tasks run in 0." in manage("run_due_tasks", "-v", "2").stdout

    def test_verbosity_0_is_silent(self, manage):
        tasks.raise_.enqueue("MemoryError")
        done = manage("run_due_tasks", "-v", "0")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_verbosity_2_tells_each_task(self, manage):
        result = tasks.noop.enqueue()
        done = manage("run_due_tasks", "-v", "2")
        assert f"id={result.id} path=tests.project.shop.tasks.noop succeeded in attempt 1" in done.stderr


class TestExit:
    def test_is_0_whatever_the_tasks_did(self, manage):
        tasks.raise_.enqueue("SystemExit")
        assert manage.run_due_tasks()["failed"] == 1

    def test_is_1_for_a_failed_task_where_that_was_asked_for(self, manage):
        tasks.raise_.enqueue("SystemExit")
        done = manage("run_due_tasks", "--fail-on-error")
        assert done.returncode == 1
        assert "1 of the tasks failed for good." in done.stderr

    def test_is_0_for_a_retry_even_then(self, manage):
        tasks.fail_and_wait.enqueue()
        assert manage("run_due_tasks", "--fail-on-error").returncode == 0

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--max-seconds", "0"], "write 55, or for a run without an end --wait alone."),
            (["--max-seconds", "nan"], "nan is not a number of seconds above 0"),
            (["--max-seconds", "soon"], "soon is not a number of seconds above 0; write 55"),
            (["--grace-seconds", "-1"], "-1 is not a number of seconds; write 5, or 0 to interrupt at once."),
            (["--max-tasks", "0"], "0 is not a number of tasks above 0"),
            (["--max-tasks", "1.5"], "1.5 is not a number of tasks above 0"),
            (["--backend", "nowhere"], "--backend nowhere: The connection 'nowhere' doesn't exist"),
            (["--backend", "immediate"], "ImmediateBackend stores no tasks to run; set TASKS['immediate']['BACKEND']"),
            (["--queue", "nowhere"], "--queue nowhere: TASKS['default']['QUEUES'] has only default, mail."),
            (["--format", "xml"], "invalid choice"),
        ],
    )
    def test_is_2_for_bad_arguments_with_a_sentence(self, manage, arguments, sentence):
        done = manage("run_due_tasks", *arguments)
        assert done.returncode == 2
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1

    def test_is_2_where_the_settings_of_the_backend_are_wrong(self, rows, settings):
        backend = {**settings.TASKS["default"], "OPTIONS": {"lease": 5}}
        settings.TASKS = {**settings.TASKS, "default": backend}
        with pytest.raises(CommandError, match=r"'lease'(.|\n)*HINT: Write one of: dispatch, lease_seconds") as refused:
            call_command("run_due_tasks")
        assert refused.value.returncode == 2

    def test_is_1_with_a_sentence_where_the_tables_are_missing(self, manage, tmp_path):
        done = manage("run_due_tasks", ONESHOT_DATABASE=str(tmp_path / "empty.sqlite3"), ONESHOT_ENGINE="sqlite3")
        assert done.returncode == 1
        assert "The run ended early, the database failed:" in done.stderr
        assert "Traceback" not in done.stderr

    def test_comes_soon_although_a_task_left_a_thread_behind(self, manage):
        result = tasks.leave_behind.enqueue("thread")
        done = manage("run_due_tasks")
        assert done.returncode == 0
        assert "left-behind" in done.stderr
        result.refresh()
        assert result.status == TaskResultStatus.SUCCESSFUL


def test_a_run_does_not_import_the_urls_of_the_project(manage):
    tasks.is_imported.enqueue("tests.project.urls")
    assert manage.run_due_tasks("--fail-on-error")["succeeded"] == 1
    assert StoredTask.objects.get().return_value is False


class TestLimits:
    def test_max_tasks(self, manage):
        for _ in range(3):
            tasks.noop.enqueue()
        report = manage.run_due_tasks("--max-tasks", "2")
        assert (report["claimed"], report["remaining"], report["stopped_because"]) == (2, 1, "max_tasks")

    def test_max_seconds(self, manage):
        for _ in range(3):
            tasks.sleep.enqueue(0.6)
        report = manage.run_due_tasks("--max-seconds", "1")
        assert report["stopped_because"] == "max_seconds"
        assert report["remaining"] == 3 - report["claimed"] > 0

    def test_grace_seconds_interrupts_what_goes_on_after_max_seconds(self, manage):
        result = tasks.hang.enqueue("sleep")
        report = manage.run_due_tasks("--max-seconds", "3", "--grace-seconds", "0")
        assert (report["interrupted"], report["stopped_because"]) == (1, "max_seconds")
        assert status(result) == TaskResultStatus.READY

    def test_a_lease_lasts_no_longer_than_a_run_whose_end_is_known(self, manage, eventually):
        """So that the next run need not wait for 300 seconds after a kill."""
        result = tasks.sleep.enqueue(3600)
        manage.start("run_due_tasks", "--max-seconds", "20", "--grace-seconds", "10")
        eventually(lambda: status(result) == TaskResultStatus.RUNNING)
        assert StoredTask.objects.get(pk=result.id).due_at < timezone.now() + timedelta(seconds=40)

    def test_queues(self, manage):
        tasks.noop.enqueue()
        tasks.send_mail.enqueue("a@example.com")
        assert manage.run_due_tasks("--queue", "mail")["claimed"] == 1
        assert manage.run_due_tasks("--queue", "mail", "--queue", "default")["claimed"] == 1

    def test_backend(self, manage):
        tasks.noop.using(backend="any_queue").enqueue()
        assert manage.run_due_tasks()["claimed"] == 0
        assert manage.run_due_tasks("--backend", "any_queue")["claimed"] == 1

    def test_wait_runs_what_comes_later(self, manage):
        tasks.noop.using(run_after=timezone.now() + timedelta(seconds=1)).enqueue()
        report = manage.run_due_tasks("--wait", "--max-seconds", "5")
        assert (report["succeeded"], report["stopped_because"]) == (1, "max_seconds")


class TestWithoutMaxSeconds:
    @pytest.mark.parametrize(
        ("environment", "sentence"),
        [
            ({"DYNO": "scheduler.1"}, "Heroku Scheduler: --max-seconds 565 --grace-seconds 25\n"),
            ({"DYNO": "web.1"}, "No host is recognised: --max-seconds 55\n"),
            ({}, "No host is recognised: --max-seconds 55\n"),
        ],
    )
    def test_a_run_ends_before_its_host_ends_it(self, manage, environment, sentence):
        assert sentence in manage("run_due_tasks", "-v", "2", **environment).stderr

    @pytest.mark.parametrize(
        ("asked", "bounds"),
        [
            ({}, (565, 25)),
            ({"grace_seconds": 5}, (585, 5)),  # it is gone at the same time
            ({"grace_seconds": 3600}, (565, 25)),
            ({"max_seconds": 20}, (20, None)),
            ({"wait": True}, (math.inf, None)),
            ({"wait": True, "max_seconds": 20}, (20, None)),
        ],
    )
    def test_what_is_asked_for_holds(self, monkeypatch, asked, bounds):
        monkeypatch.setenv("DYNO", "scheduler.1")
        deadline = _deadline(**{"max_seconds": None, "grace_seconds": None, "wait": False, **asked})
        assert (deadline.max_seconds, deadline.grace_seconds) == bounds

    def test_where_nothing_is_known_a_grace_changes_nothing_else(self):
        deadline = _deadline(None, 5, wait=False)
        assert (deadline.max_seconds, deadline.grace_seconds) == (55, 5)


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_the_running_task_finishes_and_the_rest_stays(self, manage, eventually, number):
        running, waiting = tasks.sleep.enqueue(1.5), tasks.noop.enqueue()
        process = manage.start("run_due_tasks", "--format", "json")
        eventually(lambda: status(running) == TaskResultStatus.RUNNING)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        report = json.loads(stdout)
        assert (report["succeeded"], report["remaining"], report["stopped_because"]) == (1, 1, "signal")
        assert (status(running), status(waiting)) == (TaskResultStatus.SUCCESSFUL, TaskResultStatus.READY)

    def test_a_task_that_goes_on_after_its_grace_is_interrupted(self, manage, eventually):
        running, waiting = tasks.hang.enqueue("sleep"), tasks.noop.enqueue()
        process = manage.start("run_due_tasks", "--grace-seconds", "0.5", "--format", "json")
        eventually(lambda: status(running) == TaskResultStatus.RUNNING)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        report = json.loads(stdout)
        assert (report["interrupted"], report["remaining"], report["stopped_because"]) == (1, 2, "signal")
        assert [status(each) for each in (running, waiting)] == [TaskResultStatus.READY] * 2
        assert (running.attempts, waiting.attempts) == (1, 0)
        assert "TaskInterrupted: signal" in running.errors[0].traceback

    def test_without_a_grace_of_its_own_it_is_interrupted_all_the_same(self, manage, eventually):
        running = tasks.hang.enqueue("sleep")
        process = manage.start("run_due_tasks")
        eventually(lambda: status(running) == TaskResultStatus.RUNNING)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        assert status(running) == TaskResultStatus.READY

    def test_a_task_inside_of_a_log_handler_is_interrupted(self, manage, eventually):
        """The handler has a lock for which all others wait who log."""
        running = tasks.log_for_ever.enqueue()
        process = manage.start("run_due_tasks", "--grace-seconds", "0")
        eventually(Execution.objects.exists)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert status(running) == TaskResultStatus.READY

    def test_a_task_that_holds_on_is_given_back_and_its_process_ended(self, manage, eventually):
        tasks.noop.enqueue()  # so that the next claim has more than one
        running, waiting = tasks.hold_on.enqueue(3600), tasks.noop.enqueue()
        process = manage.start("run_due_tasks", "--grace-seconds", "0")
        eventually(lambda: status(running) == TaskResultStatus.RUNNING)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        assert "still busy with task" in stderr
        assert [status(each) for each in (running, waiting)] == [TaskResultStatus.READY] * 2
        assert (running.attempts, len(running.errors), waiting.attempts) == (1, 1, 0)
        StoredTask.objects.filter(pk=running.id).update(task_path=tasks.noop.module_path, args=[])
        assert manage.run_due_tasks()["succeeded"] == 2

    def test_a_second_signal_ends_the_process_at_once(self, manage, eventually):
        running = tasks.sleep.enqueue(3600)
        process = manage.start("run_due_tasks")
        eventually(lambda: status(running) == TaskResultStatus.RUNNING)
        process.send_signal(signal.SIGINT)
        eventually(lambda: "A signal" in process.stderr.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == -signal.SIGINT
        assert status(running) == TaskResultStatus.RUNNING  # until its lease ends

    def test_a_persistent_worker_ends_by_signal(self, manage, eventually):
        result = tasks.noop.enqueue()
        process = manage.start("run_due_tasks", "--wait", "--format", "json")
        eventually(lambda: status(result) == TaskResultStatus.SUCCESSFUL)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        assert json.loads(stdout)["stopped_because"] == "signal"


class TestKilled:
    def test_a_task_whose_process_was_killed_runs_again_when_its_lease_ends(self, manage):
        result = tasks.kill_own_process.enqueue()
        assert manage("run_due_tasks").returncode == -signal.SIGKILL
        assert manage.run_due_tasks()["claimed"] == 0
        StoredTask.objects.update(due_at=timezone.now() - timedelta(seconds=1), task_path=tasks.noop.module_path)
        report = manage.run_due_tasks()
        assert (report["claimed"], report["succeeded"], report["interrupted"]) == (1, 1, 1)
        result.refresh()
        assert result.attempts == 2

    def test_tasks_behind_it_are_not_charged_with_it(self, manage):
        tasks.noop.enqueue()  # so that the next claim has more than one
        killer, behind = tasks.kill_own_process.enqueue(), tasks.noop.enqueue()
        assert manage("run_due_tasks").returncode == -signal.SIGKILL
        StoredTask.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        StoredTask.objects.filter(pk=killer.id).update(task_path=tasks.noop.module_path)
        assert manage.run_due_tasks()["interrupted"] == 1
        behind.refresh()
        assert (behind.attempts, behind.errors) == (1, [])

    def test_an_import_that_kills_the_process_is_charged_to_its_task_alone(self, manage):
        tasks.noop.enqueue()
        killer, behind = tasks.noop.enqueue(), tasks.noop.enqueue()
        StoredTask.objects.filter(pk=killer.id).update(task_path="tests.project.shop.imported_late.late")
        assert manage("run_due_tasks", ONESHOT_KILLING_IMPORT="1").returncode == -signal.SIGKILL
        StoredTask.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        assert manage.run_due_tasks()["interrupted"] == 1
        killer.refresh()
        behind.refresh()
        assert (killer.attempts, behind.attempts, behind.errors) == (2, 1, [])


class TestDryRun:
    def test_tells_what_is_due_and_runs_nothing(self, manage, overdue):
        result = tasks.send_mail.enqueue("a@example.com")
        manage.run_due_tasks("--queue", "default")  # its tick has seen the schedules
        overdue(timedelta(seconds=1))
        done = manage("run_due_tasks", "--dry-run")
        assert f"tests.project.shop.tasks.send_mail  id={result.id} queue=mail priority=10" in done.stdout
        assert "tests.project.shop.tasks.digest is due by its schedule" in done.stdout
        assert status(result) == TaskResultStatus.READY
        assert StoredTask.objects.count() == 1

    def test_tells_it_as_json(self, manage):
        result = tasks.noop.enqueue()
        tasks.noop.enqueue()
        done = manage("run_due_tasks", "--dry-run", "--format", "json", "--max-tasks", "1")
        plan = json.loads(done.stdout)
        assert [task["id"] for task in plan["tasks"]] == [result.id]
        assert (plan["schedules"], plan["remaining"]) == ([], 2)

    def test_says_when_there_is_nothing(self, manage):
        assert manage("run_due_tasks", "--dry-run").stdout == "Nothing is due.\n"

    def test_says_how_many_it_left_out(self, rows, capsys):
        for _ in range(3):
            tasks.noop.enqueue()
        call_command("run_due_tasks", "--dry-run", "--max-tasks", "1")
        assert capsys.readouterr().out.endswith("and 2 more\n")


class TestSchedules:
    def test_a_due_schedule_runs_in_the_run_that_finds_it(self, manage, overdue):
        assert manage.run_due_tasks()["scheduled"] == 0
        overdue(timedelta(days=2))
        report = manage.run_due_tasks()
        assert (report["scheduled"], report["succeeded"]) == (1, 1)
        assert Execution.objects.get().note == "digest"
        assert manage.run_due_tasks()["scheduled"] == 0


class TestFromCode:
    def test_call_command_reports_on_its_stdout(self, rows, capsys):
        tasks.noop.enqueue()
        call_command("run_due_tasks", max_seconds=30)
        assert capsys.readouterr().out.startswith("1 task run in ")

    def test_call_command_raises_for_bad_arguments(self, rows):
        with pytest.raises(CommandError, match="--backend nowhere"):
            call_command("run_due_tasks", backend="nowhere")


def status(result):
    result.refresh()
    return result.status
