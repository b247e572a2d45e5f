from __future__ import annotations

import logging

import pytest

from local_aws import ENVIRONMENT, EventSource, FunctionError, create_queue
from local_aws.event_source import failed_ids


@pytest.fixture
def sqs(cloud):
    return cloud.client("sqs")


@pytest.fixture
def queue(sqs):
    """Without a visibility timeout: what is not deleted is there at once."""
    return create_queue(sqs, "tasks", visibility_timeout=0, dead_letter_queue=True, max_receive_count=2)


@pytest.fixture
def source(sqs, queue):
    def source(invoke, **options):
        return EventSource(sqs, queue.url, queue.arn, invoke, wait_seconds=0, **options)

    return source


@pytest.fixture
def send(sqs, queue):
    def send(*bodies, **options):
        return [sqs.send_message(QueueUrl=queue.url, MessageBody=body, **options)["MessageId"] for body in bodies]

    return send


@pytest.fixture
def remaining(sqs, queue):
    def remaining(url=queue.url):
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [message["Body"] for message in received.get("Messages", [])]

    return remaining


def answer(value):
    def invoke(event):
        if isinstance(value, Exception):
            raise value
        return value(event) if callable(value) else value

    return invoke


def failures(*ids):
    return {"batchItemFailures": [{"itemIdentifier": each} for each in ids]}


def test_an_empty_queue_invokes_nothing(source):
    assert source(answer(AssertionError())).poll_once() == 0


def test_a_batch_is_one_event_of_lambdas_form(source, send, queue, sqs):
    attributes = {
        "text": {"DataType": "String", "StringValue": "a"},
        "binary": {"DataType": "Binary", "BinaryValue": b"\x00"},
    }
    [first] = send("one", MessageAttributes=attributes)
    [second] = send("two")
    events = []
    assert source(events.append).poll_once() == 2
    [event] = events
    assert list(event) == ["Records"]
    one, two = event["Records"]
    assert (one["messageId"], two["messageId"]) == (first, second)
    assert one["receiptHandle"]
    assert one["body"] == "one"
    assert one["attributes"]["ApproximateReceiveCount"] == "1"
    assert one["attributes"]["SentTimestamp"].isdigit()
    assert one["messageAttributes"] == {
        "text": {"stringValue": "a", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
        "binary": {"binaryValue": "AA==", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
    }
    assert one["md5OfBody"] == "f97c5d29941bfb1b2fdab0874906ab82"
    assert one["eventSource"] == "aws:sqs"
    assert one["eventSourceARN"] == queue.arn
    assert one["awsRegion"] == ENVIRONMENT["AWS_DEFAULT_REGION"]
    assert two["messageAttributes"] == {}


def test_a_message_of_a_fifo_queue_knows_its_group(sqs):
    queue = create_queue(sqs, "ordered", visibility_timeout=30, dead_letter_queue=False, fifo=True)
    assert queue.url.endswith("/ordered.fifo")
    sqs.send_message(QueueUrl=queue.url, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")
    events = []
    assert EventSource(sqs, queue.url, queue.arn, events.append, wait_seconds=0).poll_once() == 1
    attributes = events[0]["Records"][0]["attributes"]
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("g", "d")


def test_a_batch_has_at_most_so_many_messages(source, send, remaining):
    send("a", "b", "c")
    assert source(answer(None), batch_size=2).poll_once() == 2
    assert len(remaining()) == 1


@pytest.mark.parametrize("size", [0, 11])
def test_a_batch_that_one_receive_cannot_have_is_refused(source, size):
    with pytest.raises(ValueError, match="batch_size"):
        source(answer(None), batch_size=size)


@pytest.mark.parametrize(
    "success", [None, {}, {"batchItemFailures": None}, {"batchItemFailures": []}, {"something": "else"}], ids=str
)
def test_an_answer_without_failures_deletes_all(source, send, remaining, success):
    send("a", "b")
    source(answer(success)).poll_once()
    assert remaining() == []


def test_only_the_messages_that_failed_stay(source, send, remaining):
    send("a", "fail", "c")
    source(lambda event: failures(event["Records"][1]["messageId"])).poll_once()
    assert remaining() == ["fail"]


@pytest.mark.parametrize(
    "failure",
    [
        FunctionError("Sandbox.Timedout", "", {}),
        failures(""),
        failures(None),
        failures("unknown"),
        lambda event: failures(event["Records"][0]["messageId"], "unknown"),
        lambda event: {"batchItemFailures": [{"id": event["Records"][0]["messageId"]}]},
        lambda event: {"batchItemFailures": [event["Records"][0]["messageId"]]},
        {"batchItemFailures": "all"},
        "not an object",
        [],
    ],
    ids=str,
)
def test_a_failure_and_an_answer_that_makes_no_sense_delete_nothing(source, send, remaining, failure, caplog):
    send("a", "b")
    assert source(answer(failure)).poll_once() == 2
    assert sorted(remaining()) == ["a", "b"]
    assert "2 messages of" in caplog.text


def test_a_message_that_is_named_twice_has_failed_once():
    assert failed_ids(failures("a", "a"), ["a", "b"]) == {"a"}


def test_a_message_that_fails_too_often_is_in_the_dead_letter_queue(source, send, remaining, queue):
    send("fail")
    polling = source(lambda event: failures(event["Records"][0]["messageId"]))
    assert [polling.poll_once() for _ in range(3)] == [1, 1, 0]
    assert remaining(queue.dead_letter_url) == ["fail"]


def test_an_exception_that_is_no_functions_error_is_the_callers(source, send):
    send("a")
    with pytest.raises(ZeroDivisionError):
        source(answer(ZeroDivisionError())).poll_once()


def test_a_function_consumes_the_queue_and_a_dead_process_loses_nothing(source, send, remaining, function):
    polling = source(function("consume").invoke)
    send("ok", "fail")
    polling.poll_once()
    assert remaining() == ["fail"]
    send("die")
    polling.poll_once()
    assert "die" in remaining()


@pytest.mark.parametrize("concurrency", [1, 3])
def test_threads_poll_until_they_are_stopped(source, send, eventually, concurrency):
    seen = []
    send("a", "b")
    with source(seen.append, batch_size=1, concurrency=concurrency) as polling:
        eventually(lambda: len(seen) >= 2)
    send("c")
    count = len(seen)
    polling.start()
    eventually(lambda: len(seen) > count)
    polling.stop()


def test_an_exception_in_a_thread_is_logged_and_the_thread_goes_on(source, send, eventually, caplog):
    seen = []

    def invoke(event):
        seen.append(event)
        if len(seen) == 1:
            raise ZeroDivisionError

    send("a")
    with caplog.at_level(logging.ERROR), source(invoke):
        eventually(lambda: len(seen) == 2)
    assert "ZeroDivisionError" in caplog.text
