from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from django_tasks_oneshot.backends.base import Claimant
from tests.backends.store_contract import StoreContract


class Claimed:
    """A store whose claims are remembered, so that the time of their leases can pass."""

    def __init__(self, store, claims):
        self.store = store
        self.claims = claims

    def __getattr__(self, name):
        return getattr(self.store, name)

    def claim(self, *args, **kwargs):
        claims = self.store.claim(*args, **kwargs)
        self.claims.update({claim.id: (self.store, claim) for claim in claims})
        return claims


class OverSQS(StoreContract):
    @pytest.fixture
    def claims(self):
        return {}

    @pytest.fixture
    def store(self, backend, claims):
        return Claimed(backend.open_store(Claimant(worker_id="first")), claims)

    @pytest.fixture
    def other(self, backend, claims):
        return Claimed(backend.open_store(Claimant(worker_id="second")), claims)

    @pytest.fixture
    def let_message_come_back(self, client, claims):
        def let_message_come_back(task_id):
            store, claim = claims[task_id]
            delivery = self.delivery(store, claim)
            if delivery is not None:
                client.change_message_visibility(
                    QueueUrl=delivery.url, ReceiptHandle=delivery.receipt, VisibilityTimeout=0
                )
                delivery.lease_ends = time.monotonic()

        return let_message_come_back


class TestSQSStore(OverSQS):
    @pytest.fixture
    def backend(self, use):
        return use()

    @pytest.fixture
    def let_lease_end(self, let_message_come_back):
        return let_message_come_back

    def delivery(self, store, claim):
        delivery = claim.state.delivery
        return None if delivery.is_settled else delivery


class TestSQSStoreWithPriorities(TestSQSStore):
    @pytest.fixture
    def backend(self, use, queues):
        return use(high_priority_queue_urls=queues["high"].url)

    def test_a_higher_priority_comes_first_however_late_it_was_enqueued(self):
        pytest.skip("there are two priorities, see test_backend.py")

    def test_a_run_for_some_queues_leaves_the_others_alone(self):
        pytest.skip("those of the higher priority have one queue of SQS")


class TestResultsStore(OverSQS):
    @pytest.fixture
    def backend(self, use, rows):
        return use(results=True)

    @pytest.fixture
    def let_lease_end(self, let_message_come_back, rows):
        def let_lease_end(task_id):
            rows.filter(pk=task_id, due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))
            let_message_come_back(task_id)

        return let_lease_end

    def delivery(self, store, claim):
        return store.deliveries.get(claim.id)
