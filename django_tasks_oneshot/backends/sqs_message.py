"""Tasks as messages: versioned JSON, signed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from django.core.signing import BadSignature, Signer

from ..contract.exceptions import UnstorableValue
from ..contract.retry import INTERRUPTED
from ..contract.values import to_json

VERSION = 1
#: Bytes: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
LARGEST_MESSAGE = 1024 * 1024
ROOM = 2 * 1024  # of these, for what attempts add to a message: one that cannot grow could not be tried again
#: What of a task's past travels with it. Each request of SQS is charged by 64 KiB.
LONGEST_HISTORY = 32 * 1024  # characters of errors
LONGEST_TRACEBACK = 4 * 1024
MOST_WORKERS = 10

_SIGNER = "django_tasks_oneshot.sqs"
_TIMES = ("enqueued_at", "run_after", "started_at", "last_attempted_at", "scheduled_for")
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("backend", "id", "queue_name", "path"), str),
    **dict.fromkeys(("priority", "sent", "attempts", "forgotten", "interruptions", "received", "replaces"), int),
    **dict.fromkeys(("args", "workers", "errors"), list | tuple),
    **dict.fromkeys(("kwargs", "checkpoint"), dict | None),
    "due_at": int | float,
    "group": str | None,
}


class UnreadableMessage(Exception):
    """A message that no task can be made of: it is forged, malformed, or of another version."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A task that is on its way. One without a ``path`` is a row of a database, and this says only which."""

    backend: str
    id: str
    queue_name: str
    priority: int = 0
    path: str = ""
    args: Sequence[Any] = ()
    kwargs: dict[str, Any] | None = None
    enqueued_at: datetime | None = None
    run_after: datetime | None = None
    due_at: float = 0  # seconds since 1970: SQS delays a message for 15 minutes at most
    group: str | None = None
    sent: int = 1  # how often, as hops and retries; with the id, it tells each from all others
    attempts: int = 0  # that have begun
    workers: Sequence[str] = ()  # of the latest of them
    errors: Sequence[Sequence[str]] = ()  # exception and traceback of the latest that ended in one
    forgotten: int = 0  # attempts that failed before these
    started_at: datetime | None = None
    last_attempted_at: datetime | None = None
    interruptions: int = 0  # in a row
    received: int = 0  # by functions, in vain, before it was sent
    checkpoint: dict[str, Any] | None = None
    scheduled_for: datetime | None = None
    replaces: int = 0

    @property
    def is_row(self) -> bool:
        return not self.path

    def sent_anew(self, *, due_at: float = 0) -> Message:
        return replace(self, sent=self.sent + 1, due_at=due_at)


_DEFAULTS = {each.name: each.default for each in fields(Message)}


def encode(message: Message) -> str:
    """The body of its message: ASCII. Raises ``UnstorableValue`` where it is too large, with no history at all."""
    body = _signed(_shortened(message, LONGEST_HISTORY))
    if len(body) > _largest(message):
        body = _signed(_shortened(message, 0))
    check_size(message, len(body))
    return body


def size_beside_checkpoint(message: Message) -> int:
    """Of its body, with no history at all."""
    return len(_signed(_shortened(replace(message, checkpoint={}), 0))) - len("{}")


def check_size(message: Message, size: int) -> None:
    """Raises ``UnstorableValue`` where a body of this size is too large."""
    if size > _largest(message):
        raise UnstorableValue(
            f"{message.path or message.id}: its message is {size:,} bytes, and may be {_largest(message):,}, for SQS "
            f"takes {LARGEST_MESSAGE:,} at most; store what it works on elsewhere, and pass its key."
        )


def _largest(message: Message) -> int:
    return LARGEST_MESSAGE if message.sent > 1 else LARGEST_MESSAGE - ROOM


def decode(body: str) -> Message:
    """Raises ``UnreadableMessage``."""
    try:
        text = Signer(salt=_SIGNER).unsign(body)
    except (BadSignature, UnicodeError) as error:
        raise UnreadableMessage("it is not signed with this project's SECRET_KEY") from error
    try:
        values = json.loads(text)
        if values.pop("v") != VERSION:
            raise ValueError("v")
        times = {name: datetime.fromisoformat(values[name]) for name in _TIMES if name in values}
        message = Message(**{**values, **times})
        if unfit := _unfit(message):
            raise ValueError(", ".join(unfit))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:  # a later release may know more
        raise UnreadableMessage(f"it is of another version of this package ({error})") from error
    return message


def _unfit(message: Message) -> list[str]:
    """The fields that hold what nobody writes there."""
    unfit = [name for name, kind in _TYPES.items() if not isinstance(getattr(message, name), kind)]
    if not unfit:
        fits = {
            "due_at": math.isfinite(message.due_at),
            "attempts": message.attempts >= 0,
            "workers": all(isinstance(each, str) for each in message.workers),
            "errors": all(isinstance(path, str) and isinstance(text, str) for path, text in message.errors),
        }
        unfit = [name for name, is_fit in fits.items() if not is_fit]
    return unfit


def _signed(message: Message) -> str:
    values = {name: value for name, value in vars(message).items() if value != _DEFAULTS[name]}
    times = {name: values[name].isoformat() for name in _TIMES if name in values}
    return Signer(salt=_SIGNER).sign(to_json({"v": VERSION, **values, **times}))


def _shortened(message: Message, room: int) -> Message:
    """The newest errors that fit into so many characters, each with the end of its traceback."""
    kept: list[tuple[str, str]] = []
    for path, traceback in reversed(message.errors):
        kept.insert(0, (path, traceback[-LONGEST_TRACEBACK:]))
        if len(json.dumps(kept)) > room:
            del kept[0]
            break
    forgotten = message.errors[: len(message.errors) - len(kept)]
    failures = sum(path != INTERRUPTED for path, _ in forgotten)
    return replace(
        message,
        errors=tuple(kept),
        forgotten=message.forgotten + failures,
        workers=message.workers[-MOST_WORKERS:],
    )
