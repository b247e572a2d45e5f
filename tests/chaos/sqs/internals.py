"""What the harness knows about the inside of the SQS backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django_tasks_oneshot.backends.sqs_client import Letter, SQSClient
from django_tasks_oneshot.backends.sqs_mailbox import Delivery, Mailbox

from .. import ledger
from ..internals import wrap
from ..points import reach

SHORT = 16  # characters of a receipt, which are random


def install() -> None:
    """Lets this process write down which messages it has, and puts in the points around its requests."""
    wrap(Mailbox, "_receive", _receive)
    wrap(SQSClient, "send", _send)
    wrap(SQSClient, "delete", _delete)


def _receive(original: Callable[..., list[Delivery]], *args: Any, **kwargs: Any) -> list[Delivery]:
    ledger.write("receiving")
    deliveries = original(*args, **kwargs)
    tasks, receipts = [each.message.id for each in deliveries], [each.receipt[:SHORT] for each in deliveries]
    ledger.write("received", tasks=tasks, receipts=receipts)
    return deliveries


def _send(original: Callable[..., dict[str, str]], client: SQSClient, letters: Sequence[Letter]) -> dict[str, str]:
    if not letters:
        return original(client, letters)
    reach("before-send")
    ledger.write("sending", tasks=[each.id for each in letters])
    failed = original(client, letters)
    reach("after-send")
    return failed


def _delete(
    original: Callable[..., dict[str, str]], client: SQSClient, url: str, receipts: Sequence[str]
) -> dict[str, str]:
    reach("before-delete")
    failed = original(client, url, receipts)
    ledger.write("deleted", receipts=[each[:SHORT] for each in receipts if each not in failed])
    return failed
