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


def test_a_renewal_that_is_heard_when_others_have_the_message_renews_nothing(backend, monkeypatch):
    backend.enqueue(tasks.noop, [], {})
    slow, other = (backend.open_store(Claimant(worker_id=name)) for name in ("slow", "other"))
    (claim,) = slow.claim(1)
    show_after = backend.client.show_after
    taken = []

    def heard_late(*arguments):
        """What throttling does to a request, if it goes on for long."""
        monkeypatch.undo()
        time.sleep(LEASE + 0.2)
        taken.extend(other.claim(1))
        return show_after(*arguments)

    monkeypatch.setattr(backend.client, "show_after", heard_late)
    assert not slow.record(claim, succeeded(), start=None).kept
    assert [each.id for each in taken] == [claim.id]


def test_a_task_whose_lease_ended_before_it_began_is_not_executed(backend, monkeypatch):
    result = backend.enqueue(tasks.noop, [], {})
    slow = backend.open_store(Claimant(worker_id="slow"))
    other = backend.open_store(Claimant(worker_id="other", lease=lambda: timedelta(seconds=30)))
    show_after = backend.client.show_after
    taken = []

    def heard_late(*arguments):
        monkeypatch.undo()
        time.sleep(LEASE + 0.2)
        taken.extend(other.claim(1))
        return show_after(*arguments)

    monkeypatch.setattr(backend.client, "show_after", heard_late)
    assert list(slow.claim(1)) == []
    assert [each.id for each in taken] == [result.id]


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
