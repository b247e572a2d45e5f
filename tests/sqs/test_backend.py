"""Enqueuing: when a message is sent, where to, and what its result says."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.test import TestCase, override_settings
from django.utils import timezone

from django_tasks_oneshot import NotEnqueued
from django_tasks_oneshot.backends import sqs as sqs_module
from django_tasks_oneshot.backends import sqs_client, sqs_mailbox
from django_tasks_oneshot.backends.sqs_message import LARGEST_MESSAGE, ROOM
from django_tasks_oneshot.compat import TaskResultStatus, task_backends, task_enqueued
from django_tasks_oneshot.contract.exceptions import UnstorableValue
from django_tasks_oneshot.models import StoredTask
from tests.project.settings import SQS, sqs
from tests.project.shop import tasks
from tests.project.shop.models import executed
from tests.sqs.endpoint import Endpoint, Fault


@contextmanager
def roll_back():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class TestTransactions:
    def test_without_one_it_is_sent_at_once(self, backend, count, url):
        tasks.noop.enqueue()
        assert count(url) == 1

    def test_it_is_sent_when_its_transaction_is_committed(self, backend, count, messages, url):
        with transaction.atomic():
            result = tasks.noop.enqueue()
            assert result.id
            assert count(url) == 0
        assert [each.id for each in messages(url)] == [result.id]

    def test_after_a_rollback_nothing_is_sent(self, backend, endpoint):
        with roll_back():
            tasks.noop.enqueue()
        assert not endpoint.requests
        assert not StoredTask.objects.exists()

    def test_what_was_enqueued_in_a_savepoint_shares_its_fate(self, backend, messages, url):
        with transaction.atomic():
            kept = [tasks.noop.enqueue().id]
            with roll_back():
                tasks.noop.enqueue()
                with transaction.atomic():
                    tasks.noop.enqueue()
            kept.append(tasks.noop.enqueue().id)
            with transaction.atomic():
                kept.append(tasks.noop.enqueue().id)
                with roll_back():
                    tasks.noop.enqueue()
                kept.append(tasks.noop.enqueue().id)
            kept.append(tasks.noop.enqueue().id)
        assert sorted(each.id for each in messages(url)) == sorted(kept)

    def test_25_of_one_transaction_are_3_requests(self, backend, endpoint, count, url):
        with transaction.atomic():
            for number in range(25):
                tasks.add.enqueue(number)
        assert endpoint.requests == {"SendMessageBatch": 3}
        assert count(url) == 25

    def test_other_callbacks_of_the_transaction_see_what_was_enqueued_before_them(self, backend, count, url):
        counts = []
        with transaction.atomic():
            tasks.noop.enqueue()
            transaction.on_commit(lambda: counts.append(count(url)))
            tasks.noop.enqueue()
        assert counts == [1]
        assert count(url) == 2

    def test_what_a_callback_enqueues_is_sent(self, backend, count, url):
        with transaction.atomic():
            transaction.on_commit(lambda: tasks.noop.enqueue())
        assert count(url) == 1

    def test_a_failure_of_one_transaction_is_not_the_next_ones(self, backend, count, url, endpoint, monkeypatch):
        monkeypatch.setattr(sqs_client, "TRIES", 1)
        endpoint.faults = [Fault(action="SendMessageBatch", times=1)]
        with pytest.raises(NotEnqueued), transaction.atomic():
            tasks.noop.enqueue()
        with transaction.atomic():
            tasks.noop.enqueue()
        assert count(url) == 1

    def test_it_can_be_sent_at_once_all_the_same(self, use, count, url, rows):
        use(on_commit=False)
        with roll_back():
            tasks.noop.enqueue()
            assert count(url) == 1
        assert count(url) == 1

    @pytest.mark.django_db(transaction=True, databases=["default", "second"])
    def test_the_transaction_may_be_of_another_database(self, use, count, url):
        use(on_commit="second")
        with transaction.atomic():
            tasks.noop.enqueue()
            assert count(url) == 1
        with transaction.atomic(using="second"):
            tasks.noop.enqueue()
            assert count(url) == 1
        assert count(url) == 2


class TestInATestCase(TestCase):
    def test_captured_callbacks_send(self):
        with Endpoint(SQS) as endpoint, override_settings(TASKS={"default": sqs(endpoint_url=endpoint.url)}):
            with self.captureOnCommitCallbacks() as callbacks:
                for _ in range(3):
                    tasks.noop.enqueue()
            assert not endpoint.requests
            endpoint.faults = [Fault(status=400)]  # there is no such queue either
            *first, last = callbacks
            for callback in first:
                callback()
            with pytest.raises(NotEnqueued) as caught:
                last()
            assert endpoint.requests == {"SendMessageBatch": 1}
        assert len(caught.value.reasons) == 3


class TestMany:
    @pytest.mark.parametrize("kind", ["messages", "results", "rows"])
    def test_they_are_enqueued_in_few_trips_with_results_in_their_order(
        self, kind, use, endpoint, rows, django_assert_max_num_queries
    ):
        backend = task_backends["default"] if kind == "rows" else use(endpoint_url=endpoint.url, results=kind[0] == "r")
        calls = [(tasks.add, (number,), {"b": 1}) for number in range(30)]
        with django_assert_max_num_queries(0 if kind == "messages" else 10):
            results = backend.enqueue_many(iter(calls))
        assert [(each.args, each.kwargs, each.status) for each in results] == [
            ([number], {"b": 1}, TaskResultStatus.READY) for number in range(30)
        ]
        assert len({each.id for each in results}) == 30
        assert endpoint.requests["SendMessageBatch"] == (0 if kind == "rows" else 3)

    @pytest.mark.parametrize("kind", ["messages", "results", "rows"])
    def test_one_that_cannot_be_stored_keeps_all_out(self, kind, use, endpoint, rows):
        backend = task_backends["default"] if kind == "rows" else use(endpoint_url=endpoint.url, results=kind[0] == "r")
        with pytest.raises(UnstorableValue, match="args of"):
            backend.enqueue_many([(tasks.add, (1,), {}), (tasks.add, (float("nan"),), {})])
        assert not rows.exists()
        assert not endpoint.requests

    def test_none_are_no_request(self, backend, endpoint):
        assert list(backend.enqueue_many([])) == []
        assert not endpoint.requests

    def test_each_is_told_to_receivers(self, backend):
        told = []
        task_enqueued.connect(receiver := lambda task_result, **kwargs: told.append(task_result.id))
        try:
            results = backend.enqueue_many([(tasks.noop, (), {})] * 3)
        finally:
            task_enqueued.disconnect(receiver)
        assert told == [each.id for each in results]


class TestSize:
    def test_the_largest_that_fits_is_sent_and_one_byte_more_is_not(self, use, endpoint, count, url, client, rows, run):
        use(endpoint_url=endpoint.url)
        tasks.write_down_size.enqueue("")
        used = len(endpoint.sent("SendMessageBatch")[0]["Entries"][0]["MessageBody"])
        endpoint.asked.clear()
        room = LARGEST_MESSAGE - ROOM - used
        with pytest.raises(UnstorableValue, match=r"write_down_size: its message is .*pass its key"):
            tasks.write_down_size.enqueue("x" * (room + 20))
        assert not endpoint.sent("SendMessageBatch")
        tasks.write_down_size.enqueue("x" * (room - 20))  # a time may have no microseconds
        assert count(url) == 2
        run()
        assert sorted(map(int, executed())) == [0, room - 20]

    def test_the_result_of_a_large_one_is_a_row(self, use, run, rows):
        use(results=True)
        result = tasks.write_down_size.enqueue("x" * 2 * LARGEST_MESSAGE)
        assert run().succeeded == 1
        result.refresh()
        assert result.status == TaskResultStatus.SUCCESSFUL


class TestPriority:
    def test_what_is_urgent_goes_to_its_queue_and_is_taken_first(self, use, queues, count, run, rows):
        use(high_priority_queue_urls=queues["high"].url)
        tasks.write_down.enqueue("usual")
        tasks.write_down.using(priority=-5).enqueue("low")
        tasks.write_down.using(priority=1).enqueue("high")
        assert (count(queues["high"].url), count(queues["default"].url)) == (1, 2)
        run()
        assert executed()[0] == "high"
        assert sorted(executed()) == ["high", "low", "usual"]


class TestRunAfter:
    def test_sqs_delays_up_to_15_minutes(self, backend, endpoint):
        for minutes in (-5, 10, 15, 40):
            tasks.noop.using(run_after=timezone.now() + timedelta(minutes=minutes)).enqueue()
        delays = [each["Entries"][0].get("DelaySeconds", 0) for each in endpoint.sent("SendMessageBatch")]
        assert delays[0] == 0
        assert 599 <= delays[1] <= 600
        assert delays[2:] == [900, 900]

    def test_what_waits_longer_hops_and_that_spends_nothing(
        self, backend, endpoint, run, seen, eventually, monkeypatch, count, url
    ):
        for module in (sqs_module, sqs_mailbox):
            monkeypatch.setattr(module, "LONGEST_DELAY", 1)
        result = tasks.write_down.using(run_after=timezone.now() + timedelta(seconds=2.5)).enqueue("hopped")
        eventually(lambda: run().claimed)
        assert timezone.now() >= result.task.run_after
        assert 3 <= endpoint.requests["SendMessageBatch"] <= 5
        assert seen == [("started", result.id, 1, 0), ("SUCCESSFUL", result.id, 1, 0)]
        assert count(url) == 0

    def test_a_hop_leaves_one_message(self, backend, run, monkeypatch, count, url):
        """A second one would be a second execution, and hop as well."""
        monkeypatch.setattr(sqs_module, "LONGEST_DELAY", 0)
        tasks.noop.using(run_after=timezone.now() + timedelta(minutes=40)).enqueue()
        monkeypatch.undo()
        assert run().claimed == 0
        assert count(url) == 1

    def test_a_host_whose_clock_is_ahead_does_not_send_it_round_and_round(
        self, use, endpoint, run, monkeypatch, rows, count, url
    ):
        use(endpoint_url=endpoint.url)
        monkeypatch.setattr(sqs_module, "LONGEST_DELAY", 0)
        tasks.noop.using(run_after=timezone.now() + timedelta(seconds=60)).enqueue()
        monkeypatch.undo()
        clock = sqs_module.time.time
        monkeypatch.setattr(sqs_module.time, "time", lambda: clock() + 120)
        assert run(max_seconds=2).claimed == 0
        assert endpoint.requests["SendMessageBatch"] == 2
        assert count(url) == 1

    @pytest.mark.parametrize("results", [False, True])
    def test_it_may_be_naive_where_the_project_is(self, settings, use, endpoint, results, run, seen, eventually, rows):
        settings.TIME_ZONE = "Asia/Kathmandu"
        settings.USE_TZ = False
        use(endpoint_url=endpoint.url, results=results)
        run_after = datetime.now() + timedelta(seconds=1)
        result = tasks.noop.using(run_after=run_after).enqueue()
        assert result.task.run_after == run_after
        (entry,) = endpoint.sent("SendMessageBatch")[0]["Entries"]
        assert entry["DelaySeconds"] in (1, 2)
        assert run().claimed == 0
        eventually(lambda: run().claimed)
        assert [kind for kind, *_ in seen] == ["started", "SUCCESSFUL"]


class TestResults:
    def test_a_result_is_told_from_its_row(self, use, run, rows):
        use(results=True)
        result = tasks.add.enqueue(1, 2)
        assert tasks.add.get_result(result.id).status == TaskResultStatus.READY
        run()
        result.refresh()
        assert (result.status, result.return_value) == (TaskResultStatus.SUCCESSFUL, 3)

    def test_what_could_not_be_sent_leaves_no_row(self, use, endpoint, rows, monkeypatch):
        monkeypatch.setattr(sqs_client, "TRIES", 1)
        backend = use(results=True, endpoint_url=endpoint.url)
        endpoint.faults = [Fault(action="SendMessageBatch", entries=2, times=1)]
        with pytest.raises(NotEnqueued) as caught:
            backend.enqueue_many([(tasks.noop, (), {})] * 5)
        assert len(caught.value.reasons) == 2
        assert rows.count() == 3
        assert not rows.filter(pk__in=caught.value.reasons).exists()

    def test_what_could_not_be_sent_after_a_commit_leaves_no_row(self, use, endpoint, rows, monkeypatch):
        monkeypatch.setattr(sqs_client, "TRIES", 1)
        use(results=True, endpoint_url=endpoint.url)
        endpoint.faults = [Fault(close=True)]
        with pytest.raises(NotEnqueued), transaction.atomic():
            tasks.noop.enqueue()
        assert not connection.in_atomic_block
        assert not rows.exists()

    def test_a_function_that_raises_leaves_no_row(self, use, rows, url):
        use(results=True, message_group_id="tests.sqs.test_fifo.raise_lookup_error")
        with pytest.raises(LookupError):
            tasks.noop.enqueue()
        assert not rows.exists()

    def test_what_is_missing_to_send_leaves_no_row(self, use, rows, monkeypatch):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        sqs_client._session.cache_clear()
        use(results=True, region=None)
        try:
            with pytest.raises(ImproperlyConfigured, match="region"):
                tasks.noop.enqueue()
        finally:
            sqs_client._session.cache_clear()
        assert not rows.exists()
