"""What receipts of a message tell, and what they must not be taken for."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from django.test import override_settings
from django.utils import timezone

from django_tasks_oneshot import NotEnqueued
from django_tasks_oneshot.backends import sqs_client
from django_tasks_oneshot.backends.base import KILLED, Claimant, Interrupted, StoreUnavailable, Succeeded
from django_tasks_oneshot.backends.sqs_event import deliveries_in
from django_tasks_oneshot.backends.sqs_store import MOST_RECEIPTS
from django_tasks_oneshot.compat import TaskResultStatus
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.drain import Limits, Run, drain
from django_tasks_oneshot.run.host import Host
from tests.project.settings import SQS
from tests.project.shop import tasks
from tests.project.shop.models import Execution

from .endpoint import Fault


@pytest.fixture
def receive(client):
    """What Lambda receives of a queue, for one call."""

    def receive(queue):
        answer = client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, AttributeNames=["All"])
        return {
            "Records": [
                {
                    "messageId": each["MessageId"],
                    "receiptHandle": each["ReceiptHandle"],
                    "body": each["Body"],
                    "attributes": each["Attributes"],
                    "eventSourceARN": queue.arn,
                }
                for each in answer.get("Messages", [])
            ]
        }

    return receive


@pytest.fixture
def let_come_back(client):
    """The visibility of messages that were received has ended, where they are still there."""

    def let_come_back(queue, event):
        for record in event["Records"]:
            with suppress(client.exceptions.ReceiptHandleIsInvalid):
                client.change_message_visibility(
                    QueueUrl=queue.url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
                )

    return let_come_back


@pytest.fixture
def call(client):
    """One call of the function, and what Lambda deletes after it."""

    def call(queue, event, **limits):
        for backend, deliveries in deliveries_in(event).items():
            report = drain(backend, Deadline.of_host(30, 1), Limits(deliveries=deliveries, **limits))
            for each in deliveries:
                if each.is_settled:
                    client.delete_message(QueueUrl=queue.url, ReceiptHandle=each.receipt)
        return report

    return call


def executed():
    return sorted(each.note for each in Execution.objects.all())


def test_a_task_is_not_given_up_because_its_function_was_throttled(use, queues, receive, let_come_back, call, rows):
    use()
    tasks.write_down.enqueue("at last")
    for _ in range(6):  # Lambda had received it, and called nobody
        let_come_back(queues["default"], receive(queues["default"]))
    assert call(queues["default"], receive(queues["default"])).succeeded == 1
    assert executed() == ["at last"]


def test_what_was_received_in_vain_too_often_is_left_to_the_dead_letter_queue(
    use, queues, receive, let_come_back, call, rows, count
):
    use()
    tasks.write_down.enqueue("never")
    queue = queues["default"]
    for _ in range(9):
        let_come_back(queue, receive(queue))
    event = receive(queue)  # the tenth receipt; the eleventh would be in vain
    (deliveries,) = deliveries_in(event).values()
    deliveries[0].receives = MOST_RECEIPTS + 2
    for backend in deliveries_in(event):
        assert drain(backend, Deadline.of_host(30, 1), Limits(deliveries=deliveries)).claimed == 0
    assert not deliveries[0].is_settled
    let_come_back(queue, event)
    assert receive(queue) == {"Records": []}
    assert count(queue.dead_letter_url) == 1


def test_what_a_call_on_a_fifo_queue_has_no_time_for_is_not_given_up(use, queues, receive, let_come_back, call, rows):
    queue = queues["ordered.fifo"]
    use(queue_urls=queue.url)
    for number in range(7):
        tasks.write_down.enqueue(str(number))
    while (event := receive(queue))["Records"]:
        call(queue, event, max_tasks=1)
        let_come_back(queue, event)
    assert executed() == list("0123456")


def test_a_retry_with_results_on_a_fifo_queue_waits(use, queues, receive, call, rows, count):
    queue = queues["ordered.fifo"]
    backend = use(queue_urls=queue.url, results=True)
    result = tasks.fail_and_wait.enqueue()
    assert call(queue, receive(queue)).retried == 1
    assert receive(queue) == {"Records": []}
    assert (count(queue.url), count(queue.dead_letter_url)) == (1, 0)
    assert backend.get_result(result.id).status == TaskResultStatus.READY


def test_what_waits_behind_a_slow_task_of_a_living_run_is_given_back(use, rows):
    backend = use()
    for _ in range(2):
        tasks.noop.enqueue()
    first = backend.open_store(Claimant(worker_id="slow"))
    slow, waiting = first.claim(10)
    assert first.extend(slow)  # as its heartbeat does, when it has run for a while
    (other,) = backend.open_store(Claimant(worker_id="other")).claim(10)
    assert (other.id, other.interruptions, other.rescued) == (waiting.id, 0, False)
    recorded = first.record(slow, Succeeded(ended_at=other.result.enqueued_at, return_value=None), start=waiting)
    assert (recorded.kept, recorded.started) == (True, False)


@pytest.fixture
def giving_back(use, rows, monkeypatch):
    """A store whose heartbeat is in the middle of giving back what waits, until it may go on."""
    backend = use()
    for _ in range(2):
        tasks.noop.enqueue()
    store = backend.open_store(Claimant(worker_id="slow"))
    slow, waiting = store.claim(10)
    send, has_begun, may_go_on = backend.client.send, threading.Event(), threading.Event()

    def send_slowly(letters):
        if letters:
            has_begun.set()
            assert may_go_on.wait(30)
        return send(letters)

    monkeypatch.setattr(backend.client, "send", send_slowly)
    with ThreadPoolExecutor() as threads:
        threads.submit(store.extend, slow)
        assert has_begun.wait(30)
        try:
            yield store, slow, waiting, may_go_on, threads
        finally:
            may_go_on.set()


def test_no_outcome_waits_while_others_are_given_back(giving_back, count, queues):
    store, slow, waiting, may_go_on, threads = giving_back

    def go_on():
        recorded = store.record(slow, Succeeded(ended_at=timezone.now(), return_value=None), start=waiting)
        store.release([waiting])
        return recorded

    recorded = threads.submit(go_on).result(timeout=10)
    assert (recorded.kept, recorded.started) == (True, False)
    may_go_on.set()
    threads.shutdown()
    assert count(queues["default"].url) == 1  # what was given back is there once


def test_a_run_is_over_when_all_is_given_back(giving_back):
    """Its process may end then, or be frozen."""
    store, _, waiting, may_go_on, threads = giving_back
    closing = threads.submit(store.close)
    time.sleep(0.2)
    assert not closing.done()
    may_go_on.set()
    closing.result(timeout=10)
    assert waiting.state.delivery.is_settled


def test_a_run_waits_for_messages_no_longer_than_it_has_time(use, queues, run, rows, endpoint):
    backend = use(
        queue_urls={name: queues[name].url for name in ("default", "mail")}, wait_seconds=4, endpoint_url=endpoint.url
    )
    run(backend=backend, max_seconds=0.5)
    assert {each.get("WaitTimeSeconds", 0) for each in endpoint.sent("ReceiveMessage")} == {0}


def test_unreadable_messages_keep_no_run_for_ever(use, run, rows, monkeypatch):
    backend = use()
    numbers = iter(range(1_000_000))

    def receive(url, limit, **options):
        attributes = {"ApproximateReceiveCount": "2", "ApproximateFirstReceiveTimestamp": "1"}
        message = {"MessageId": str(next(numbers)), "ReceiptHandle": "r", "Body": "x", "Attributes": attributes}
        return [message]

    monkeypatch.setattr(backend.client, "receive", receive)
    assert run(backend=backend).stopped_because == "empty"


def test_queues_with_one_url_are_not_run_apart(use, run, queues, rows):
    url = queues["default"].url
    backend = use(queue_urls={"default": url, "mail": url})
    with pytest.raises(Exception, match=r"shares its SQS queue with others.*OPTIONS\['queue_urls'\]"):
        run(backend=backend, queues={"mail"})


def test_a_renewal_that_sqs_cannot_make_now_is_not_a_lost_lease(use, rows, endpoint, monkeypatch):
    monkeypatch.setattr(sqs_client, "_pauses", lambda: iter([0] * 5))
    store = use(endpoint_url=endpoint.url).open_store(Claimant(worker_id="w"))
    tasks.noop.enqueue()
    (claim,) = store.claim(1)
    endpoint.faults = [Fault(action="ChangeMessageVisibilityBatch", entries=1)]
    with pytest.raises(StoreUnavailable):
        store.extend(claim)
    endpoint.faults = []
    assert store.extend(claim)


def test_a_clock_that_is_ahead_of_sqs_makes_few_hops(use, run, rows, endpoint, monkeypatch):
    backend = use(endpoint_url=endpoint.url)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 6)
    tasks.fail_once_and_wait_a_second.enqueue()
    run(backend=backend)
    for _ in range(3):
        time.sleep(1.2)
        run(backend=backend)
    sent = endpoint.sent("SendMessageBatch")
    assert len(sent) <= 3  # the task, its retry, and one hop for as long as the clocks differ


def test_a_row_of_a_message_that_somebody_received_is_not_removed(use, rows, monkeypatch):
    """SQS has taken the message, and its answer was lost."""
    backend = use(results=True)

    def lose_the_answer(letters):
        monkeypatch.undo()
        assert backend.client.send(letters) == {}
        assert backend.open_store(Claimant(worker_id="w")).claim(1)
        return {each.id: "no answer" for each in letters}

    monkeypatch.setattr(backend.client, "send", lose_the_answer)
    with pytest.raises(NotEnqueued):
        tasks.noop.enqueue()
    assert rows.count() == 1


def test_a_process_that_has_to_end_gives_back_what_it_did_not_open(use, queues, receive, rows):
    use()
    for _ in range(3):
        tasks.noop.enqueue()
    ((backend, deliveries),) = deliveries_in(receive(queues["default"])).items()
    codes = []
    with Run(backend, Deadline.of_host(30, 1), Limits(deliveries=deliveries), Host(exit_now=codes.append)) as run:
        (run.current,) = run.claim()
        run.overrun()
        assert [each.is_settled for each in deliveries] == [True] * 3
    assert codes == [0]


def test_a_row_that_another_call_holds_is_not_dispatched(queues, receive, rows, monkeypatch):
    """Between the record of its interruption and the sending of another message."""
    queue = queues["dispatch"]
    options = {"dispatch": {"sqs_queue_url": queue.url, "endpoint_url": SQS, "region": "eu-west-1"}}
    backend = {"BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend", "OPTIONS": options}
    with override_settings(TASKS={"default": backend}):
        _, target = (tasks.noop.enqueue() for _ in range(2))
        event = receive(queue)
        ((backend, mine),) = deliveries_in(event).items()
        ((_, others),) = deliveries_in(event).items()
        mine = [each for each in mine if each.message.id == target.id]
        first = backend.open_store(Claimant(worker_id="first", deliveries=mine))
        (claim,) = first.claim(1)
        discard = first.mailbox.discard

        def let_another_claim(delivery):
            discard(delivery)
            assert len(backend.open_store(Claimant(worker_id="second", deliveries=others)).claim(10)) == 2

        monkeypatch.setattr(first.mailbox, "discard", let_another_claim)
        first.record(claim, Interrupted(ended_at=timezone.now(), error=KILLED), start=None)
        backend.dispatch.client.close()
    assert rows.get(pk=target.id).lane.endswith("/claimed")
