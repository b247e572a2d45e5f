"""What becomes of tasks that are on their way when settings change."""

from __future__ import annotations

import pytest
from django.test import override_settings

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
