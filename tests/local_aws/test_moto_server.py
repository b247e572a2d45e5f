from __future__ import annotations

import io
import zipfile
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


@pytest.fixture
def mapped(cloud, sqs):
    """A queue, a version of whose function would be called."""
    queue = create_queue(sqs, "mapped", visibility_timeout=60, dead_letter_queue=False)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as bundle:
        bundle.writestr("main.py", "")
    role = cloud.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]
    code = {"ZipFile": zipped.getvalue()}
    client = cloud.client("lambda")
    version = client.create_function(
        FunctionName="f", Runtime="python3.13", Role=role["Arn"], Handler="main.f", Code=code, Publish=True
    )
    client.create_event_source_mapping(EventSourceArn=queue.arn, FunctionName=f"f:{version['Version']}")
    return queue.url


def test_a_message_waits_for_an_event_source_though_moto_knows_a_mapping(sqs, mapped):
    sqs.send_message(QueueUrl=mapped, MessageBody="here")
    assert sqs.receive_message(QueueUrl=mapped)["Messages"][0]["Body"] == "here"
