"""The services that moto plays, in a server process of its own."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from .process import kill, read_all, start_python

ACCOUNT = "123456789012"  # moto's
REGION = "eu-west-1"
# With these no real account can be reached: neither with the user's own keys, nor with those of the machine.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
MOTO_SERVER = Path(__file__).with_name("moto_server.py")
SECONDS_TO_START = 60
LISTENING = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")


class Cloud:
    """A moto server on loopback, empty at its start."""

    def __init__(self) -> None:
        self._clients: list[Any] = []
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        try:
            self.url, self._process = self._start()
        except BaseException:
            self._output.close()
            raise

    @property
    def environment(self) -> dict[str, str]:
        """With this, boto3 calls this server unless it is told otherwise."""
        return {**ENVIRONMENT, "AWS_ENDPOINT_URL": self.url, "no_proxy": "127.0.0.1"}

    @property
    def pid(self) -> int:
        return self._process.pid

    def client(self, service: str) -> Any:
        """A boto3 client, which is closed with the server."""
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
            config=Config(proxies={}),  # whatever proxy the user has is not for loopback
        )
        self._clients.append(client)
        return client

    def reset(self) -> None:
        """Forgets everything."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")  # noqa: S310 - our own address
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as response:
            response.read()

    def close(self) -> None:
        for client in self._clients:
            client.close()
        kill(self._process)
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _start(self) -> tuple[str, subprocess.Popen[bytes]]:
        process = start_python(
            # It takes a port of its own choice: one that was free a moment ago may be somebody else's by now.
            *("-P", str(MOTO_SERVER), "-H", "127.0.0.1", "-p", "0"),
            python=sys.executable,
            environment={**os.environ, **ENVIRONMENT},
            output=self._output,
        )
        try:
            return self._wait_for_url(process), process
        except BaseException:
            kill(process)
            raise

    def _wait_for_url(self, process: subprocess.Popen[bytes]) -> str:
        """By then it listens: who connects is waited on as soon as it has started."""
        until = time.monotonic() + SECONDS_TO_START
        while process.poll() is None and time.monotonic() < until:
            if found := LISTENING.search(read_all(self._output)):
                return found[1]
            time.sleep(0.02)
        raise RuntimeError(f"moto did not start:\n{read_all(self._output)}")


@dataclass(frozen=True)
class Queue:
    url: str
    arn: str
    dead_letter_url: str | None


def create_queue(
    client: Any,
    name: str,
    *,
    visibility_timeout: int,
    dead_letter_queue: bool,
    max_receive_count: int = 3,
    fifo: bool = False,
) -> Queue:
    """An SQS queue; ``visibility_timeout`` in seconds. A FIFO queue's name gets the suffix that it must have."""
    attributes = {"VisibilityTimeout": str(visibility_timeout)}
    dead_letter_url = None
    if dead_letter_queue:
        dead_letter_url = _create(client, f"{name}-dead", {}, fifo)
        target = {"deadLetterTargetArn": _arn(client, dead_letter_url), "maxReceiveCount": max_receive_count}
        attributes["RedrivePolicy"] = json.dumps(target)
    url = _create(client, name, attributes, fifo)
    return Queue(url, _arn(client, url), dead_letter_url)


def _create(client: Any, name: str, attributes: dict[str, str], fifo: bool) -> str:
    if fifo:
        name, attributes = f"{name}.fifo", {**attributes, "FifoQueue": "true"}
    return str(client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def _arn(client: Any, url: str) -> str:
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return str(attributes["QueueArn"])
