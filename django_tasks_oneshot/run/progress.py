from __future__ import annotations

from ..backends.base import Claim, Store
from ..contract.exceptions import TaskInterrupted
from ..contract.progress import Progress
from ..db.connections import RunConnections
from .deadline import Deadline
from .interrupt import Interrupter


class ClaimProgress(Progress):
    """How far the task of a claim has come, kept in its store; how much longer it may go on, by the run's deadline."""

    def __init__(
        self, claim: Claim, store: Store, connections: RunConnections, deadline: Deadline, interrupter: Interrupter
    ) -> None:
        super().__init__(claim.checkpoint)
        self.claim = claim
        self.store = store
        self.connections = connections
        self.deadline = deadline
        self.interrupter = interrupter
        self.clock = deadline.clock
        self.step_seconds: float | None = None  # what the task asked for when it was told to stop

    @property
    def remaining_seconds(self) -> float:
        return max(0.0, min(self.deadline.remaining, self.deadline.until_cut_off))

    def should_stop(self, needed_seconds: float = 0) -> bool:
        left = self.deadline.until_cut_off
        if self.deadline.remaining > 0 and left > 0 and left >= needed_seconds:
            return False
        self.step_seconds = needed_seconds
        return True

    def check_item(self) -> None:
        if self.interrupter.timeout is not None:  # that was swallowed: the item was cut off and is not done
            raise self.interrupter.timeout
        self.check()

    def save(self) -> None:
        self.check()
        # An exception in the middle of this would leave the run without its connection.
        with self.interrupter.held_off(), self.connections.for_run():
            is_kept = self.store.checkpoint(self.claim)
        if not is_kept:
            raise TaskInterrupted("lease")
