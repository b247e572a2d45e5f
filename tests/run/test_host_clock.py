"""Runs on hosts whose clock is wrong, or is set while they run. Leases and due times are the database's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.compat import TaskResultStatus
from django_tasks_oneshot.models import StoredTask
from tests.project.shop import tasks

HOUR = 3600
SOURCE = Path(__file__).with_name("host_clock.c")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None and os.environ.get("CI") != "true":
        pytest.skip("no C compiler; under CI=true this would be an error")
    built = tmp_path_factory.mktemp("clock") / "host_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", built, SOURCE, "-ldl"], check=True)
    return built


class HostClock:
    def __init__(self, library, file):
        self.file = file
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(file)}

    def set(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self.file)


@pytest.fixture
def clock(library, tmp_path):
    clock = HostClock(library, tmp_path / "shift")
    clock.set(0)
    return clock


def status(result):
    result.refresh()
    return result.status


def due_in(result):
    return StoredTask.objects.get(pk=result.id).due_at - timezone.now()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="its clock is the host's: no two hosts share a SQLite file")
@pytest.mark.parametrize("shift", [HOUR, -HOUR], ids=["ahead", "behind"])
class TestAHostWhoseClockIsWrong:
    @pytest.fixture
    def manage(self, manage, clock, shift):
        clock.set(shift)
        manage.environment = clock.environment
        return manage

    def test_is_one_that_the_tasks_see(self, manage, shift):
        result = tasks.host_clock.enqueue()
        manage.run_due_tasks()
        result.refresh()
        assert abs(result.return_value - timezone.now().timestamp() - shift) < HOUR / 2

    def test_runs_nothing_before_its_time(self, manage):
        tasks.noop.using(run_after=timezone.now() + timedelta(minutes=30)).enqueue()
        assert manage.run_due_tasks()["claimed"] == 0

    def test_runs_what_is_due(self, manage):
        tasks.noop.using(run_after=timezone.now() - timedelta(minutes=30)).enqueue()
        tasks.noop.enqueue()
        assert manage.run_due_tasks()["succeeded"] == 2

    def test_plans_a_retry_for_when_it_was_meant(self, manage):
        result = tasks.fail_and_wait.enqueue()
        manage.run_due_tasks()
        assert timedelta(0) < due_in(result) < timedelta(minutes=10)

    def test_fires_a_schedule_when_it_is_due_and_not_before(self, manage, overdue):
        manage.run_due_tasks()
        overdue(-timedelta(minutes=30))
        assert manage.run_due_tasks()["scheduled"] == 0
        overdue(timedelta(minutes=30))
        assert manage.run_due_tasks()["scheduled"] == 1

    def test_takes_nothing_from_a_run_elsewhere(self, manage, backend):
        tasks.noop.enqueue()
        assert backend.open_store(Claimant(worker_id="elsewhere")).claim(1)
        assert manage.run_due_tasks()["claimed"] == 0

    def test_leases_for_as_long_as_it_says(self, manage, eventually):
        result = tasks.sleep.enqueue(HOUR)
        manage.start("run_due_tasks")
        eventually(lambda: status(result) == TaskResultStatus.RUNNING)
        assert timedelta(seconds=200) < due_in(result) <= timedelta(seconds=300)

    def test_rescues_a_task_when_its_lease_ends(self, manage, eventually):
        result = tasks.kill_own_process.enqueue()
        assert manage("run_due_tasks", ONESHOT_LEASE="1").returncode == -signal.SIGKILL
        StoredTask.objects.filter(pk=result.id).update(task_path=tasks.noop.module_path)
        eventually(lambda: manage.run_due_tasks()["interrupted"] == 1)
        assert (status(result), result.attempts) == (TaskResultStatus.SUCCESSFUL, 2)


class TestAClockThatIsSetDuringARun:
    @pytest.mark.parametrize("jumps", [[HOUR], [-HOUR], [HOUR, 0, -HOUR]], ids=["forward", "back", "to and fro"])
    def test_the_running_task_is_not_run_twice(self, manage, clock, eventually, tmp_path, jumps):
        done = tmp_path / "done"
        result = tasks.wait_for_file.enqueue(str(done))
        manage.environment = clock.environment
        run = manage.start("run_due_tasks", "--format", "json")
        eventually(lambda: status(result) == TaskResultStatus.RUNNING)
        for jump in jumps:
            clock.set(jump)
            eventually(partial(leased_by_the_clock_of_the_database, result, jump))
            assert manage.run_due_tasks()["claimed"] == 0
        done.touch()
        run.communicate()
        assert (status(result), result.attempts, result.errors) == (TaskResultStatus.SUCCESSFUL, 1, [])


def leased_by_the_clock_of_the_database(result, jump):
    """On a server it always is. With SQLite the clock was set too, and the lease has to follow it."""
    off = jump if connection.vendor == "sqlite" else 0
    return timedelta(0) < due_in(result) - timedelta(seconds=off) <= timedelta(seconds=300)
