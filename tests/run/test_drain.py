from __future__ import annotations

import logging
import os
import signal
import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.compat import TaskResultStatus, task_backends, task_finished, task_started
from django_tasks_oneshot.models import Attempt
from django_tasks_oneshot.run import drain as drain_module
from django_tasks_oneshot.run.deadline import Deadline
from tests.project.shop import tasks
from tests.project.shop.models import Execution, executed


class SteppingClock:
    """A clock that moves on by a second each time a task is looked at by ``advance``."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def advance(self, **kwargs):
        self.now += 1


@pytest.fixture
def clock():
    """Time that passes only when a task starts: one second each."""
    clock = SteppingClock()
    task_started.connect(clock.advance)
    yield clock
    task_started.disconnect(clock.advance)


@pytest.fixture
def signals_sent():
    sent = []

    def started(sender, task_result, **kwargs):
        sent.append(("started", task_result.id, task_result.status, task_result.attempts))

    def finished(sender, task_result, **kwargs):
        sent.append(("finished", task_result.id, task_result.status, task_result.attempts))

    task_started.connect(started)
    task_finished.connect(finished)
    yield sent
    task_started.disconnect(started)
    task_finished.disconnect(finished)


def status(result):
    result.refresh()
    return result.status


class TestWhatARunDoes:
    def test_runs_what_is_due_and_ends_when_nothing_is(self, run):
        results = [tasks.add.enqueue(number, 1) for number in range(25)]
        report = run()
        assert (report.claimed, report.succeeded, report.remaining) == (25, 25, 0)
        assert report.stopped_because == "empty"
        assert [tasks.add.get_result(result.id).return_value for result in results] == list(range(1, 26))

    def test_an_idle_run_does_nothing(self, run):
        report = run()
        assert (report.claimed, report.stopped_because) == (0, "empty")

    def test_runs_async_tasks(self, run):
        result = tasks.add_later.enqueue(1, 2)
        run()
        assert status(result) == TaskResultStatus.SUCCESSFUL
        assert result.return_value == 3

    def test_runs_what_a_task_enqueues(self, run):
        tasks.enqueue_another.enqueue()
        assert run().succeeded == 2

    def test_gives_the_context_to_those_who_take_it(self, run):
        result = tasks.tell_attempt.enqueue()
        run()
        result.refresh()
        assert result.return_value == [1, 0]

    def test_runs_only_the_queues_it_is_for(self, run):
        mail, other = tasks.send_mail.enqueue("a@example.com"), tasks.noop.enqueue()
        assert run(queues={"mail"}).claimed == 1
        assert (status(mail), status(other)) == (TaskResultStatus.SUCCESSFUL, TaskResultStatus.READY)

    def test_runs_only_the_backend_it_is_for(self, run):
        elsewhere = tasks.noop.using(backend="any_queue").enqueue()
        assert run().claimed == 0
        assert run(backend=task_backends["any_queue"]).claimed == 1
        assert status(elsewhere) == TaskResultStatus.SUCCESSFUL

    def test_a_signal_receiver_that_raises_hurts_only_itself(self, run):
        def receiver(**kwargs):
            raise SystemExit("no")

        result = tasks.noop.enqueue()
        task_started.connect(receiver)
        task_finished.connect(receiver)
        try:
            assert run().succeeded == 1
        finally:
            task_started.disconnect(receiver)
            task_finished.disconnect(receiver)
        assert status(result) == TaskResultStatus.SUCCESSFUL

    def test_sends_started_at_every_attempt_and_finished_once(self, run, signals_sent):
        result = tasks.fail_at_once.enqueue()
        run()
        assert signals_sent == [
            ("started", result.id, "RUNNING", 1),
            ("started", result.id, "RUNNING", 2),
            ("started", result.id, "RUNNING", 3),
            ("finished", result.id, "FAILED", 3),
        ]

    def test_the_framework_logs_a_final_failure_with_its_exception(self, run, caplog):
        tasks.raise_.enqueue("MemoryError")
        with caplog.at_level(logging.ERROR):
            run()
        (record,) = [each for each in caplog.records if each.name in ("django.tasks", "django_tasks")]
        assert "FAILED" in record.getMessage()
        if record.name == "django.tasks":  # the backport logs without one
            assert record.exc_info[0] is MemoryError

    def test_tells_which_tasks_it_claims_in_growing_batches(self, run, monkeypatch):
        limits = []
        claim = drain_module.Run.claim

        def watched(self):
            limits.append(self.batch.size)
            return claim(self)

        monkeypatch.setattr(drain_module.Run, "claim", watched)
        for _ in range(10):
            tasks.noop.enqueue()
        run(clock=lambda: 0.0)
        assert limits == [1, 2, 4, 8, 16]

    def test_claims_fewer_at_a_time_where_tasks_are_slow(self, run, monkeypatch):
        limits, clock = [], SteppingClock()
        claim = drain_module.Run.claim

        def watched(self):
            limits.append(self.batch.size)
            clock.now += 0 if len(limits) < 4 else 1
            return claim(self)

        monkeypatch.setattr(drain_module.Run, "claim", watched)
        task_started.connect(slow_down := lambda **kwargs: clock.advance() if len(limits) >= 4 else None)
        for _ in range(1 + 2 + 4 + 8 + 4 + 2):
            tasks.noop.enqueue()
        run(clock=clock)
        task_started.disconnect(slow_down)
        assert limits == [1, 2, 4, 8, 4, 2, 1]


class TestRetry:
    def test_a_failed_attempt_waits_for_its_backoff(self, run):
        result = tasks.fail_and_wait.enqueue()
        report = run()
        assert (report.claimed, report.retried, report.failed, report.stopped_because) == (1, 1, 0, "empty")
        assert status(result) == TaskResultStatus.READY
        assert result.errors[0].exception_class_path == "builtins.ValueError"
        assert "not yet" in result.errors[0].traceback
        run_after = tasks.fail_and_wait.get_result(result.id).task.run_after
        assert timedelta(seconds=50) < run_after - timezone.now() < timedelta(seconds=70)
        assert Attempt.objects.get().retry_at == run_after

    def test_attempts_end_with_max_attempts(self, run):
        result = tasks.fail_at_once.enqueue()
        report = run()
        assert (report.claimed, report.retried, report.failed) == (3, 2, 1)
        assert status(result) == TaskResultStatus.FAILED
        assert (result.attempts, len(result.errors)) == (3, 3)
        assert list(Attempt.objects.order_by("number").values_list("number", "outcome")) == [
            (1, "FAILED"),
            (2, "FAILED"),
            (3, "FAILED"),
        ]

    def test_a_later_attempt_knows_of_the_earlier_ones(self, run, rows):
        with_default = tasks.tell_attempt.using(backend="any_queue")
        result = with_default.enqueue(fail_until=2)
        run(backend=task_backends["any_queue"])
        rows.update(due_at=timezone.now() - timedelta(seconds=1))
        run(backend=task_backends["any_queue"])
        result.refresh()
        assert result.return_value == [2, 1]

    def test_discard_fails_at_once_and_for_good(self, run):
        result = tasks.discard.enqueue()
        assert run().failed == 1
        assert status(result) == TaskResultStatus.FAILED
        assert "nobody wants it" in result.errors[0].traceback

    def test_retry_runs_again_without_any_policy(self, run):
        result = tasks.retry_once.enqueue()
        report = run()
        assert (report.retried, report.succeeded) == (1, 1)
        result.refresh()
        assert result.return_value == "second"

    def test_a_broken_backoff_fails_the_task_and_tells_both_errors(self, run):
        result = tasks.fail_with_broken_backoff.enqueue()
        assert run().failed == 1
        assert status(result) == TaskResultStatus.FAILED
        assert result.errors[0].exception_class_path == "builtins.LookupError"
        assert "the backoff is broken" in result.errors[0].traceback
        assert "the task is broken" in result.errors[0].traceback

    def test_the_backoff_sees_the_attempt_that_just_failed(self, run):
        tasks.fail_watched.enqueue()
        run()
        assert executed() == ["ValueError FAILED 1 1", "ValueError FAILED 2 2"]


class TestLimits:
    def test_stops_starting_after_max_seconds(self, run, clock):
        for _ in range(5):
            tasks.noop.enqueue()
        report = run(max_seconds=3, clock=clock)
        assert (report.claimed, report.remaining, report.stopped_because) == (3, 2, "max_seconds")
        assert report.seconds == 3

    def test_stops_after_max_tasks(self, run):
        for _ in range(5):
            tasks.noop.enqueue()
        report = run(max_tasks=3)
        assert (report.claimed, report.remaining, report.stopped_because) == (3, 2, "max_tasks")

    def test_spends_nothing_on_what_it_claimed_and_did_not_start(self, run, clock, rows):
        results = [tasks.noop.enqueue() for _ in range(9)]
        task_started.disconnect(clock.advance)
        seen = []

        def slow_from_the_fifth_on(**kwargs):
            seen.append(1)
            clock.now += 10 * (len(seen) >= 5)

        task_started.connect(slow_from_the_fifth_on)
        try:
            report = run(max_seconds=5, clock=clock)
        finally:
            task_started.disconnect(slow_from_the_fifth_on)
        assert (report.claimed, report.remaining) == (5, 4)
        for result in results[5:]:
            assert status(result) == TaskResultStatus.READY
            assert (result.attempts, result.errors) == (0, [])

    def test_a_signal_lets_the_running_task_finish_and_starts_no_other(self, run):
        tasks.raise_signal.enqueue("SIGTERM")
        after = tasks.noop.enqueue()
        report = run()
        assert (report.claimed, report.succeeded, report.stopped_because) == (1, 1, "signal")
        assert (report.remaining, status(after)) == (1, TaskResultStatus.READY)

    def test_a_signal_stops_a_run_and_the_run_that_started_it(self, run):
        tasks.run_other_backend.enqueue()
        after = tasks.noop.enqueue()
        inner = tasks.raise_signal.using(backend="any_queue").enqueue("SIGTERM")
        report = run()
        assert (report.claimed, report.stopped_because) == (1, "signal")
        assert (status(inner), status(after)) == (TaskResultStatus.SUCCESSFUL, TaskResultStatus.READY)

    def test_leaves_signal_handlers_as_they_were(self, run):
        before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
        run()
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before

    def test_waits_for_work_until_its_time_is_up(self, run):
        tasks.write_down.using(run_after=timezone.now() + timedelta(seconds=1)).enqueue("later")
        report = run(max_seconds=4, wait=True)
        assert (report.succeeded, report.stopped_because) == (1, "max_seconds")


class TestLostLeases:
    def test_an_outcome_that_comes_too_late_is_dropped_and_sends_no_signal(self, run, signals_sent, caplog):
        result = tasks.lose_own_lease.enqueue()
        report = run()
        assert (report.claimed, report.succeeded, report.interrupted) == (1, 0, 1)
        assert status(result) == TaskResultStatus.RUNNING
        assert [kind for kind, *_ in signals_sent] == ["started"]
        assert "lost its lease" in caplog.text

    def test_what_interrupts_too_often_fails_and_says_so(self, run, backend, rows):
        result = tasks.noop.enqueue()
        for _ in range(4):
            backend.open_store(Claimant(worker_id="killed")).claim(1)
            rows.update(due_at=timezone.now() - timedelta(seconds=1))
        report = run()
        assert report.failed == 1
        assert status(result) == TaskResultStatus.FAILED
        assert [each.exception_class_path.rpartition(".")[2] for each in result.errors] == ["TaskInterrupted"] * 5
        assert "4 times in a row, and max_interruptions=3" in result.errors[-1].traceback

    def test_interruptions_spend_no_attempts(self, run, backend, rows):
        result = tasks.fail_at_once.enqueue()
        for _ in range(2):
            backend.open_store(Claimant(worker_id="killed")).claim(1)
            rows.update(due_at=timezone.now() - timedelta(seconds=1))
        report = run()
        assert (report.interrupted, report.retried, report.failed) == (1, 2, 1)
        result.refresh()
        assert result.attempts == 2 + 3

    def test_at_most_once_means_never_again(self, run, backend, rows):
        result = tasks.kill_own_process_at_most_once.enqueue()
        backend.open_store(Claimant(worker_id="killed")).claim(1)
        rows.update(due_at=timezone.now() - timedelta(seconds=1))
        assert run().failed == 1
        assert status(result) == TaskResultStatus.FAILED


class TestInsideATransaction:
    """As in a TestCase of the project's: there can be no second connection that sees the tasks."""

    def test_the_run_shares_the_connection(self, db):
        result = tasks.write_down.enqueue("shared")
        report = drain_module.drain(task_backends["default"], Deadline(), drain_module.Limits())
        assert report.succeeded == 1
        assert status(result) == TaskResultStatus.SUCCESSFUL
        assert Execution.objects.get().process == os.getpid()

    def test_no_lease_is_renewed_where_no_other_connection_sees_the_task(self, db):
        threads = []
        receiver = lambda **kwargs: threads.extend(thread.name for thread in threading.enumerate())  # noqa: E731
        task_started.connect(receiver)
        tasks.noop.enqueue()
        drain_module.drain(task_backends["default"], Deadline(), drain_module.Limits())
        task_started.disconnect(receiver)
        assert "oneshot-watchdog" in threads
        assert "oneshot-heartbeat" not in threads
