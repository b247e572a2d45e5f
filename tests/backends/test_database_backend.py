from __future__ import annotations

import sys
import uuid
from datetime import datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections, transaction
from django.test import override_settings
from django.utils import timezone

from django_tasks_oneshot.compat import (
    InvalidTask,
    TaskResultDoesNotExist,
    TaskResultStatus,
    task_backends,
    task_enqueued,
)
from django_tasks_oneshot.contract.exceptions import UnstorableValue
from django_tasks_oneshot.contract.values import LARGEST_JSON
from django_tasks_oneshot.models import Schedule, StoredTask
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.drain import Limits, drain
from tests.project.shop import tasks
from tests.project.shop.models import Execution

DATABASE = "django_tasks_oneshot.backends.database.DatabaseBackend"


def tasks_setting(**params):
    return override_settings(TASKS={"default": {"BACKEND": DATABASE, **params}})


class TestEnqueue:
    def test_is_one_insert(self, rows, django_assert_num_queries):
        with django_assert_num_queries(1):
            tasks.add.enqueue(1, 2)

    def test_is_undone_with_the_transaction_of_its_caller(self, rows):
        with transaction.atomic():
            tasks.noop.enqueue()
            transaction.set_rollback(True)
        assert not rows.exists()

    def test_gives_a_result_that_is_ready(self, rows):
        result = tasks.add.enqueue(1, b={"two": (2, 3)})
        assert (result.status, result.attempts, result.errors) == (TaskResultStatus.READY, 0, [])
        assert (result.args, result.kwargs) == ([1], {"b": {"two": [2, 3]}})
        assert result.enqueued_at is not None
        assert result.backend == "default"

    def test_gives_what_get_result_gives(self, rows):
        result = tasks.add.enqueue({1: "one"}, b=(1, 2))
        stored = tasks.add.get_result(result.id)
        assert (stored.args, stored.kwargs, stored.task) == (result.args, result.kwargs, result.task)
        assert stored.args == [{"1": "one"}]

    def test_works_in_async_code(self, rows):
        async def enqueue_and_read():
            result = await tasks.add.aenqueue(1, 2)
            return result.id, await tasks.add.aget_result(result.id)

        result_id, stored = async_to_sync(enqueue_and_read)()
        assert (stored.id, stored.args) == (result_id, [1, 2])

    def test_sends_its_signal_with_the_result(self, rows):
        seen = []

        def receiver(sender, task_result, **kwargs):
            seen.append((sender.__name__, task_result.id))

        task_enqueued.connect(receiver)
        try:
            result = tasks.noop.enqueue()
        finally:
            task_enqueued.disconnect(receiver)
        assert seen == [("DatabaseBackend", result.id)]

    @pytest.mark.parametrize("error", [ValueError, SystemExit])
    def test_stands_when_a_receiver_of_its_signal_raises(self, rows, error, caplog):
        def receiver(**kwargs):
            raise error("no")

        task_enqueued.connect(receiver)
        try:
            result = tasks.noop.enqueue()
        finally:
            task_enqueued.disconnect(receiver)
        assert rows.filter(pk=result.id).exists()
        assert any(record.exc_info for record in caplog.records)

    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), object(), b"\xff", {"a": {1, 2}}, "x" * LARGEST_JSON]
    )
    def test_refuses_what_has_no_json_form_with_the_tasks_name(self, rows, value):
        with pytest.raises(UnstorableValue, match=r"args of tests\.project\.shop\.tasks\.add: "):
            tasks.add.enqueue(value)
        assert not rows.exists()

    def test_refuses_what_nests_without_end(self, rows):
        endless = []
        endless.append(endless)
        with pytest.raises(UnstorableValue, match="kwargs of"):
            tasks.add.enqueue(1, b=endless)

    @pytest.mark.parametrize("value", ["a\0b", "\ud800", "🐍", "", None, 2**70, [[]], {"": None}])
    def test_keeps_every_other_value(self, rows, value):
        result = tasks.add.enqueue(value)
        assert tasks.add.get_result(result.id).args == [value]

    def test_refuses_a_queue_that_is_not_in_QUEUES(self, rows):
        with pytest.raises(InvalidTask, match="Queue 'nowhere'"):
            tasks.noop.using(queue_name="nowhere")

    def test_takes_any_queue_where_QUEUES_is_empty(self, rows):
        result = tasks.noop.using(backend="any_queue", queue_name="nowhere").enqueue()
        assert task_backends["any_queue"].get_result(result.id).task.queue_name == "nowhere"

    @pytest.mark.parametrize("name", ["x" * 101, "naïve", "/" * 90, "X" * 100 + "/" * 20])
    def test_refuses_a_queue_name_that_has_no_place(self, rows, name):
        with pytest.raises(InvalidTask, match="cannot be stored; write"):
            tasks.noop.using(backend="any_queue", queue_name=name)

    def test_keeps_run_after(self, rows):
        run_after = timezone.now() + timedelta(days=3)
        result = tasks.noop.using(run_after=run_after).enqueue()
        assert tasks.noop.get_result(result.id).task.run_after == run_after

    def test_ids_ascend_in_time(self, rows):
        ids = [tasks.noop.enqueue().id for _ in range(20)]
        assert ids == sorted(ids)
        assert {uuid.UUID(each).version for each in ids} == {7}


class TestResults:
    @pytest.mark.parametrize("result_id", [str(uuid.uuid4()), "", "nonsense", "1", None, 5])
    def test_an_unknown_id_does_not_exist(self, backend, result_id):
        with pytest.raises(TaskResultDoesNotExist):
            backend.get_result(result_id)

    def test_another_backends_result_does_not_exist(self, backend):
        result = tasks.noop.using(backend="any_queue").enqueue()
        with pytest.raises(TaskResultDoesNotExist):
            backend.get_result(result.id)

    def test_refreshing_sees_what_happened(self, run):
        result = tasks.add.enqueue(1, 2)
        run()
        result.refresh()
        assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, 3)
        assert result.enqueued_at <= result.started_at <= result.finished_at

    def test_reading_one_is_two_queries(self, run, backend, django_assert_num_queries):
        result = tasks.fail_at_once.enqueue()
        run()
        with django_assert_num_queries(2):
            assert len(backend.get_result(result.id).errors) == 3

    @pytest.mark.parametrize(
        "path",
        ["tests.project.shop.tasks.gone", "no.such.module.task", "tests.project.shop.tasks.not_a_task"],
    )
    def test_a_task_whose_function_is_gone_can_still_be_looked_at(self, rows, backend, path):
        result = tasks.add.enqueue(1, 2)
        rows.update(task_path=path)
        stored = backend.get_result(result.id)
        assert stored.status == TaskResultStatus.READY
        assert stored.task.module_path == path
        assert stored.args == [1, 2]

    def test_a_task_outlives_the_settings_by_which_it_was_enqueued(self, rows):
        result = tasks.send_mail.enqueue("a@example.com")
        with tasks_setting(QUEUES=["default"]):
            stored = task_backends["default"].get_result(result.id)
        assert (stored.task.queue_name, stored.task.priority) == ("mail", 10)


class TestSettings:
    def test_defaults_hold_for_tasks_that_say_nothing(self, rows, run):
        with tasks_setting(MAX_ATTEMPTS=2, BACKOFF="tests.project.shop.tasks.seen_by_backoff"):
            result = tasks.raise_.enqueue("MemoryError")
            run(backend=task_backends["default"])
            stored = tasks.raise_.get_result(result.id)
        assert (stored.status, stored.attempts) == (TaskResultStatus.FAILED, 2)

    @pytest.mark.parametrize(
        ("params", "sentence"),
        [
            ({"MAX_ATTEMPTS": 0}, "write max_attempts="),
            ({"BACKOFF": "no.such.function"}, "no"),
            ({"BACKOFF": 5}, "write backoff="),
            ({"TIMEOUT": -1}, "timeout"),
            ({"OPTIONS": {"lease_seconds": "long"}}, "lease_seconds"),
            ({"OPTIONS": {"lease_seconds": 0}}, "write at least 1"),
        ],
    )
    def test_a_bad_default_is_refused_with_the_name_of_its_setting(self, params, sentence):
        with tasks_setting(**params), pytest.raises(ImproperlyConfigured, match=rf"TASKS\['default'\].*{sentence}"):
            task_backends["default"].default_policy  # noqa: B018

    def test_an_unknown_option_is_an_error_with_the_known_ones(self):
        with tasks_setting(OPTIONS={"lease": 5}):
            (message,) = [each for each in run_checks() if each.id == "oneshot.E003"]
        assert "'lease'" in message.msg
        assert "lease_seconds" in message.hint

    def test_a_bad_default_is_an_error_with_its_sentence(self):
        with tasks_setting(MAX_ATTEMPTS=0):
            (message,) = [each for each in run_checks() if each.id == "oneshot.E004"]
        assert "max_attempts=0" in message.msg

    def test_a_default_backoff_may_be_in_a_module_that_is_not_there_yet(self, monkeypatch):
        with tasks_setting(BACKOFF="tests.project.shop.imported_late.late"):
            monkeypatch.delitem(sys.modules, "tests.project.shop.imported_late", raising=False)
            assert task_backends["default"].lease
            assert "tests.project.shop.imported_late" not in sys.modules

    def test_the_missing_app_is_an_error_with_the_line_to_add(self, monkeypatch):
        monkeypatch.setattr(apps, "is_installed", lambda name: False)
        (message,) = [each for each in task_backends["default"].check() if each.id == "oneshot.E001"]
        assert '"django_tasks_oneshot" to INSTALLED_APPS' in message.hint

    def test_a_database_that_cannot_do_it_is_an_error(self, backend, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(connections["default"], "vendor", "oracle")
            (message,) = [each for each in backend.check() if each.id == "oneshot.E002"]
        assert "oracle" in message.msg
        assert "DATABASE_ROUTERS" in message.hint

    def test_a_correct_project_has_nothing_to_complain_about(self, rows):
        assert [each for each in run_checks() if each.id.startswith("oneshot.E")] == []


class TasksElsewhere:
    """A router that sends this package's tables to a database of their own."""

    def db_for_read(self, model, **hints):
        return "second" if model._meta.app_label == "django_tasks_oneshot" else None

    db_for_write = db_for_read


@pytest.mark.django_db(transaction=True, databases=["default", "second"])
class TestRoutedElsewhere:
    @pytest.fixture(autouse=True)
    def router(self, settings):
        settings.DATABASE_ROUTERS = [f"{__name__}.TasksElsewhere"]

    def test_tasks_are_stored_and_run_there(self):
        result = tasks.write_down.enqueue("hello")
        assert StoredTask.objects.using("second").filter(pk=result.id).exists()
        report = drain(task_backends["default"], Deadline(), Limits())
        assert (report.succeeded, report.stopped_because) == (1, "empty")
        assert tasks.write_down.get_result(result.id).status == TaskResultStatus.SUCCESSFUL
        assert StoredTask.objects.using("default").count() == 0
        assert Execution.objects.using("default").get().note == "hello"

    def test_schedules_tick_there(self):
        drain(task_backends["default"], Deadline(), Limits())
        assert Schedule.objects.using("second").exists()
        assert not Schedule.objects.using("default").exists()


class TestWithoutTimeZones:
    @pytest.fixture(autouse=True)
    def naive_times(self, settings, rows):
        settings.USE_TZ = False
        connection.close()  # it has taken its time zone from the setting
        yield
        settings.USE_TZ = True
        connection.close()

    def test_a_naive_run_after_is_in_TIME_ZONE(self, rows):
        run_after = datetime(2040, 7, 1, 12)
        result = tasks.noop.using(run_after=run_after).enqueue()
        assert tasks.noop.get_result(result.id).task.run_after == run_after
        assert rows.get().due_at.isoformat() == "2040-07-01T11:00:00+00:00"  # British Summer Time

    def test_due_tasks_run_and_later_ones_wait(self, run):
        due = tasks.noop.using(run_after=datetime.now() - timedelta(minutes=1)).enqueue()
        tasks.noop.using(run_after=datetime.now() + timedelta(minutes=1)).enqueue()
        assert run().claimed == 1
        due.refresh()
        assert due.status == TaskResultStatus.SUCCESSFUL
        assert timezone.is_naive(due.finished_at)
