"""Runs that hand due rows on: a message of each is sent, and others execute it at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from ..db.clock import DatabaseNow
from ..db.trouble import insist
from ..models import StoredTask
from .base import Claimant, OneshotBackend
from .database_lanes import Lane
from .database_store import DatabaseStore, StoredTasks, due_in, lane_of_row

if TYPE_CHECKING:
    from .dispatch import Sender

AT_A_TIME = 100  # rows
#: Between two messages of the same row, at most.
LONGEST_PATIENCE = timedelta(hours=1)


class DispatchingStore(DatabaseStore):
    """What it cannot hand on, its run executes."""

    def __init__(self, backend: OneshotBackend, claimant: Claimant, by: Sender) -> None:
        super().__init__(backend, claimant)
        self.by = by
        self.is_cut_off = False  # from the queue: not tried again in this run

    def dispatch(self) -> int:
        """Sends messages of what is due: the first, or another where one may be lost."""
        count = 0
        for lane in insist(self.alias, self._due_lanes, remaining=self.remaining):
            while not self.is_cut_off and self.remaining() > 0:
                rows = insist(self.alias, partial(self._mark, lane), remaining=self.remaining)
                if not rows:
                    break
                count += self._send(lane, rows)
        return count

    def _mark(self, lane: Lane) -> list[StoredTask]:
        """Before they are sent, so that who looks at the same moment does not send them as well."""
        with transaction.atomic(using=self.alias):
            rows = list(self._lock(self._due_in(lane))[:AT_A_TIME])
            if rows:
                self.rows.filter(pk__in=[row.pk for row in rows]).update(
                    lane=lane_of_row(rows[0], "dispatched"), due_at=DatabaseNow(self._patience(lane, rows))
                )
        return rows

    def _due_in(self, lane: Lane) -> StoredTasks:
        return due_in(lane, self.rows)

    def _patience(self, lane: Lane, rows: Sequence[StoredTask]) -> timedelta:
        """About twice as long each time: of a task that waits in a long queue, few messages are sent."""
        if lane.state != "dispatched":
            return self.by.patience
        age = timezone.now() - max(row.enqueued_at for row in rows)
        return max(self.by.patience, min(LONGEST_PATIENCE, age))

    def _send(self, lane: Lane, rows: Sequence[StoredTask]) -> int:
        if self.by.send(rows):
            return len(rows)
        self.is_cut_off = True
        sent = self.rows.filter(pk__in=[row.pk for row in rows], lane=lane_of_row(rows[0], "dispatched"))
        insist(self.alias, lambda: sent.update(lane=lane.name, due_at=DatabaseNow()))  # due for this run
        return 0


class OverdueStore(DispatchingStore):
    """Sends other messages of rows that are due for long: of these, a process that died may have sent none."""

    def _due_in(self, lane: Lane) -> StoredTasks:
        rows = super()._due_in(lane)
        return rows if lane.state == "dispatched" else rows.filter(due_at__lte=DatabaseNow(-self.by.patience))
