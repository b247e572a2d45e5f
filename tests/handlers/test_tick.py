from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import override_settings

from django_tasks_oneshot.compat import BaseTaskBackend, TaskResultStatus
from tests.handlers import tasks
from tests.project.shop import tasks as shop

DATABASE = {"default": {"BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend", "QUEUES": []}}
DAILY = {"daily": {"task": "tests.project.shop.tasks.tell_fire_time", "cron": "0 7 * * *", "timezone": "Europe/London"}}
IMMEDIATE = f"{BaseTaskBackend.__module__.rpartition('.')[0]}.immediate.ImmediateBackend"
DAY_AGO = timedelta(days=1)
needs_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL for its sessions")


@pytest.fixture(autouse=True)
def database_only():
    with override_settings(TASKS=DATABASE):
        yield


def test_a_tick_is_a_whole_run(function, overdue):
    result = shop.add.enqueue(1, 2)
    with override_settings(TASKS={"default": {**DATABASE["default"], "SCHEDULES": DAILY}}):
        tick = function("tick")
    first = tick.invoke({"id": "an event", "detail-type": "Scheduled Event"})
    assert (first["succeeded"], first["stopped_because"]) == (1, "empty")
    result.refresh()
    assert (result.return_value, result.worker_ids) == (3, [first["worker_id"]])
    overdue(DAY_AGO, name="daily")
    second = tick.invoke({})
    assert (second["scheduled"], second["succeeded"]) == (1, 1)


def test_an_event_may_name_a_backend_and_queues(function):
    with override_settings(TASKS={**DATABASE, "other": DATABASE["default"]}):
        for queue_name in ("default", "mail"):
            shop.noop.using(backend="other", queue_name=queue_name).enqueue()
        tick = function("tick")
        assert tick.invoke({})["claimed"] == 0
        assert tick.invoke({"backend": "other", "queues": ["mail"]})["claimed"] == 1
        assert tick.invoke({"backend": "other"})["claimed"] == 1


def test_its_log_says_when_it_was_scheduled(function):
    tick = function("tick")
    tick.invoke({"time": "2026-03-01T07:00:00Z"})
    assert "Tick of 2026-03-01T07:00:00Z. 0 tasks run" in tick.logs()


def test_the_run_has_the_name_of_the_request_and_so_have_its_logs(function):
    shop.fail_and_wait.enqueue()
    tick = function("tick")
    request_id = tick.invoke({})["worker_id"]
    (line,) = [line for line in tick.logs().splitlines() if "is tried again in 60 s" in line]
    assert request_id in line


def test_a_task_that_still_runs_at_the_margin_is_interrupted_and_runs_again(function):
    result = tasks.outlast.enqueue()
    tick = function("tick", timeout=6, margin=5)
    report = tick.invoke({})
    assert (report["interrupted"], report["stopped_because"]) == (1, "max_seconds")
    result.refresh()
    assert (result.status, result.attempts) == (TaskResultStatus.READY, 1)
    assert "deadline" in result.errors[0].traceback
    tick.invoke({})
    result.refresh()
    assert result.status == TaskResultStatus.FAILED  # its max_interruptions is 1


def test_a_long_task_goes_on_in_the_next_call_from_where_it_was(function):
    result = tasks.count_to.enqueue(25)
    tick = function("tick", timeout=6.5, margin=5)
    reports = [tick.invoke({})]
    while not reports[-1]["succeeded"]:
        assert reports[-1]["continued"] == 1
        reports.append(tick.invoke({}))
    assert len(reports) > 1
    result.refresh()
    assert (result.return_value, result.attempts) == (24, len(reports))


def test_what_was_killed_without_a_warning_is_rescued_when_its_lease_has_ended(function, rows, eventually):
    result = tasks.die_once.enqueue()
    tick = function("tick")
    with pytest.raises(Exception, match=r"Runtime\.ExitError"):
        tick.invoke({})
    rows.update(due_at=0)
    assert tick.invoke({})["succeeded"] == 1
    result.refresh()
    assert result.return_value == 2


def test_a_tick_of_a_database_imports_no_boto3(function):
    found = [tasks.imported.enqueue(name) for name in ("boto3", "botocore", "mangum", "django")]
    function("tick").invoke({})
    for result in found:
        result.refresh()
    assert [result.return_value for result in found] == [False, False, False, True]


def test_time_zones_are_known_where_the_image_has_none(function, overdue):
    with override_settings(TASKS={"default": {**DATABASE["default"], "SCHEDULES": DAILY}}):
        tick = function("tick", PYTHONTZPATH="")
    tick.invoke({})
    overdue(DAY_AGO, name="daily")
    assert tick.invoke({})["scheduled"] == 1


def test_a_backend_that_cannot_be_run_is_an_error_that_says_what_to_write(function):
    with override_settings(TASKS={"default": {"BACKEND": IMMEDIATE, "QUEUES": []}}):
        tick = function("tick")
    with pytest.raises(Exception, match=r"set TASKS\['default'\]\['BACKEND'\]"):
        tick.invoke({})


@needs_postgresql
def test_connections_survive_a_freeze(function):
    tick = function("tick")
    results = []
    for _ in range(2):
        results.append(tasks.session.enqueue())
        tick.invoke({})
        results[-1].refresh()
    assert results[0].return_value == results[1].return_value


@needs_postgresql
def test_connections_that_died_in_a_freeze_are_replaced(function):
    tick = function("tick")
    first = tasks.session.enqueue()
    tick.invoke({})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    second = tasks.session.enqueue()
    assert tick.invoke({})["succeeded"] == 1
    for result in (first, second):
        result.refresh()
    assert first.return_value != second.return_value
    assert "tried again" not in tick.logs()


@pytest.mark.parametrize("event", [None, "", [], "now", {"queues": []}])
def test_a_scheduler_may_send_anything(function, event):
    shop.noop.enqueue()
    assert function("tick").invoke(event)["claimed"] == 1


@pytest.mark.parametrize("queues", ["mail", ["nowhere"]])
def test_queues_that_cannot_be_meant_are_refused(function, queues):
    with override_settings(TASKS={"default": {**DATABASE["default"], "QUEUES": ["default", "mail"]}}):
        tick = function("tick")
    with pytest.raises(Exception, match="write a list of some of"):
        tick.invoke({"queues": queues})


def test_a_function_that_has_no_time_says_so(function):
    with pytest.raises(Exception, match="This call had no time for any task"):
        function("tick", timeout=1, margin=5).invoke({})
