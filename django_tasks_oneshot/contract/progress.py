"""How far a task has come, over all of its attempts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

from .exceptions import ContinueLater, UnstorableValue
from .values import json_value


@dataclass(kw_only=True)
class Checkpoint:
    """What the next attempt goes on from. All of it is JSON."""

    value: Any = None  # the task's own
    loop: int = 0  # how many loops of resume() are over
    cursor: Any = None  # the last item that was done in the loop after these

    @classmethod
    def from_json(cls, kept: dict[str, Any] | None) -> Checkpoint:
        kept = kept or {}
        return cls(**{each.name: kept[each.name] for each in fields(cls) if each.name in kept})

    def as_json(self) -> dict[str, Any] | None:
        """``None`` for one at which nothing was done."""
        return None if self == _START else asdict(self)

    def keep(self, value: Any) -> None:
        """Raises ``UnstorableValue`` for what has no JSON form."""
        try:
            self.value = json_value(value)
        except UnstorableValue as error:
            raise UnstorableValue(f"checkpoint: {error}") from error

    def take_over(self, later: ContinueLater) -> None:
        if later.has_value:
            self.keep(later.value)


_START = Checkpoint()


class Progress:
    """How far a task has come, and how much longer it may go on.

    This one is for backends that cannot continue a task: what it keeps is in memory, and there is time without end.
    A run has its own.
    """

    clock: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.loops = 0  # how many loops of resume() this attempt has begun
        self.is_in_loop = False

    @property
    def remaining_seconds(self) -> float:
        return math.inf

    def should_stop(self, needed_seconds: float = 0) -> bool:
        return False

    def save(self) -> None:
        """Makes the checkpoint durable, where there is a place for it."""
