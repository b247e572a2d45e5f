from __future__ import annotations

import pytest

from django_tasks_oneshot.backends.base import Claimant
from tests.project.shop import tasks


@pytest.fixture
def backend(use, queues):
    return use(queue_urls=queues["default"].url)


def test_what_comes_with_a_suspect_is_there_once_when_that_begins(backend, client, queues, count):
    """Should it kill the process, nothing of the others comes back."""
    backend.enqueue_many([(tasks.noop, [], {})] * 5)
    dead = client.receive_message(QueueUrl=queues["default"].url, VisibilityTimeout=0)["Messages"]
    assert len(dead) == 1
    (claim,) = backend.open_store(Claimant(worker_id="test")).claim(10)
    assert claim.rescued
    assert count(queues["default"].url) == 5
