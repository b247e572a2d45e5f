"""Interruptions as a task, its result and its neighbours see them. In this process: real signals and threads."""

from __future__ import annotations

import logging
import signal
import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from django_tasks_oneshot import TaskInterrupted, TaskTimeout
from django_tasks_oneshot.backends.base import Claimant, Succeeded
from django_tasks_oneshot.compat import TaskResultStatus, task_finished, task_started
from django_tasks_oneshot.models import Attempt, StoredTask, TaskDuration
from django_tasks_oneshot.run import interrupt
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.drain import Limits, Run, drain
from django_tasks_oneshot.run.host import Host
from django_tasks_oneshot.run.interrupt import SIGNAL, Interrupter
from django_tasks_oneshot.run.tick import Ticker
from tests.project.shop import tasks
from tests.project.shop.models import executed

INTERRUPTED = "django_tasks_oneshot.contract.exceptions.TaskInterrupted"


LONG = {tasks.hang.name, tasks.hang_async.name, tasks.hang_at_most_once.name, tasks.hold_on.name, tasks.sleep.name}
LONG |= {tasks.clean_up_and_return.name}


@pytest.fixture
def when_a_long_task_begins():
    """Calls functions then: a busy machine may take its time until it comes to that."""
    functions = []

    def begins(task_result, **kwargs):
        if task_result.task.name in LONG:
            while functions:
                functions.pop()()

    task_started.connect(begins)
    yield functions.append
    task_started.disconnect(begins)


@pytest.fixture
def clock(when_a_long_task_begins):
    """It stands still until a long task begins."""
    began = []
    when_a_long_task_begins(lambda: began.append(time.monotonic()))
    return lambda: time.monotonic() - began[0] if began else 0.0


@pytest.fixture
def run(run, clock):
    return partial(run, clock=clock)


@pytest.fixture
def signal_then(when_a_long_task_begins):
    """Sends this signal to the run when it is in a long task."""

    def signal_then(number):
        send = partial(signal.pthread_kill, threading.main_thread().ident, number)
        when_a_long_task_begins(threading.Timer(0.2, send).start)

    return signal_then


def active_queries(text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT query FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s", [text])
        return cursor.fetchall()


def refreshed(result):
    result.refresh()
    return result


class TestTheTask:
    """The deadline is over when the task has hardly begun."""

    @pytest.mark.parametrize("how", ["sleep", "loop", "lock"])
    def test_gets_the_exception_wherever_it_is(self, run, how):
        result = refreshed(tasks.hang.enqueue(how))
        report = run(max_seconds=0.2, grace_seconds=0)
        assert executed() == [f"{how}: TaskInterrupted"]
        assert (report.claimed, report.interrupted, report.failed) == (1, 1, 0)
        result.refresh()
        assert (result.status, result.attempts) == (TaskResultStatus.READY, 1)

    def test_that_is_async_is_cancelled(self, run):
        result = tasks.hang_async.enqueue()
        report = run(max_seconds=0.2, grace_seconds=0)
        assert executed() == ["async: CancelledError"]
        assert report.interrupted == 1
        (error,) = refreshed(result).errors
        assert error.exception_class_path == INTERRUPTED

    def test_is_interrupted_in_a_thread_of_a_server_too(self, rows, backend, clock):
        """As in a web process: no signals there."""
        tasks.hang.enqueue("loop")
        reports = []

        def serve():
            reports.append(drain(backend, Deadline(0.2, 0, clock), Limits()))
            connections.close_all()

        thread = threading.Thread(target=serve)
        thread.start()
        thread.join()
        assert [report.interrupted for report in reports] == [1]
        assert executed() == ["loop: TaskInterrupted"]

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="the other drivers do not come back before the query")
    def test_that_waits_for_a_query_does_not_leave_it_behind(self, run, eventually):
        tasks.hang.enqueue("query")
        assert run(max_seconds=0.3, grace_seconds=0).interrupted == 1
        eventually(lambda: not active_queries("SELECT pg_sleep%"))

    def test_has_its_open_transaction_rolled_back(self, run):
        tasks.hang.enqueue("atomic")
        assert run(max_seconds=0.2, grace_seconds=0).interrupted == 1
        assert executed() == ["atomic: TaskInterrupted"]

    def test_that_returns_all_the_same_has_succeeded(self, run):
        result = tasks.clean_up_and_return.enqueue()
        assert run(max_seconds=0.2, grace_seconds=0).succeeded == 1
        assert refreshed(result).return_value == "as far as I got"

    def test_that_ends_in_its_grace_is_not_interrupted(self, run):
        result = tasks.sleep.enqueue(0.5)
        assert run(max_seconds=0.1, grace_seconds=3600).succeeded == 1
        assert refreshed(result).errors == []

    def test_that_holds_on_is_told_once_and_waited_for(self, run, caplog):
        """Without a process of its own, as under call_command(), a run can end nobody."""
        result = tasks.hold_on.enqueue(3)
        assert run(max_seconds=0.1, grace_seconds=0).succeeded == 1
        assert executed() == ["held on"]
        assert "still busy with task" in caplog.text
        assert refreshed(result).status == TaskResultStatus.SUCCESSFUL

    def test_may_raise_it_itself(self, run, rows):
        result = tasks.interrupt_itself.enqueue()
        report = run(max_tasks=1)
        assert (report.interrupted, report.failed, refreshed(result).status) == (1, 0, TaskResultStatus.READY)


class TestTheRecord:
    def test_is_an_attempt_that_was_interrupted_and_says_why(self, run):
        result = tasks.hang.enqueue("sleep")
        run(max_seconds=0.2, grace_seconds=0)
        attempt = Attempt.objects.get()
        assert (attempt.outcome, attempt.exception_class_path) == ("INTERRUPTED", INTERRUPTED)
        assert "TaskInterrupted: deadline: its run had to end before the task did." in attempt.traceback
        assert "time.sleep" in attempt.traceback or "HANGS[how](seconds)" in attempt.traceback
        assert refreshed(result).finished_at is None

    def test_says_signal_where_it_was_one(self, run, signal_then):
        tasks.hang.enqueue("sleep")
        signal_then(signal.SIGTERM)
        report = run(grace_seconds=0)
        assert report.stopped_because == "signal"
        assert "TaskInterrupted: signal: its run was told to stop" in Attempt.objects.get().traceback

    def test_is_an_interruption_whatever_a_library_made_of_it(self, run):
        tasks.hang.enqueue("wrapped")
        run(max_seconds=0.2, grace_seconds=0)
        attempt = Attempt.objects.get()
        assert (attempt.outcome, attempt.exception_class_path) == ("INTERRUPTED", INTERRUPTED)
        assert "a library's own" in attempt.traceback

    def test_spends_no_attempt_and_is_followed_by_the_next_run(self, run):
        result = tasks.hang.enqueue("sleep")
        run(max_seconds=0.2, grace_seconds=0)
        StoredTask.objects.update(task_path=tasks.noop.module_path, args=[])
        report = run()
        assert (report.claimed, report.succeeded) == (1, 1)
        assert refreshed(result).attempts == 2

    def test_keeps_the_place_of_the_task_in_the_queue(self, run, backend):
        result = tasks.hang.enqueue("sleep")
        younger = tasks.noop.enqueue()
        run(max_seconds=0.2, grace_seconds=0)
        claims = backend.open_store(Claimant(worker_id="next")).claim(10)
        assert [claim.id for claim in claims] == [result.id, younger.id]

    def test_sends_no_task_finished_as_long_as_it_is_not_final(self, run):
        finished = []
        task_finished.connect(receiver := lambda task_result, **kwargs: finished.append(task_result.status))
        tasks.hang.enqueue("sleep")
        run(max_seconds=0.2, grace_seconds=0)
        assert finished == []
        tasks.hang_at_most_once.enqueue()
        StoredTask.objects.filter(task_path=tasks.hang.module_path).delete()
        run(max_seconds=0.2, grace_seconds=0)
        task_finished.disconnect(receiver)
        assert finished == [TaskResultStatus.FAILED]

    def test_is_final_where_the_task_may_not_be_interrupted(self, run):
        result = tasks.hang_at_most_once.enqueue()
        report = run(max_seconds=0.2, grace_seconds=0)
        assert (report.failed, refreshed(result).status) == (1, TaskResultStatus.FAILED)
        (error,) = result.errors
        assert error.exception_class_path == INTERRUPTED
        assert "deadline: interrupted 1 times in a row, and max_interruptions=0" in error.traceback


class TestTheRun:
    def test_gives_back_what_it_had_not_started(self, run, rows):
        for _ in range(3):
            tasks.noop.enqueue()
        result, behind = tasks.hang.enqueue("sleep"), [tasks.noop.enqueue() for _ in range(3)]
        report = run(max_seconds=0.2, grace_seconds=0)
        assert (report.claimed, report.succeeded, report.interrupted, report.remaining) == (4, 3, 1, 4)
        for each in behind:
            assert (refreshed(each).attempts, each.errors) == (0, [])
        assert refreshed(result).attempts == 1

    def test_tells_that_a_signal_came(self, run, signal_then, caplog):
        tasks.sleep.enqueue(2)
        signal_then(signal.SIGINT)
        with caplog.at_level(logging.WARNING):
            assert run(grace_seconds=3600).succeeded == 1
        assert "no other task is started" in caplog.text

    def test_interrupts_the_task_of_the_innermost_run(self, run, signal_then):
        """A task that runs another backend's tasks: the one inside is interrupted, the one outside ends by itself."""
        outer = tasks.run_other_backend.enqueue()
        inner = tasks.hang.using(backend="any_queue").enqueue("sleep")
        signal_then(signal.SIGTERM)
        report = run(grace_seconds=0)
        assert report.stopped_because == "signal"
        assert executed() == ["sleep: TaskInterrupted"]
        assert refreshed(inner).status == TaskResultStatus.READY
        assert refreshed(outer).attempts == 1

    def test_leaves_the_handler_of_its_signal_as_it_was(self, run):
        before = signal.getsignal(SIGNAL)
        run()
        assert signal.getsignal(SIGNAL) is before

    def test_charges_nothing_that_it_claimed_after_a_signal(self, run, monkeypatch):
        """It came while the schedules were evaluated."""
        result = tasks.noop.enqueue()
        monkeypatch.setattr(Ticker, "tick", lambda self: signal.raise_signal(signal.SIGTERM) or 0)
        report = run()
        assert (report.claimed, report.remaining, report.stopped_because) == (0, 1, "signal")
        assert (refreshed(result).status, result.attempts, result.started_at) == (TaskResultStatus.READY, 0, None)

    def test_begun_by_a_task_after_the_signal_starts_nothing(self, run, signal_then):
        inner = tasks.noop.using(backend="any_queue").enqueue()
        tasks.run_other_backend_after_a_signal.enqueue()
        assert run(grace_seconds=3600).stopped_because == "signal"
        assert refreshed(inner).attempts == 0

    def test_begun_by_a_task_ends_with_the_run_of_that_task(self, run):
        tasks.run_other_backend.enqueue()
        inner = tasks.hang.using(backend="any_queue").enqueue("sleep")
        assert run(max_seconds=0.2, grace_seconds=0).claimed == 1
        assert executed() == ["sleep: TaskInterrupted"]
        assert refreshed(inner).status == TaskResultStatus.READY

    def test_ends_well_where_what_is_left_cannot_be_counted(self, run, backend, monkeypatch, caplog):
        def count_due(self):
            raise OperationalError("gone")

        tasks.noop.enqueue()
        tasks.noop.enqueue()
        monkeypatch.setattr("django_tasks_oneshot.backends.database_store.DatabaseStore.count_due", count_due)
        report = run(max_tasks=1)
        assert (report.succeeded, report.remaining, report.as_dict()["remaining"]) == (1, None, None)
        assert "gone" in caplog.text


class TestOverrun:
    """The run has to be gone: what its claims become in the moment before the process ends."""

    @pytest.fixture
    def overrunning(self, backend):
        """A run in the middle of a batch, and the exit codes that it asks for."""
        for _ in range(3):
            tasks.noop.enqueue()
        codes = []
        run = Run(backend, Deadline(0.001, 0), Limits(), Host(exit_now=codes.append))
        run.claims.extend(run.store.claim(10))
        run.current = run.claims[0]
        return run, codes

    def test_gives_the_task_and_those_behind_it_back(self, overrunning, backend):
        run, codes = overrunning
        run.overrun()
        assert codes[0] == 0
        assert [each.outcome for each in Attempt.objects.all()] == ["INTERRUPTED"]
        assert len(backend.open_store(Claimant(worker_id="next")).claim(10)) == 3

    def test_lets_the_next_run_know_how_long_that_took(self, overrunning):
        run, _ = overrunning
        run.began_at = -40.0  # seconds before the run began
        run.overrun()
        (known,) = TaskDuration.objects.all()
        assert (known.path, round(known.seconds)) == (tasks.noop.module_path, 50)

    def test_records_an_outcome_that_is_there_already(self, overrunning, backend):
        """Its thread may wait for a database that has just come back."""
        run, codes = overrunning
        run.outcome = Succeeded(ended_at=timezone.now(), return_value=3)
        run.overrun()
        assert codes[0] == 0
        assert refreshed(run.current.result).return_value == 3
        assert len(backend.open_store(Claimant(worker_id="next")).claim(10)) == 2

    def test_gives_back_as_it_was_what_had_begun_and_was_not_called_yet(self, overrunning, backend):
        """The run is in a receiver of task_finished, and the next task has begun in the commit before it."""
        run, _ = overrunning
        run.record(run.claims[0], Succeeded(ended_at=timezone.now(), return_value=3), run.claims[1])
        run.claims.popleft()
        run.overrun()
        claims = backend.open_store(Claimant(worker_id="next")).claim(10)
        assert [claim.interruptions for claim in claims] == [0, 0]
        assert [claim.result.worker_ids for claim in claims] == [["next"], []]

    def test_ends_the_process_although_nothing_can_be_recorded(self, overrunning, monkeypatch, eventually):
        run, codes = overrunning
        answers = threading.Event()
        monkeypatch.setattr(run.store, "record", lambda *args, **kwargs: answers.wait())
        thread = threading.Thread(target=run.overrun)
        thread.start()
        try:
            eventually(lambda: codes == [1])
        finally:
            answers.set()
            thread.join()

    def test_changes_nothing_where_another_run_has_the_task(self, overrunning, backend):
        run, _ = overrunning
        StoredTask.objects.filter(pk=run.current.id).update(due_at=timezone.now() - timedelta(seconds=1))
        (taken,) = backend.open_store(Claimant(worker_id="other")).claim(1)
        run.overrun()
        assert taken.id == run.current.id
        assert StoredTask.objects.get(pk=taken.id).worker_id == "other"


class TestInterrupter:
    @pytest.fixture
    def interrupter(self):
        """Of a run whose end has come."""
        deadline = Deadline()
        deadline.stop()
        deadline.clock = lambda: deadline.started + 3600
        return Interrupter(deadline)

    def test_raises_nothing_before_and_after_the_call(self, interrupter):
        with interrupter.installed():
            interrupter.interrupt_if_due()
            assert interrupter.call(tasks.add, None, 1, 2) == 3
            interrupter.interrupt_if_due()
            signal.raise_signal(SIGNAL)
        assert interrupter.interruption is None

    def test_raises_nothing_before_the_call_in_another_thread(self):
        raised = []

        def work():
            deadline = Deadline()
            deadline.stop()
            deadline.clock = lambda: deadline.started + 3600
            try:
                Interrupter(deadline).interrupt_if_due()
                sum(1 for _ in range(100))
            except TaskInterrupted as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert raised == []

    def test_raises_nothing_while_it_is_held_off(self, interrupter):
        with interrupter.installed():
            interrupter._is_open = True
            with interrupter.held_off():
                interrupter.interrupt_if_due()
                signal.raise_signal(SIGNAL)
            with pytest.raises(TaskInterrupted):
                interrupter.interrupt_if_due()

    def test_an_async_task_that_has_not_begun_yet_is_interrupted_when_it_has(self, interrupter):
        """Its event loop is in another thread: what is raised here would leave it running there."""
        interrupter._is_open = interrupter._is_async = True
        interrupter.interrupt_if_due()
        assert interrupter.interruption is interrupter._waiting is None
        cancelled = []
        interrupter._cancel = lambda: cancelled.append(True)
        interrupter.interrupt_if_due()
        interrupter.interrupt_if_due()
        assert cancelled == [True]

    @pytest.mark.parametrize("kind", [TaskInterrupted, TaskTimeout])
    def test_an_asynchronous_exception_that_comes_late_does_no_harm(self, kind):
        """It was on its way when the call ended."""
        values = []

        class LockOfAnInterruption:
            def __enter__(self):
                interrupt._set_asynchronous_exception(threading.get_ident(), kind)

            def __exit__(self, *exc_info):
                pass

        def work():
            interrupter = Interrupter(Deadline())
            interrupter._lock = LockOfAnInterruption()
            values.append(interrupter.call(tasks.add, None, 1, 2))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert values == [3]
