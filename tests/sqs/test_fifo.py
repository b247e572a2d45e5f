"""Groups, and queues that keep an order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.compat import InvalidTask
from tests.project.shop import tasks
from tests.project.shop.models import executed


def first_letter(task, args, kwargs):
    return str(args[0])[0] if args else None


def whole(task, args, kwargs):
    return str(args[0])


def raise_lookup_error(task, args, kwargs):
    raise LookupError("no group")


@pytest.fixture
def url(queues):
    return queues["ordered.fifo"].url


@pytest.fixture
def ordered(use, url, endpoint, rows):
    def ordered(**options):
        return use(queue_urls=url, endpoint_url=endpoint.url, **options)

    return ordered


def entries(endpoint):
    return [entry for content in endpoint.sent("SendMessageBatch") for entry in content["Entries"]]


class TestFunctions:
    def test_a_group_may_be_told_by_a_function(self, ordered, endpoint):
        ordered(message_group_id="tests.sqs.test_fifo.first_letter")
        tasks.write_down.enqueue("a1")
        tasks.noop.enqueue()
        assert [each["MessageGroupId"] for each in entries(endpoint)] == ["a", "default"]

    def test_a_function_need_not_be_named(self, ordered, endpoint):
        ordered(message_group_id=first_letter)
        tasks.write_down.enqueue("b1")
        assert entries(endpoint)[0]["MessageGroupId"] == "b"

    def test_the_group_is_that_of_the_queue_where_a_row_is_told_of_once_more(self, ordered, endpoint, rows, run):
        ordered(results=True)
        tasks.noop.enqueue()
        rows.update(due_at=timezone.now() - timedelta(minutes=16))
        assert run().dispatched == 1
        first, other = entries(endpoint)
        assert first["MessageGroupId"] == other["MessageGroupId"] == "default"
        assert first["MessageDeduplicationId"] != other["MessageDeduplicationId"]

    def test_the_group_is_that_of_the_queue_where_nothing_is_said(self, ordered, endpoint):
        ordered()
        tasks.noop.enqueue()
        assert entries(endpoint)[0]["MessageGroupId"] == "default"

    def test_what_is_enqueued_twice_in_five_minutes_may_be_sent_once(self, ordered, count, url, run):
        ordered(message_deduplication_id="tests.sqs.test_fifo.whole")
        for text in ("once", "once", "other"):
            tasks.write_down.enqueue(text)
        assert count(url) == 2
        run()
        assert executed() == ["once", "other"]

    def test_a_retry_is_not_taken_for_a_duplicate(self, ordered, run, seen):
        ordered(message_deduplication_id="tests.sqs.test_fifo.whole")
        result = tasks.tell_attempt_of.enqueue("once")
        assert run().retried == 1
        assert [each for each in seen if each[0] == "SUCCESSFUL"] == [("SUCCESSFUL", result.id, 2, 1)]

    def test_a_usual_queue_takes_groups_too(self, use, endpoint, rows, run):
        use(endpoint_url=endpoint.url, message_group_id="tests.sqs.test_fifo.first_letter")
        tasks.write_down.enqueue("c1")
        assert entries(endpoint)[0]["MessageGroupId"] == "c"
        assert "MessageDeduplicationId" not in entries(endpoint)[0]
        assert run().succeeded == 1

    def test_what_a_group_is_called_travels_with_its_retry(self, ordered, endpoint, run):
        ordered(message_group_id="tests.sqs.test_fifo.first_letter")
        tasks.tell_attempt_of.enqueue("d1")
        run()
        assert [each["MessageGroupId"] for each in entries(endpoint)] == ["d", "d"]
        assert len({each["MessageDeduplicationId"] for each in entries(endpoint)}) == 2


class TestOrder:
    @pytest.mark.parametrize("results", [False, True])
    def test_a_group_is_worked_through_in_order(self, ordered, run, results):
        ordered(results=results, message_group_id="tests.sqs.test_fifo.first_letter")
        for text in ("a1", "b1", "a2", "a3", "b2", "b3"):
            tasks.write_down.enqueue(text)
        assert run().succeeded == 6
        for group in "ab":
            assert [text for text in executed() if text[0] == group] == [f"{group}{number}" for number in (1, 2, 3)]

    def test_none_starts_while_one_of_its_group_runs(self, ordered):
        backend = ordered()
        for number in range(3):
            tasks.write_down.enqueue(str(number))
        assert len(backend.open_store(Claimant(worker_id="first")).claim(10)) == 1
        assert list(backend.open_store(Claimant(worker_id="second")).claim(10)) == []

    def test_what_is_given_back_keeps_its_place(self, ordered, run):
        backend = ordered()
        for number in range(3):
            tasks.write_down.enqueue(str(number))
        store = backend.open_store(Claimant(worker_id="first"))
        store.release(store.claim(10))
        run()
        assert executed() == ["0", "1", "2"]


class TestDelays:
    def test_run_after_is_refused_and_says_why(self, ordered, endpoint):
        ordered()
        with pytest.raises(InvalidTask, match=r"FIFO queue, as .*ordered\.fifo is; leave run_after out"):
            tasks.noop.using(run_after=timezone.now() + timedelta(seconds=5)).enqueue()
        assert not endpoint.requests

    def test_a_retry_waits_for_its_backoff(self, ordered, run, seen, eventually):
        ordered()
        result = tasks.fail_once_and_wait_a_second.enqueue()
        report = run()
        assert (report.retried, report.succeeded) == (1, 0)
        eventually(lambda: run().claimed)
        assert seen[-2:] == [("started", result.id, 2, 1), ("SUCCESSFUL", result.id, 2, 1)]

    def test_other_groups_do_not_wait_for_it(self, ordered, run):
        ordered(message_group_id="tests.sqs.test_fifo.first_letter")
        tasks.fail_once_and_wait_a_second.enqueue()
        run()
        tasks.write_down.enqueue("a")
        run()
        assert executed() == ["a"]
