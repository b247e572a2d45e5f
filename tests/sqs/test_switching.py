"""What becomes of tasks that are on their way when settings change, or whose message was never sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.compat import TaskResultStatus, task_backends
from tests.project.settings import SQS
from tests.project.shop import tasks
from tests.project.shop.models import Execution


@pytest.fixture
def urls(queues):
    return {name: queues[name].url for name in ("default", "mail")}


def test_tasks_that_were_sent_without_results_get_rows_when_there_are_results(use, urls, run, rows):
    use(queue_urls=urls)
    result = tasks.write_down.enqueue("on its way")
    backend = use(queue_urls=urls, results=True)
    assert [run(backend=backend).succeeded for _ in range(2)] == [0, 1]
    assert [each.note for each in Execution.objects.all()] == ["on its way"]
    assert backend.get_result(result.id).status == TaskResultStatus.SUCCESSFUL


def test_messages_of_rows_are_left_alone_when_there_are_no_results(use, urls, run, rows, count, caplog):
    use(queue_urls=urls, results=True)
    result = tasks.noop.enqueue()
    backend = use(queue_urls=urls)
    assert run(backend=backend).claimed == 0
    assert count(urls["default"]) == 1
    assert "sent when OPTIONS['results'] was True" in caplog.text
    assert rows.get(pk=result.id).status == TaskResultStatus.READY


def test_rows_that_were_dispatched_are_run_by_ticks_when_nothing_is_dispatched(queues, run, rows):
    url = queues["dispatch"].url
    with override_settings(TASKS={"default": database(dispatch={"sqs_queue_url": url, "endpoint_url": SQS})}):
        tasks.noop.enqueue()
        task_backends["default"].dispatch.client.close()
    with override_settings(TASKS={"default": database()}):
        assert run(backend=task_backends["default"]).claimed == 0
        rows.update(due_at=0)  # the time has passed in which somebody might have come for it
        assert run(backend=task_backends["default"]).succeeded == 1


def database(**options):
    return {"BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend", "OPTIONS": options}


def test_a_row_whose_message_was_never_sent_is_found(use, urls, run, rows, client, count):
    """A process may die between its commit and the sending."""
    backend = use(queue_urls=urls, results=True)
    result = tasks.write_down.enqueue("found")
    client.purge_queue(QueueUrl=urls["default"])
    assert run(backend=backend).dispatched == 0
    rows.update(due_at=timezone.now() - timedelta(minutes=16))
    report = run(backend=backend)
    assert (report.dispatched, report.succeeded) == (1, 1)
    assert backend.get_result(result.id).return_value is None
    assert [each.note for each in Execution.objects.all()] == ["found"]
    assert run(backend=backend).dispatched == 0


def test_a_row_whose_message_waits_for_long_is_told_of_seldom(use, urls, rows, count):
    backend = use(queue_urls=urls, results=True)
    tasks.noop.enqueue()
    rows.update(due_at=timezone.now() - timedelta(minutes=16))
    for _ in range(3):
        backend.open_store(Claimant(worker_id="w")).dispatch()
    assert count(urls["default"]) == 2
