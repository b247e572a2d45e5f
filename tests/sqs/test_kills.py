"""Runs that end between any two requests of SQS: nothing is lost, and what had not begun is executed once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from django_tasks_oneshot.backends.sqs_client import SQSClient
from tests.project.settings import SQS
from tests.project.shop import tasks
from tests.project.shop.models import Execution


class Killed(BaseException):
    """No ``Exception``: nobody may do anything about it."""


class Deadly:
    """Lets so many requests pass, answers one more or not, and no other. Messages that were received come back."""

    def __init__(self, monkeypatch, client):
        self.client = client
        self.received = []
        self.left = self.when = None
        call = SQSClient._call

        def watched(sqs, action, **values):
            if self.left is not None:
                self.left -= 1
                if self.left < 0 or (self.left == 0 and self.when == "before"):
                    raise Killed
            answer = call(sqs, action, **values)
            self.received += [(values["QueueUrl"], each["ReceiptHandle"]) for each in answer.get("Messages", [])]
            if self.left == 0:
                raise Killed
            return answer

        monkeypatch.setattr(SQSClient, "_call", watched)

    def kill(self, number, when):
        self.left, self.when = number, when

    def let_leases_end(self, rows):
        self.left = None
        for url, receipt in self.received:
            try:
                self.client.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
            except self.client.exceptions.ClientError:
                continue  # it was deleted
        self.received.clear()
        rows.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def deadly(monkeypatch, client):
    return Deadly(monkeypatch, client)


def enqueue():
    for number in range(3):
        tasks.write_down.enqueue(str(number))
    tasks.write_down_in_attempts.enqueue("retried")


def killed_run(run):
    """Whether it was."""
    try:
        run()
    except Killed:
        return True
    return False


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("results", [False, True], ids=["messages", "results"])
def test_a_run_that_dies_at_any_request_loses_nothing(use, run, rows, queues, count, deadly, when, results):
    use(results=results)
    url = queues["default"].url
    for number in range(1, 100):
        Execution.objects.all().delete()
        enqueue()
        deadly.kill(number, when)
        died = killed_run(run)
        for _ in range(4):
            deadly.let_leases_end(rows)
            run()
        counts = Counter(Execution.objects.values_list("note", flat=True))
        # Of a message, nothing but its receive count tells whether an attempt has begun: it may see a later number.
        assert set(counts) >= {"0", "1", "2"}, number
        assert counts["retried 1"] or not results, number
        assert counts["retried 2"] or counts["retried 3"], number
        assert count(url) == 0, number
        assert not rows.filter(due_at__isnull=False).exists()
        if results:  # a row tells that a task is finished
            assert max(counts[each] for each in "012") <= 2, number
        if not died:
            assert number > 4
            return
    pytest.fail("a run of four tasks has a hundred requests")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dispatching_run_that_dies_loses_nothing(run, rows, queues, deadly, settings, when):
    queue = queues["dispatch"]
    options = {"dispatch": {"sqs_queue_url": queue.url, "endpoint_url": SQS, "region": "eu-west-1"}}
    backend = {"BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend", "QUEUES": [], "OPTIONS": options}
    settings.TASKS = {"default": backend}
    later = timezone.now() + timedelta(hours=1)
    tasks.noop.using(run_after=later).enqueue()
    deadly.let_leases_end(rows)
    deadly.kill(1, when)
    assert killed_run(run)
    deadly.let_leases_end(rows)
    assert run().dispatched == 1
