from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection

from django_tasks_oneshot.backends.base import Claim, Claimant
from django_tasks_oneshot.compat import TaskResultStatus, task_backends
from django_tasks_oneshot.models import StoredTask
from django_tasks_oneshot.run.heartbeat import Heartbeat
from tests.project.shop import tasks

SHORT = timedelta(seconds=0.06)


class RecordingStore:
    """Counts renewals; ``answers`` are what it says to each, an exception is raised."""

    databases = frozenset()
    first_lease = None

    def __init__(self, *answers):
        self.extended = []
        self.answers = list(answers)
        self.enough = threading.Event()

    def flush(self):
        pass

    def extend(self, claim):
        self.extended.append(claim)
        if len(self.extended) >= 3:
            self.enough.set()
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def claim(backend):
    result = tasks.noop.enqueue()
    return Claim(id=result.id, path="noop", token="t", load=lambda: result)


def beats(store, claim):
    heartbeat = Heartbeat(store, lambda: SHORT)
    with heartbeat.keeping(claim):
        assert store.enough.wait(30)
    heartbeat.stop()


def test_renews_the_lease_as_long_as_the_task_runs(claim):
    store = RecordingStore()
    beats(store, claim)
    assert set(map(id, store.extended)) == {id(claim)}


def test_an_error_does_not_end_it(claim, caplog):
    store = RecordingStore(OSError("the database is away"))
    beats(store, claim)
    assert "could not be renewed" in caplog.text


def test_a_lost_lease_is_logged_and_left_alone(claim, caplog, eventually):
    store = RecordingStore(False)
    heartbeat = Heartbeat(store, lambda: SHORT)
    with heartbeat.keeping(claim):
        eventually(lambda: "lost its lease while running" in caplog.text)
    heartbeat.stop()
    assert len(store.extended) == 1


def test_a_lease_that_gets_shorter_is_renewed_soon(claim, eventually):
    """After a signal the end of the run is known, and the next one shall not wait for 300 seconds."""
    leases = [timedelta(seconds=3600)]
    store = RecordingStore()
    heartbeat = Heartbeat(store, lambda: leases[-1])
    with heartbeat.keeping(claim):
        assert store.extended == []
        leases.append(SHORT)
        eventually(lambda: store.extended)
    heartbeat.stop()


def test_a_lease_is_renewed_when_the_clock_of_the_host_is_set(claim, monkeypatch, eventually):
    """SQLite has no clock but that one: an hour later, every lease has ended."""
    store = RecordingStore()
    heartbeat = Heartbeat(store, lambda: timedelta(seconds=300))
    with heartbeat.keeping(claim):
        monkeypatch.setattr(time, "time", lambda: time.monotonic() + 3600)
        eventually(lambda: store.extended)
    heartbeat.stop()


def test_is_no_thread_before_the_first_task():
    heartbeat = Heartbeat(RecordingStore(), lambda: SHORT)
    heartbeat.stop()
    assert "oneshot-heartbeat" not in [thread.name for thread in threading.enumerate()]


def test_can_be_told_never_to_beat(claim):
    store = RecordingStore()
    heartbeat = Heartbeat(store, None)
    with heartbeat.keeping(claim):
        pass
    heartbeat.stop()
    assert store.extended == []


def test_a_task_that_outlives_its_lease_is_run_once(rows, manage, eventually):
    """The lease is 1 second, the task takes 4; another run looks for work all the while."""
    result = tasks.sleep.enqueue(4)
    run = manage.start("run_due_tasks", ONESHOT_LEASE="1")
    eventually(lambda: StoredTask.objects.get(pk=result.id).status == TaskResultStatus.RUNNING)
    other = task_backends["default"].open_store(Claimant(worker_id="other"))
    while run.poll() is None:
        assert list(other.claim(1)) == []
    run.communicate()
    result.refresh()
    assert (result.status, result.attempts, result.errors) == (TaskResultStatus.SUCCESSFUL, 1, [])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no server that ends connections")
def test_goes_on_when_its_connection_was_dropped(rows, manage, eventually, tmp_path):
    done = tmp_path / "done"
    result = tasks.wait_for_file.enqueue(str(done))
    run = manage.start("run_due_tasks", ONESHOT_LEASE="2")
    eventually(lambda: StoredTask.objects.get(pk=result.id).status == TaskResultStatus.RUNNING)
    for _ in range(2):
        before = StoredTask.objects.get(pk=result.id).due_at
        eventually(lambda: StoredTask.objects.get(pk=result.id).due_at > before)  # noqa: B023
        tasks.LEAVES["broken connections of others"]()
    before = StoredTask.objects.get(pk=result.id).due_at
    eventually(lambda: StoredTask.objects.get(pk=result.id).due_at > before)
    done.touch()
    run.communicate()
    result.refresh()
    assert (result.status, result.attempts) == (TaskResultStatus.SUCCESSFUL, 1)
