from __future__ import annotations

import os
import time
import uuid
from datetime import timedelta

import boto3
import pytest
from django.test import override_settings

from django_tasks_oneshot.backends import database_delivered, sqs_store
from django_tasks_oneshot.backends.sqs_message import decode
from django_tasks_oneshot.compat import task_backends, task_finished, task_started
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.drain import Limits, drain
from local_aws import create_queue
from tests.project.settings import SQS, sqs
from tests.sqs.endpoint import Endpoint


@pytest.fixture(scope="session")
def client():
    """SQS itself, without this package."""
    assert "ONESHOT_SQS" in os.environ, "run the tests by: python -m tests.servers sqlite -- python -m pytest"
    client = boto3.client("sqs", endpoint_url=SQS)
    yield client
    client.close()


class Queues:
    """Queues of one test, each made when it is first asked for, with a dead-letter queue after ten receives."""

    def __init__(self, client):
        self.client = client
        self.prefix = uuid.uuid4().hex[:8]
        self.made = {}

    def __getitem__(self, name):
        if name not in self.made:
            self.made[name] = create_queue(
                self.client,
                f"{self.prefix}-{name.removesuffix('.fifo')}",
                visibility_timeout=60,
                dead_letter_queue=True,
                max_receive_count=10,
                fifo=name.endswith(".fifo"),
            )
        return self.made[name]


class Watched(Endpoint):
    """An endpoint that keeps what it was asked."""

    def __init__(self, target_url):
        super().__init__(target_url)
        self.asked = []
        self.headers = []

    def answer(self, request):
        self.asked.append((request.action, request.content))
        self.headers.append(request.headers)
        return super().answer(request)

    def sent(self, action):
        """What such requests said."""
        return [content for name, content in self.asked if name == action]


@pytest.fixture
def endpoint():
    with Watched(SQS) as endpoint:
        yield endpoint


@pytest.fixture
def queues(client):
    return Queues(client)


@pytest.fixture
def url(queues):
    """Of the queue in which tasks are by default."""
    return queues["default"].url


@pytest.fixture
def use(queues):
    """Makes the default backend one of SQS, with these options."""
    changed = []

    def use(*, queue_urls=None, **options):
        queue_urls = queue_urls or {name: queues[name].url for name in ("default", "mail")}
        tasks = {"default": sqs(queue_urls=queue_urls, **options)}
        override = override_settings(TASKS=tasks)
        override.enable()
        changed.append((task_backends["default"], override))
        return task_backends["default"]

    yield use
    for backend, override in reversed(changed):
        backend.client.close()
        override.disable()


@pytest.fixture(params=[False, True], ids=["messages", "results"])
def backend(request, use, endpoint, rows):
    """The default one, whose requests are seen; for tests in which it is all the same whether it keeps results."""
    return use(endpoint_url=endpoint.url, results=request.param)


@pytest.fixture
def count(client):
    """How many messages are in a queue, whatever their state."""

    def count(url):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        names.append("ApproximateNumberOfMessagesDelayed")
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    return count


@pytest.fixture
def messages(client):
    """What is to be received of a queue now; it is in nobody's way afterwards."""

    def messages(url):
        found = []
        while received := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += received
        for each in found:
            client.change_message_visibility(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0)
        return [decode(each["Body"]) for each in found]

    return messages


@pytest.fixture
def run(rows):
    """One run of the backend as it is now; its report."""

    def run(max_seconds=None, grace_seconds=None, backend=None, alias="default", clock=time.monotonic, **limits):
        return drain(backend or task_backends[alias], Deadline(max_seconds, grace_seconds, clock), Limits(**limits))

    return run


@pytest.fixture
def seen():
    """What signals told of results: started or finished, and attempts, errors and status as they were then."""
    seen = []

    def started(sender, task_result, **kwargs):
        seen.append(("started", task_result.id, task_result.attempts, len(task_result.errors)))

    def finished(sender, task_result, **kwargs):
        seen.append((task_result.status, task_result.id, task_result.attempts, len(task_result.errors)))

    task_started.connect(started)
    task_finished.connect(finished)
    yield seen
    task_started.disconnect(started)
    task_finished.disconnect(finished)


@pytest.fixture
def hold(monkeypatch):
    """Sets how long a claim is held at first. Without ``renewed``, also how long it is held at all."""

    def hold(seconds, *, renewed=True):
        for module in (sqs_store, database_delivered):
            monkeypatch.setattr(module, "HOLD", timedelta(seconds=seconds))
        for store in (sqs_store.SQSStore, database_delivered.ResultsStore):
            monkeypatch.setattr(store, "first_lease", timedelta(seconds=seconds) if renewed else None)

    return hold
