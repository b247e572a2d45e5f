"""The queues of a session in moto's SQS, and the proxy before it that makes things go wrong."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

from tests.servers import local_aws
from tests.sqs.endpoint import Endpoint, Fault

from . import OPTIONS

NAMES = ("default", "mail", "urgent")
COUNTS = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]
#: After so many receipts a message is moved to the dead-letter queue. Kills alone have to bring no task there: each
#: run that takes up a task of a dead one sends it anew, or dies in turn.
MOST_RECEIPTS = 6
#: The share of requests that fail. Five in a row would end a run, and that is no violation of anything.
SHARE = 0.005
DUPLICATES = 0.05  # of the answers to a receipt


def failures() -> list[Fault]:
    """Nothing of what was asked for is done."""
    return [
        Fault(share=SHARE),
        Fault(share=SHARE, status=400, code="RequestThrottled"),
        Fault(share=SHARE, close=True),
        Fault(share=SHARE, entries=1),
    ]


def lost_answers() -> list[Fault]:
    """All of it is done, and the client does not know."""
    return [
        Fault(share=SHARE, status=500, code="InternalError", after=True),
        Fault(share=SHARE, after=True, close=True),
    ]


class Queues:
    """Calls SQS itself, not its proxy."""

    def __init__(self, url: str) -> None:
        self.client = boto3.client("sqs", endpoint_url=url, config=Config(proxies={}))
        prefix = uuid.uuid4().hex[:8]
        self.made = {
            name: local_aws().create_queue(
                self.client,
                f"{prefix}-{name}",
                visibility_timeout=60,
                dead_letter_queue=True,
                max_receive_count=MOST_RECEIPTS,
            )
            for name in NAMES
        }

    def options(self, endpoint_url: str, *, results: bool, lease: float) -> dict[str, Any]:
        urls = {name: queue.url for name, queue in self.made.items()}
        return {
            "queue_urls": {name: urls[name] for name in ("default", "mail")},
            "high_priority_queue_urls": urls["urgent"],
            "endpoint_url": endpoint_url,
            "wait_seconds": 1,
            "results": results,
            "lease_seconds": int(lease),
        }

    def send(self, name: str, body: str) -> None:
        self.client.send_message(QueueUrl=self.made[name].url, MessageBody=body)

    def count(self) -> int:
        """Of all messages, whatever their state, but for dead letters."""
        return sum(map(self._count, [each.url for each in self.made.values()]))

    def count_dead(self) -> int:
        return sum(map(self._count, self._dead_urls))

    def take_dead(self) -> Counter[str]:
        """The bodies of all dead letters."""
        return Counter(body for url in self._dead_urls for body in self._take(url))

    @property
    def _dead_urls(self) -> Sequence[str]:
        return [each.dead_letter_url for each in self.made.values() if each.dead_letter_url]

    def _count(self, url: str) -> int:
        attributes = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
        return sum(int(attributes[name]) for name in COUNTS)

    def _take(self, url: str) -> Iterator[str]:
        while messages := self.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for each in messages:
                yield each["Body"]
                self.client.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])

    def close(self) -> None:
        self.client.close()


class BadDay:
    """What goes wrong between clients and SQS."""

    def __init__(self, queues: Queues, endpoint: Endpoint) -> None:
        self.queues = queues
        self.endpoint = endpoint

    def begin(self, faults: str) -> None:
        """``failures``, or "all": lost answers and second deliveries, too."""
        is_all = faults == "all"
        self.endpoint.faults = [*failures(), *(lost_answers() if is_all else ())]
        self.endpoint.duplicate_share = DUPLICATES if is_all else 0
        self.endpoint.reset()

    @property
    def requests(self) -> int:
        return self.endpoint.requests.total()

    @property
    def faulty(self) -> int:
        return sum(each.struck for each in self.endpoint.faults)


@contextmanager
def bad_day(*, results: bool, lease: float, seed: int) -> Iterator[BadDay]:
    """Inside, the settings of this process and of those that it starts have queues behind a proxy."""
    queues = Queues(os.environ["ONESHOT_SQS"])
    try:
        with Endpoint(os.environ["ONESHOT_SQS"], seed=seed) as endpoint:
            os.environ[OPTIONS] = json.dumps(queues.options(endpoint.url, results=results, lease=lease))
            yield BadDay(queues, endpoint)
    finally:
        queues.close()
