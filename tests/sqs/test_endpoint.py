"""What is made to go wrong goes wrong in a real client, and nothing else does."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.sqs.endpoint import Endpoint, Fault


@pytest.fixture(scope="module")
def target():
    if "ONESHOT_SQS" not in os.environ:
        pytest.fail("ONESHOT_SQS is not set: python -m tests.servers sqlite -- python -m pytest")
    return os.environ["ONESHOT_SQS"]


@pytest.fixture
def endpoint(target):
    with Endpoint(target) as endpoint:
        yield endpoint


@pytest.fixture
def make_client():
    clients = []

    def make_client(url, attempts=1):
        config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
        clients.append(boto3.client("sqs", endpoint_url=url, config=config))
        return clients[-1]

    yield make_client
    for client in clients:
        client.close()


@pytest.fixture
def client(endpoint, make_client):
    """Without retries of its own."""
    return make_client(endpoint.url)


@pytest.fixture
def patient(endpoint, make_client):
    return make_client(endpoint.url, attempts=3)


@pytest.fixture
def direct(target, make_client):
    return make_client(target)


@pytest.fixture
def queue(direct, request):
    url = direct.create_queue(QueueName=request.node.name[:80].translate({ord("["): "-", ord("]"): "-"}))["QueueUrl"]
    yield url
    direct.delete_queue(QueueUrl=url)


@pytest.fixture
def bodies(direct, queue):
    """What is in the queue, visible, each as often as it is there."""

    def bodies():
        found = []
        while messages := direct.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            found += [message["Body"] for message in messages]
        return sorted(found)

    return bodies


def entries(*bodies):
    return [{"Id": body, "MessageBody": body} for body in bodies]


def ids(listed):
    return [entry["Id"] for entry in listed]


def send(connection, queue, body):
    """What boto3 sends, on a connection that is the test's own."""
    headers = {
        "X-Amz-Target": "AmazonSQS.SendMessage",
        "Content-Type": "application/x-amz-json-1.0",
        # moto does not check it, and finds the service in it.
        "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/sqs/aws4_request",
    }
    connection.request("POST", "/", json.dumps({"QueueUrl": queue, "MessageBody": body}), headers)
    assert b"MessageId" in connection.getresponse().read()


def test_passes_on_what_it_is_not_told_to_disturb(client, queue, bodies):
    sent = client.send_message(QueueUrl=queue, MessageBody="ünïcode")
    assert sent["MessageId"]
    assert bodies() == ["ünïcode"]


def test_urls_of_queues_lead_through_it(endpoint, client, queue):
    assert client.get_queue_url(QueueName=queue.rpartition("/")[2])["QueueUrl"].startswith(f"{endpoint.url}/")


def test_passes_on_errors_of_sqs(client, queue):
    with pytest.raises(client.exceptions.QueueDoesNotExist) as caught:
        client.send_message(QueueUrl=f"{queue}-not", MessageBody="a")
    assert caught.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_connections_are_kept(endpoint, queue):
    connection = HTTPConnection(*urlsplit(endpoint.url).netloc.split(":"))
    send(connection, queue, "a")
    used = connection.sock
    send(connection, queue, "b")
    assert used is not None
    assert connection.sock is used
    connection.close()


def test_counts_requests_by_action(endpoint, client, queue):
    client.send_message_batch(QueueUrl=queue, Entries=entries("a", "b"))
    client.send_message(QueueUrl=queue, MessageBody="c")
    client.send_message(QueueUrl=queue, MessageBody="d")
    assert endpoint.requests == {"SendMessageBatch": 1, "SendMessage": 2}
    endpoint.reset()
    assert endpoint.requests == {}


def test_counts_all_of_many_threads(endpoint, client, queue):
    def send_ten():
        for number in range(10):
            client.send_message(QueueUrl=queue, MessageBody=str(number))

    threads = [threading.Thread(target=send_ten) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert endpoint.requests["SendMessage"] == 80


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "ServiceUnavailable"), (400, "ThrottlingException"), (400, "RequestThrottled"), (403, "AccessDenied")],
)
def test_an_error_has_its_code_and_nothing_was_done(status, code, endpoint, client, queue, bodies):
    endpoint.faults = [Fault(status=status, code=code)]
    with pytest.raises(ClientError) as caught:
        client.send_message(QueueUrl=queue, MessageBody="a")
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert bodies() == []


@pytest.mark.parametrize(
    "fault", [Fault(times=2), Fault(status=400, code="ThrottlingException", times=1), Fault(close=True, times=2)]
)
def test_a_client_retries_what_it_would_retry(fault, endpoint, patient, queue, bodies):
    endpoint.faults = [fault]
    patient.send_message(QueueUrl=queue, MessageBody="a")
    assert endpoint.requests["SendMessage"] == fault.times + 1
    assert bodies() == ["a"]


def test_a_client_does_not_retry_what_is_its_own_fault(endpoint, patient, queue):
    endpoint.faults = [Fault(status=403, code="AccessDenied")]
    with pytest.raises(ClientError):
        patient.send_message(QueueUrl=queue, MessageBody="a")
    assert endpoint.requests["SendMessage"] == 1


def test_only_the_named_action_and_only_so_many_times(endpoint, client, queue, bodies):
    endpoint.faults = [Fault(action="SendMessage", times=1)]
    client.send_message_batch(QueueUrl=queue, Entries=entries("a"))
    with pytest.raises(ClientError):
        client.send_message(QueueUrl=queue, MessageBody="b")
    client.send_message(QueueUrl=queue, MessageBody="c")
    assert bodies() == ["a", "c"]


def test_faults_in_their_order(endpoint, client, queue):
    endpoint.faults = [Fault(code="First", times=1), Fault(code="Second", times=1)]
    codes = []
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            client.send_message(QueueUrl=queue, MessageBody="a")
        codes.append(caught.value.response["Error"]["Code"])
    client.send_message(QueueUrl=queue, MessageBody="a")
    assert codes == ["First", "Second"]


def test_a_share_of_requests_is_the_same_one_for_a_seed(target, make_client, queue):
    def pattern(seed):
        with Endpoint(target, seed=seed) as endpoint:
            endpoint.faults = [Fault(share=0.5)]
            client = make_client(endpoint.url)
            return [fails(client) for _ in range(20)]

    def fails(client):
        try:
            client.send_message(QueueUrl=queue, MessageBody="a")
        except ClientError:
            return True
        return False

    assert pattern(1) == pattern(1) != pattern(2)
    assert set(pattern(1)) == {True, False}


@pytest.mark.parametrize("close", [True, False])
def test_a_lost_answer_is_to_something_that_was_done(close, endpoint, client, queue, bodies):
    endpoint.faults = [Fault(action="SendMessage", after=True, close=close, times=1)]
    with pytest.raises(ConnectionClosedError if close else ClientError):
        client.send_message(QueueUrl=queue, MessageBody="a")
    assert bodies() == ["a"]


def test_a_client_that_retries_after_a_lost_answer_sends_twice(endpoint, patient, queue, bodies):
    endpoint.faults = [Fault(action="SendMessage", after=True, close=True, times=1)]
    patient.send_message(QueueUrl=queue, MessageBody="a")
    assert bodies() == ["a", "a"]


def test_a_closed_connection_and_nothing_was_done(endpoint, client, queue, bodies):
    endpoint.faults = [Fault(close=True, times=1)]
    with pytest.raises(ConnectionClosedError):
        client.send_message(QueueUrl=queue, MessageBody="a")
    assert bodies() == []
    client.send_message(QueueUrl=queue, MessageBody="b")
    assert bodies() == ["b"]


def test_somebody_else_receives_what_is_delivered_twice(endpoint, client, queue, bodies):
    client.send_message_batch(QueueUrl=queue, Entries=entries("a", "b"))
    endpoint.duplicate_share = 1
    received = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=60)["Messages"]
    assert sorted(message["Body"] for message in received) == ["a", "b"]
    assert bodies() == ["a", "b"]
    assert endpoint.requests == {"SendMessageBatch": 1, "ReceiveMessage": 1}


def test_nothing_is_delivered_twice_unless_it_is_told_to(client, queue, bodies):
    client.send_message(QueueUrl=queue, MessageBody="a")
    client.receive_message(QueueUrl=queue)
    assert bodies() == []


def test_the_first_entries_of_a_batch_fail(endpoint, client, queue, bodies):
    endpoint.faults = [Fault(action="SendMessageBatch", entries=2, times=1)]
    result = client.send_message_batch(QueueUrl=queue, Entries=entries("a", "b", "c"))
    assert ids(result["Successful"]) == ["c"]
    assert ids(result["Failed"]) == ["a", "b"]
    assert {(entry["Code"], entry["SenderFault"]) for entry in result["Failed"]} == {("InternalError", False)}
    assert bodies() == ["c"]


def test_a_whole_batch_fails(endpoint, client, queue, bodies):
    endpoint.faults = [Fault(entries=10)]
    client.send_message(QueueUrl=queue, MessageBody="c")
    result = client.send_message_batch(QueueUrl=queue, Entries=entries("a", "b"))
    assert not result.get("Successful")
    assert ids(result["Failed"]) == ["a", "b"]
    assert bodies() == ["c"]


def test_the_first_deletions_of_a_batch_fail(endpoint, client, direct, queue, bodies):
    client.send_message_batch(QueueUrl=queue, Entries=entries("a", "b"))
    messages = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    handles = [{"Id": message["Body"], "ReceiptHandle": message["ReceiptHandle"]} for message in messages]
    endpoint.faults = [Fault(action="DeleteMessageBatch", entries=1)]
    result = client.delete_message_batch(QueueUrl=queue, Entries=handles)
    assert ids(result["Failed"]) == [messages[0]["Body"]]
    assert ids(result["Successful"]) == [messages[1]["Body"]]
    direct.change_message_visibility(QueueUrl=queue, ReceiptHandle=messages[0]["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies() == [messages[0]["Body"]]


def test_ends_while_a_client_polls(target, make_client, queue):
    with Endpoint(target) as endpoint:
        client = make_client(endpoint.url)
        poll = threading.Thread(target=polls, args=(client, queue))
        poll.start()
        while not endpoint.requests["ReceiveMessage"]:
            time.sleep(0.01)
        started = time.monotonic()
    poll.join()
    assert time.monotonic() - started < 10


def polls(client, queue):
    with pytest.raises(ConnectionClosedError):
        client.receive_message(QueueUrl=queue, WaitTimeSeconds=20)


def test_a_client_that_is_gone_without_a_word_is_no_news(target, queue, capfd):
    with Endpoint(target) as endpoint:
        connection = HTTPConnection(*urlsplit(endpoint.url).netloc.split(":"))
        send(connection, queue, "a")
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()  # a reset, as of a process that is killed with an answer unread
    assert capfd.readouterr().err == ""
