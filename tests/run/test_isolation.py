"""A task hurts only itself, whatever it does."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import DataError, connection, transaction
from django.utils import timezone, translation

from django_tasks_oneshot.backends import database_store
from django_tasks_oneshot.compat import TaskResultStatus, task_backends, task_finished
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.drain import Limits, drain
from django_tasks_oneshot.run.execute import LONGEST_TRACEBACK
from tests.project.shop import tasks
from tests.project.shop.models import Execution


def after(result):
    result.refresh()
    return result


class TestWhatATaskRaises:
    @pytest.mark.parametrize("kind", list(tasks.RAISES))
    def test_fails_that_task_and_no_other(self, run, kind):
        bad = tasks.raise_.enqueue(kind)
        good = tasks.add.enqueue(1, 2)
        report = run()
        assert (report.failed, report.succeeded) == (1, 1)
        assert after(good).return_value == 3
        assert after(bad).status == TaskResultStatus.FAILED
        (error,) = bad.errors
        assert error.exception_class_path
        assert 0 < len(error.traceback) <= LONGEST_TRACEBACK

    def test_keeps_both_ends_of_a_long_traceback(self, run):
        result = tasks.raise_.enqueue("huge")
        run()
        text = after(result).errors[0].traceback
        assert text.startswith("Traceback")
        assert "characters left out" in text

    def test_names_a_class_that_cannot_be_imported(self, run):
        result = tasks.raise_.enqueue("Local")
        run()
        assert after(result).errors[0].exception_class_path.endswith("_local_class.<locals>.Local")

    def test_is_kept_in_ascii_where_the_database_has_an_encoding_that_cannot_hold_it(self, run, monkeypatch):
        def commit(alias, writes):
            if not repr(writes).isascii():
                raise DataError("no equivalent in encoding LATIN1")
            return real_commit(alias, writes)

        real_commit = database_store.commit
        monkeypatch.setattr(database_store, "commit", commit)
        result = tasks.raise_.enqueue("emoji")
        assert run().failed == 1
        assert "ValueError: \\U0001f40d" in after(result).errors[0].traceback

    def test_makes_text_storable_that_databases_refuse(self, run):
        nul, surrogate = tasks.raise_.enqueue("NUL"), tasks.raise_.enqueue("surrogate")
        run()
        assert "a\\x00b" in after(nul).errors[0].traceback
        assert "a\\ud800b" in after(surrogate).errors[0].traceback

    @pytest.mark.parametrize(
        "path", ["tests.project.shop.tasks.gone", "gone.module.task", "tests.project.shop.tasks.not_a_task"]
    )
    def test_a_task_whose_function_is_gone_fails_and_names_it(self, run, rows, path):
        gone = tasks.add.enqueue(1, 2)
        tasks.noop.enqueue()
        rows.filter(pk=gone.id).update(task_path=path)
        report = run()
        assert (report.failed, report.succeeded) == (1, 1)
        (error,) = task_backends["default"].get_result(gone.id).errors
        assert error.exception_class_path.endswith("TaskNotFound")
        assert f"{path} cannot be run" in error.traceback


class TestWhatATaskReturns:
    @pytest.mark.parametrize("kind", ["NaN", "infinity", "object", "bytes", "large"])
    def test_what_has_no_json_form_fails_it_for_good(self, run, kind):
        result = tasks.return_.enqueue(kind)
        tasks.noop.enqueue()
        report = run()
        assert (report.failed, report.succeeded) == (1, 1)
        assert "its return value was lost" in after(result).errors[0].traceback

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("NUL", "a\0b"),
            ("surrogate", "\ud800"),
            ("int keys", {"1": "one"}),
            ("tuple", [1, 2]),
            ("emoji", "🐍"),
            ("None", None),
        ],
    )
    def test_the_rest_comes_back_as_json_has_it(self, run, kind, expected):
        result = tasks.return_.enqueue(kind)
        run()
        assert after(result).return_value == expected


LEFT_BEHIND = [kind for kind in tasks.LEAVES if kind not in ("thread", "a warning", "alarm")]


class TestWhatATaskLeavesBehind:
    @pytest.mark.parametrize("kind", LEFT_BEHIND)
    def test_does_not_reach_its_own_outcome_nor_the_next_task(self, run, kind):
        first, second = tasks.leave_behind.enqueue(kind), tasks.write_down.enqueue("after")
        report = run()
        assert (report.claimed, report.succeeded) == (2, 2)
        assert after(first).return_value == kind
        assert after(second).status == TaskResultStatus.SUCCESSFUL
        connection.close()
        notes = list(Execution.objects.values_list("note", flat=True))
        assert notes == ["after"]  # what was not committed is rolled back, and nobody else's with it

    def test_is_put_back_after_it(self, run):
        before = self.surroundings()
        for kind in ("time zone and language", "TZ", "working directory", "signal handlers"):
            tasks.leave_behind.enqueue(kind)
        seen = []
        task_finished.connect(watch := lambda **kwargs: seen.append(self.surroundings()[:3]))
        try:
            assert run().succeeded == 4
        finally:
            task_finished.disconnect(watch)
        assert self.surroundings() == before
        assert seen == [before[:3]] * 4

    def surroundings(self):
        handlers = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
        zone_and_language = timezone.get_current_timezone_name(), translation.get_language()
        return zone_and_language, os.environ.get("TZ"), Path.cwd(), handlers

    def test_a_receiver_that_breaks_the_connection_hurts_only_itself(self, run):
        def receiver(**kwargs):
            transaction.atomic().__enter__()
            connection.close()

        tasks.noop.enqueue()
        tasks.write_down.enqueue("after")
        task_finished.connect(receiver)
        try:
            assert run().succeeded == 2
        finally:
            task_finished.disconnect(receiver)
        assert Execution.objects.get().note == "after"

    def test_an_alarm_does_not_ring_in_the_next_task(self, run):
        tasks.leave_behind.enqueue("alarm")
        tasks.sleep.enqueue(0.5)
        assert run().succeeded == 2

    def test_a_directory_that_a_task_removes_is_no_trouble(self, run, tmp_path, monkeypatch):
        doomed = tmp_path / "doomed"
        doomed.mkdir()
        monkeypatch.chdir(doomed)
        tasks.remove_working_directory.enqueue()
        tasks.noop.enqueue()
        assert run().succeeded == 2

    def test_a_receiver_that_activates_a_time_zone_or_language_does_it_for_nobody_else(self, run):
        seen = []

        def receiver(**kwargs):
            seen.append(self.surroundings()[0])
            timezone.activate("Asia/Kathmandu")
            translation.activate("de")

        for _ in range(2):
            tasks.noop.enqueue()
        task_finished.connect(receiver)
        try:
            run()
        finally:
            task_finished.disconnect(receiver)
        assert seen == [self.surroundings()[0]] * 2

    def test_a_directory_that_is_gone_when_the_run_begins_is_no_trouble(self, run, tmp_path, monkeypatch):
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        tasks.noop.enqueue()
        assert run().succeeded == 1

    def test_a_run_in_another_thread_touches_no_signal_handlers(self, backend):
        tasks.noop.enqueue()
        reports = []

        def elsewhere():
            reports.append(drain(backend, Deadline(), Limits()))
            connection.close()

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert reports[0].succeeded == 1


class TestConnections:
    def test_tasks_of_a_run_share_a_connection_that_is_in_order(self, run):
        results = [tasks.tell_connection.enqueue() for _ in range(3)]
        run()
        assert len({after(result).return_value for result in results}) == 1

    def test_nothing_of_a_task_is_in_a_transaction_of_the_run(self, run):
        tasks.write_down.enqueue("kept")
        tasks.raise_.enqueue("MemoryError")
        run()
        assert Execution.objects.get().note == "kept"

    def test_a_database_error_that_a_task_swallows_does_not_reach_the_next(self, run):
        Group.objects.create(name="taken")
        tasks.create_group.enqueue("taken")
        tasks.write_down.enqueue("after")
        assert run().succeeded == 2
