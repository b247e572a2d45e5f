"""``OPTIONS["dispatch"]`` of a DatabaseBackend: the queue in which it says that a row is due."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from ..compat import InvalidTask
from ..contract.retry import duration
from .enqueued import time_ordered_id
from .sqs_client import Letter, SQSClient, is_url, region_of
from .sqs_mailbox import Delivery, Mailbox
from .sqs_message import Message, encode

SHORTEST_PATIENCE = timedelta(seconds=1)  # else one run would send messages of one row without end
KEYS = ("sqs_queue_url", "region", "endpoint_url", "republish_seconds")


class Row(Protocol):
    """What it needs of a StoredTask."""

    pk: Any
    queue_name: str
    priority: int


class Sender(Protocol):
    """Sends messages that say which rows are due, and another one after ``patience``."""

    patience: timedelta

    def send(self, rows: Sequence[Row]) -> bool: ...


logger = logging.getLogger("django_tasks_oneshot")


class Dispatch:
    """Sends a message of a row, which holds nothing but its id. Where it is lost, a tick sends another."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        if not isinstance(options, Mapping) or set(options) - set(KEYS) or not is_url(options.get("sqs_queue_url")):
            raise InvalidTask(
                f"OPTIONS['dispatch'] is {options!r}; write {{'sqs_queue_url': 'https://sqs...'}}, and "
                f"besides, if need be, {', '.join(KEYS[1:])}."
            )
        self.alias = alias
        self.url: str = options["sqs_queue_url"]
        self.patience: timedelta = duration(
            "OPTIONS['dispatch']['republish_seconds']", options.get("republish_seconds", 300)
        )
        if self.patience < SHORTEST_PATIENCE:
            raise InvalidTask("OPTIONS['dispatch']['republish_seconds'] is too short; write at least 1.")
        self.client = SQSClient(options.get("region") or region_of([self.url]), options.get("endpoint_url"))

    def send(self, rows: Sequence[Row]) -> bool:
        """``False``: some could not be sent."""
        failed = self.client.send([self.letter(self._message(row)) for row in rows])
        if failed:
            why = next(iter(failed.values()))
            logger.warning("%d task(s) are not dispatched, but stored: a run sees to them (%s).", len(failed), why)
        return not failed

    def _message(self, row: Row) -> Message:
        return Message(backend=self.alias, id=str(row.pk), queue_name=row.queue_name, priority=row.priority)

    def letter(self, message: Message) -> Letter:
        letter = Letter(id=message.id, url=self.url, body=encode(message))
        if not self.url.endswith(".fifo"):
            return letter
        # In a group of its own none waits for another, and a second message of a row is none too many.
        return replace(letter, group=message.id, deduplication=str(time_ordered_id()))

    def mailbox(self, deliveries: Sequence[Delivery]) -> Mailbox:
        return Mailbox(self.client, lambda message, url: self.letter(message), alias=self.alias, handed=deliveries)
