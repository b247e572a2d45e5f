"""How far a task has come, over all of its attempts."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from django.db import connections
from django.db.transaction import TransactionManagementError

from .exceptions import ContinueLater, UnstorableValue
from .values import json_value, to_json

OTHER_LOOPS = (
    "They are told apart by their order, and were others in an attempt before: put none into an 'if'. If a release has "
    "changed the task, enqueue it anew."
)
ROOM = 100_000  # characters, beside the value, for how far the loops are


@dataclass(kw_only=True)
class Checkpoint:
    """What the next attempt goes on from. All of it is JSON."""

    value: Any = None  # the task's own
    loops: int = 0  # of resume(), that are over
    mark: int = 0  # by which they are told from others: a checksum of what they went over
    over: str = ""  # what the loop after these goes over
    cursor: Any = None  # the last item of it that was done

    @classmethod
    def from_json(cls, kept: dict[str, Any] | None) -> Checkpoint:
        kept = kept or {}
        return cls(**{each.name: kept[each.name] for each in fields(cls) if each.name in kept})

    def as_json(self) -> dict[str, Any] | None:
        """``None`` for one at which nothing was done."""
        return None if self == _START else dict(vars(self))

    def keep(self, value: Any) -> None:
        """Raises ``UnstorableValue`` for what has no JSON form."""
        try:
            value = json_value(value)
            to_json([value, " " * ROOM])
        except UnstorableValue as error:
            raise UnstorableValue(f"checkpoint: {error}") from error
        self.value = value

    def take_over(self, later: ContinueLater) -> None:
        if later.has_value:
            self.keep(later.value)


_START = Checkpoint()


class Progress:
    """How far a task has come, and how much longer it may go on.

    This one is for backends that cannot continue a task: what it keeps is in memory, and there is time without end.
    A run has its own. Made in the thread of the task, when that begins.
    """

    clock: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.loops = self.mark = 0  # the same of the loops that this attempt has begun
        self.is_in_loop = False
        self._thread = threading.get_ident()
        self._depths = {each.alias: len(each.atomic_blocks) for each in connections.all(initialized_only=True)}

    @property
    def remaining_seconds(self) -> float:
        return math.inf

    def should_stop(self, needed_seconds: float = 0) -> bool:
        return False

    def check(self) -> None:
        """Raises where what is to be kept now could be undone later, or is none of this thread's affair."""
        if threading.get_ident() != self._thread:
            raise RuntimeError(
                "A checkpoint in another thread than that of its task. In an async task, write 'async for item in "
                "context.aresume(items)' and 'await context.acheckpoint(value)'; from a thread of your own, hand over "
                "to the task's."
            )
        if aliases := [each.alias for each in connections.all(initialized_only=True) if self._is_in_transaction(each)]:
            raise TransactionManagementError(
                f"A checkpoint inside of a transaction on {', '.join(map(repr, aliases))}, where what is done could "
                "still be rolled back. Put atomic() around the work on one item, the checkpoint after it."
            )

    def _is_in_transaction(self, connection: Any) -> bool:
        """Whether the task has begun one. A TestCase has before."""
        if connection.in_atomic_block:
            return len(connection.atomic_blocks) > self._depths.get(connection.alias, 0)
        return connection.connection is not None and not connection.autocommit

    def check_item(self) -> None:
        """`check`, when an item is to count as done."""
        self.check()

    def check_end(self) -> None:
        """Raises where the task ends, and its loops were not those of the attempts before."""
        before = self.checkpoint
        is_left_out = before.cursor is not None and self.loops <= before.loops
        if is_left_out or self.loops < before.loops or (self.loops == before.loops and self.mark != before.mark):
            raise ValueError(f"resume(): the task has ended without all of its loops. {OTHER_LOOPS}")

    def save(self) -> None:
        """Makes the checkpoint durable, where there is a place for it."""
