"""Requests of SQS: batches, what is tried again, and what is said of what cannot be done."""

from __future__ import annotations

import json
import sys
import threading

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured

from django_tasks_oneshot import NotEnqueued
from django_tasks_oneshot.backends import sqs_client
from django_tasks_oneshot.backends.base import Claimant, StoreUnavailable
from django_tasks_oneshot.backends.sqs_client import LARGEST_BATCH, Letter, SQSClient
from django_tasks_oneshot.backends.sqs_message import LARGEST_MESSAGE
from tests.project.settings import SQS
from tests.project.shop import tasks
from tests.sqs.endpoint import Fault


@pytest.fixture
def sqs(endpoint, queues):
    """This package's client; what it asks for goes through the endpoint."""
    return SQSClient("eu-west-1", endpoint.url)


@pytest.fixture
def two_tries(monkeypatch):
    """What fails for good fails soon."""
    monkeypatch.setattr(sqs_client, "TRIES", 2)


def letters(url, *sizes):
    return [Letter(id=str(number), url=url, body="x" * size) for number, size in enumerate(sizes)]


class TestLambdasLoopDetection:
    """Of 16 calls in a row of a function by itself, as its SDK tells them: hops and retries may be more."""

    @pytest.fixture(autouse=True)
    def on_lambda(self, monkeypatch):
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "queue")
        monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=25:a87bd80c:15")

    def test_is_not_told_of_what_is_sent_here(self, sqs, endpoint, url):
        assert sqs.send(letters(url, 5)) == {}
        assert not any("trace-id" in name.lower() for headers in endpoint.headers for name in headers)

    def test_is_told_of_what_others_send(self, endpoint, url):
        others = boto3.client("sqs", region_name="eu-west-1", endpoint_url=endpoint.url)
        others.send_message(QueueUrl=url, MessageBody="x")
        others.close()
        assert "Lineage" in endpoint.headers[-1]["X-Amzn-Trace-Id"]


class TestBatches:
    @pytest.mark.parametrize(("number", "requests"), [(1, 1), (10, 1), (11, 2), (25, 3)])
    def test_ten_messages_are_one_request(self, sqs, endpoint, url, count, number, requests):
        assert sqs.send(letters(url, *[5] * number)) == {}
        assert count(url) == number
        assert endpoint.requests == {"SendMessageBatch": requests}

    def test_no_request_is_larger_than_a_message_may_be(self, sqs, endpoint, url, count):
        third = LARGEST_MESSAGE // 3
        assert sqs.send(letters(url, third, third, third, third + 1, third, LARGEST_MESSAGE)) == {}
        assert count(url) == 6
        assert [len(content["Entries"]) for content in endpoint.sent("SendMessageBatch")] == [3, 2, 1]

    def test_each_queue_has_its_own_requests(self, sqs, endpoint, queues, count):
        urls = [queues["default"].url, queues["mail"].url]
        mixed = [Letter(id=str(number), url=urls[number % 2], body="x") for number in range(10)]
        assert sqs.send(mixed) == {}
        assert list(map(count, urls)) == [5, 5]
        assert endpoint.requests["SendMessageBatch"] == 2

    def test_more_than_ten_are_deleted_in_several_requests(self, sqs, endpoint, url, count):
        sqs.send(letters(url, *[5] * 12))
        receipts = []
        while len(receipts) < 12:
            receipts += [each["ReceiptHandle"] for each in sqs.receive(url, LARGEST_BATCH, wait=0, visibility=60)]
        assert sqs.delete(url, receipts) == {}
        assert count(url) == 0
        assert endpoint.requests["DeleteMessageBatch"] == 2

    def test_nothing_to_send_is_no_request(self, sqs, endpoint):
        assert sqs.send([]) == {}
        assert sqs.delete("nowhere", []) == {}
        assert not endpoint.requests


class TestWhatIsTriedAgain:
    def test_of_a_batch_what_was_refused_for_a_while(self, sqs, endpoint, url, count):
        endpoint.faults = [Fault(action="SendMessageBatch", entries=3, times=1)]
        assert sqs.send(letters(url, *[5] * 10)) == {}
        assert count(url) == 10
        assert [len(content["Entries"]) for content in endpoint.sent("SendMessageBatch")] == [10, 3]

    def test_a_request_that_fails_for_a_while(self, sqs, endpoint, url, count):
        endpoint.faults = [Fault(action="SendMessageBatch", times=1)]
        assert sqs.send(letters(url, 5)) == {}
        assert count(url) == 1

    def test_what_is_refused_for_good_is_told_by_message(self, sqs, endpoint, url, count, two_tries):
        endpoint.faults = [Fault(action="SendMessageBatch", entries=2)]
        assert sqs.send(letters(url, *[5] * 5)) == dict.fromkeys(
            ("0", "1"), "still after some tries: InternalError: Made by a test."
        )
        assert count(url) == 3

    def test_after_an_outage_of_a_batch_no_other_is_tried(self, sqs, endpoint, url, count, two_tries):
        endpoint.faults = [Fault(action="SendMessageBatch", status=400, code="AccessDenied")]
        failed = sqs.send(letters(url, *[5] * 25))
        assert set(failed) == {str(number) for number in range(25)}
        assert "AccessDenied" in failed["24"]
        assert endpoint.requests["SendMessageBatch"] == 1

    def test_what_was_sent_before_an_outage_is_not_told_as_failed(self, sqs, endpoint, url, count, two_tries):
        """Two of the batch are refused, and SQS is away when they are tried again: the other eight were sent."""
        endpoint.faults = [
            Fault(action="SendMessageBatch", entries=2, times=1),
            Fault(action="SendMessageBatch", status=400, code="AccessDenied"),
        ]
        assert set(sqs.send(letters(url, *[5] * 10))) == {"0", "1"}
        assert count(url) == 8


class TestAnOutage:
    def test_is_one_kind_of_error_that_names_the_queue(self, sqs, endpoint, url, two_tries):
        endpoint.faults = [Fault(close=True)]
        for request in (
            lambda: sqs.receive(url, 1, wait=0, visibility=1),
            lambda: sqs.delete(url, ["receipt"]),
            lambda: sqs.show_after(url, ["receipt"], 1),
            lambda: sqs.count(url),
        ):
            with pytest.raises(StoreUnavailable, match=url):
                request()

    def test_in_the_middle_of_enqueuing_many_tells_which_were_not_sent(self, use, endpoint, client, queues, two_tries):
        backend = use(endpoint_url=endpoint.url)
        endpoint.faults = [
            _AfterTheFirst(action="SendMessageBatch", status=400, code="AccessDenied"),
        ]
        with pytest.raises(NotEnqueued) as caught:
            backend.enqueue_many([(tasks.add, (number,), {}) for number in range(25)])
        received = set()
        while messages := client.receive_message(QueueUrl=queues["default"].url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            received |= {json.loads(each["Body"].rpartition(":")[0])["id"] for each in messages}
        assert len(received) == 10
        assert len(caught.value.reasons) == 15
        assert not received & set(caught.value.reasons)
        assert "15 of the tasks could not be enqueued" in str(caught.value)
        assert "AccessDenied" in str(caught.value)

    def test_a_queue_that_is_not_there(self, use, queues):
        use(queue_urls=f"{SQS}/123456789012/nowhere")
        with pytest.raises(NotEnqueued, match="nowhere"):
            tasks.noop.enqueue()
        with pytest.raises(StoreUnavailable, match="nowhere"):
            use(queue_urls=f"{SQS}/123456789012/nowhere").open_store(Claimant(worker_id="w")).claim(1)


class _AfterTheFirst(Fault):
    def strikes(self, action, chance):
        if action == self.action and not self.struck:
            self.struck = 1
            return False
        return action == self.action


class TestWhatIsMissing:
    def test_a_region(self, monkeypatch, url):
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        sqs_client._session.cache_clear()
        try:
            with pytest.raises(ImproperlyConfigured, match="region"):
                SQSClient(None, SQS).prepare()
        finally:
            sqs_client._session.cache_clear()

    def test_boto3(self, monkeypatch):
        sqs_client._session.cache_clear()
        monkeypatch.setitem(sys.modules, "boto3", None)
        try:
            with pytest.raises(ImproperlyConfigured, match=r"pip install 'django-tasks-oneshot\[sqs\]'"):
                SQSClient("eu-west-1", SQS).count("queue")
        finally:
            sqs_client._session.cache_clear()

    def test_a_url_that_is_none(self):
        with pytest.raises(ImproperlyConfigured, match="Invalid endpoint"):
            SQSClient("eu-west-1", "not a url").prepare()


def test_clients_can_be_made_in_several_threads_at_once():
    """boto3's session may not be used by two at a time."""
    sqs_client._session.cache_clear()
    barrier, errors = threading.Barrier(16), []

    def make():
        barrier.wait()
        try:
            SQSClient("eu-west-1", SQS).prepare()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
