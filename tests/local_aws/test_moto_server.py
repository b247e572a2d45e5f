from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from local_aws import create_queue


@pytest.fixture
def sqs(cloud):
    return cloud.client("sqs")


def test_no_message_is_lost_or_brought_back_when_others_are_deleted_meanwhile(sqs):
    url = create_queue(sqs, "busy", visibility_timeout=60, dead_letter_queue=False).url

    def send_and_delete(name):
        for _ in range(10):
            sqs.send_message(QueueUrl=url, MessageBody=name)
            message = sqs.receive_message(QueueUrl=url)["Messages"][0]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send_and_delete, "abcdefgh"))
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert set(counts.values()) == {"0"}


def test_who_waits_for_a_message_keeps_nobody_from_sending_it(sqs):
    url = create_queue(sqs, "empty", visibility_timeout=60, dead_letter_queue=False).url
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        sqs.send_message(QueueUrl=url, MessageBody="at last")
        assert waiting.result(10)["Messages"][0]["Body"] == "at last"
