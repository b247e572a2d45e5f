"""What AWS Lambda hands over of a queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ..compat import InvalidTaskBackend, task_backends
from .base import OneshotBackend
from .sqs_mailbox import Delivery, leave_alone, read


def deliveries_in(event: Mapping[str, Any]) -> dict[OneshotBackend, list[Delivery]]:
    """The messages of an event, by the backends that they are for. Those that no task can be made of are left out.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    found: dict[OneshotBackend, list[Delivery]] = defaultdict(list)
    for record in event["Records"]:
        arn = record["eventSourceARN"]
        delivery = read(arn, record["messageId"], record["receiptHandle"], record["body"], record["attributes"])
        if delivery is None:
            continue
        backend, url = _source(delivery.message.backend, arn)
        if backend is None or url is None:
            why = f"TASKS[{delivery.message.backend!r}] has no queue of this name, or is none of ours"
            leave_alone(arn, delivery.id, delivery.receives, why)
            continue
        delivery.url = url
        delivery.is_handed = True
        found[backend].append(delivery)
    return found


def _source(alias: str, arn: str) -> tuple[OneshotBackend | None, str | None]:
    """A queue's URL ends in its account and its name, and so does its ARN."""
    try:
        backend = task_backends[alias]
    except InvalidTaskBackend:
        return None, None
    if not isinstance(backend, OneshotBackend):
        return None, None
    ending = "/".join(["", *arn.split(":")[-2:]])
    return backend, next((url for url in backend.urls if url.endswith(ending)), None)
