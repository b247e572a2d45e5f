from __future__ import annotations

import json
import urllib.error
import urllib.request

import boto3
import pytest

from local_aws import Cloud, create_queue

from .processes import is_running


def test_a_queue_sends_what_fails_too_often_to_its_dead_letter_queue(cloud):
    sqs = cloud.client("sqs")
    queue = create_queue(sqs, "tasks", visibility_timeout=45, dead_letter_queue=True, max_receive_count=4)
    attributes = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert attributes["QueueArn"] == queue.arn
    assert attributes["VisibilityTimeout"] == "45"
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"].endswith(":tasks-dead")
    assert int(redrive["maxReceiveCount"]) == 4
    assert queue.dead_letter_url.endswith("/tasks-dead")


def test_a_queue_without_a_dead_letter_queue(cloud):
    queue = create_queue(cloud.client("sqs"), "tasks", visibility_timeout=45, dead_letter_queue=False)
    assert queue.dead_letter_url is None


def test_a_fifo_queue_has_a_fifo_dead_letter_queue(cloud):
    queue = create_queue(cloud.client("sqs"), "tasks", visibility_timeout=45, dead_letter_queue=True, fifo=True)
    assert queue.url.endswith("/tasks.fifo")
    assert queue.dead_letter_url.endswith("/tasks-dead.fifo")


def test_a_proxy_is_not_asked(cloud, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    cloud.client("sqs").list_queues()
    cloud.reset()


def test_its_environment_is_enough_for_boto3(cloud, monkeypatch):
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    client = boto3.client("sqs")
    try:
        assert client.list_queues().get("QueueUrls", []) == []
    finally:
        client.close()


def test_a_closed_cloud_is_gone():
    with Cloud() as cloud:
        pid, url = cloud.pid, cloud.url
    assert not is_running(pid)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=10)


def test_two_clouds_have_nothing_in_common(running_cloud):
    with Cloud() as other:
        create_queue(other.client("sqs"), "theirs", visibility_timeout=45, dead_letter_queue=False)
        assert running_cloud.client("sqs").list_queues(QueueNamePrefix="theirs").get("QueueUrls", []) == []


def test_a_server_that_does_not_start_says_why(monkeypatch, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho out of order\n")
    python.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(python))
    with pytest.raises(RuntimeError, match="out of order"):
        Cloud()
