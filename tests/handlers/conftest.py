from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from local_aws import ENVIRONMENT, EventSource, LambdaFunction
from tests.project.settings import SQS
from tests.sqs.conftest import client, count, queues, use  # noqa: F401 - fixtures

DATABASE = "django_tasks_oneshot.backends.database.DatabaseBackend"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def function(rows):
    """Starts a function of this package, with the settings that the test has now."""
    started = []

    def function(name, *, timeout=30, margin=1, **environment):
        variables = {
            **ENVIRONMENT,
            **{name: value for name, value in os.environ.items() if name.startswith("ONESHOT_")},
            "ONESHOT_DATABASE": str(connection.settings_dict["NAME"]),
            "ONESHOT_TASKS": json.dumps(settings.TASKS),
            "ONESHOT_MARGIN": str(margin),
            "DJANGO_SETTINGS_MODULE": "tests.handlers.settings",
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            **environment,
        }
        handler = f"django_tasks_oneshot.handlers.{name}.handler"
        started.append(LambdaFunction(handler, environment=variables, timeout=timeout))
        return started[-1]

    yield function
    for each in started:
        each.close()


@pytest.fixture
def received():
    """The receipts of what was polled."""
    return []


@pytest.fixture
def poll(client, received):  # noqa: F811
    """What Lambda does when a queue has messages: one call of a function, for at most ten of them."""

    def poll(queue, function, **options):
        def invoke(event):
            received.extend(record["receiptHandle"] for record in event["Records"])
            return function.invoke(event)

        return EventSource(client, queue.url, queue.arn, invoke, wait_seconds=0, **options).poll_once()

    return poll


@pytest.fixture
def come_back(client, received):  # noqa: F811
    """Messages that were polled, and are still in their queue: the time of their visibility has passed."""

    def come_back(queue):
        entries = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
            for number, receipt in enumerate(received)
        ]
        client.change_message_visibility_batch(QueueUrl=queue.url, Entries=entries)

    return come_back


@pytest.fixture
def dispatching(queues):  # noqa: F811
    """The default backend keeps rows, and dispatches them."""
    options = {"dispatch": {"sqs_queue_url": queues["dispatch"].url, "endpoint_url": SQS, "region": "eu-west-1"}}
    backend = {"BACKEND": DATABASE, "QUEUES": [], "OPTIONS": options}
    with override_settings(TASKS={"default": backend}):
        yield queues["dispatch"]
