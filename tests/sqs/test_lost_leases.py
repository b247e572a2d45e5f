from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from django_tasks_oneshot.backends.base import Claimant, Succeeded
from django_tasks_oneshot.backends.database_store import DatabaseStore
from tests.project.shop import tasks

LEASE = 1  # second: SQS knows no shorter one


@pytest.fixture
def backend(use, queues):
    return use(queue_urls=queues["default"].url, lease_seconds=LEASE)


def succeeded():
    return Succeeded(ended_at=timezone.now(), return_value=None)


@pytest.fixture
def slow(backend):
    return backend.open_store(Claimant(worker_id="slow"))


@pytest.fixture
def taken(backend, monkeypatch):
    """Has the next renewal be heard when another run has the message: what it claimed."""

    def taken(**options):
        other = backend.open_store(Claimant(worker_id="other", **options))
        show_after = backend.client.show_after
        claimed = []

        def heard_late(*arguments):
            """What throttling does to a request, if it goes on for long."""
            monkeypatch.undo()
            time.sleep(LEASE + 0.2)
            claimed.extend(other.claim(1))
            return show_after(*arguments)

        monkeypatch.setattr(backend.client, "show_after", heard_late)
        return claimed

    return taken


def test_a_renewal_that_is_heard_when_others_have_the_message_renews_nothing(backend, slow, taken):
    backend.enqueue(tasks.noop, [], {})
    (claim,) = slow.claim(1)
    claimed = taken()
    assert not slow.record(claim, succeeded(), start=None).kept
    assert [each.id for each in claimed] == [claim.id]


def test_a_task_whose_lease_ended_before_it_began_is_not_executed(backend, slow, taken):
    result = backend.enqueue(tasks.noop, [], {})
    claimed = taken(lease=lambda: timedelta(seconds=30))
    assert list(slow.claim(1)) == []
    assert [each.id for each in claimed] == [result.id]


def test_a_task_that_is_recorded_while_its_lease_is_renewed(use, rows, monkeypatch):
    backend = use(results=True)
    backend.enqueue(tasks.noop, [], {})
    store = backend.open_store(Claimant(worker_id="test", lease=lambda: timedelta(seconds=30)))
    (claim,) = store.claim(1)
    extend = DatabaseStore.extend

    def extend_row(self, claim):
        is_ours = extend(self, claim)
        self.record(claim, succeeded(), start=None)
        return is_ours

    monkeypatch.setattr(DatabaseStore, "extend", extend_row)
    assert store.extend(claim)
