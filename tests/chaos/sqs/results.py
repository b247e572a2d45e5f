"""Which tasks have not ended yet, where no backend can be asked: by the ledger, and by what is left in the queues."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..ledger import Event
from ..results import Results

COUNT_SECONDS = 3.0  # to count messages takes moto a while


class MessageResults(Results):
    """``count`` tells how many messages there are, other than dead letters."""

    def __init__(self, count: Callable[[], int]) -> None:
        super().__init__()
        self.count = count

    def note(self, event: Event) -> None:
        super().note(event)
        if event.what == "end" and event.outcome == "returned":
            self._close({event.task})

    def ask(self, ids: Callable[[], Iterable[str]]) -> None:
        """Where there are no messages, no run can bring a task to its end."""
        if self.open and time.monotonic() >= self.next_question:
            if not self.count():
                self.open.clear()
            self.next_question = time.monotonic() + COUNT_SECONDS

    def all_closed(self) -> bool:
        return not self.count()
