"""Claims of rows by the messages that were sent of them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from ..compat import TaskResultStatus
from ..db.clock import DatabaseNow
from ..db.trouble import insist
from ..models import StoredTask
from .base import Claim, Claimant, Failed, Interrupted, OneshotBackend, Outcome, Recorded, Succeeded
from .database_dispatch import OverdueStore
from .database_rows import adopt
from .database_store import DatabaseStore, StoredTasks, lane_of_row
from .sqs_mailbox import HOLD, MOST_ASIDE, Delivery, Mailbox

if TYPE_CHECKING:
    from .dispatch import Dispatch
    from .sqs import SQSBackend


class DeliveredStore(DatabaseStore):
    """What a message is good for, only its row tells: late, duplicate and reordered ones change nothing."""

    def __init__(self, backend: OneshotBackend, claimant: Claimant, mailbox: Mailbox) -> None:
        super().__init__(backend, claimant)
        self.mailbox = mailbox
        self.deliveries: dict[str, Delivery] = {}  # of what is claimed, by its id

    def claim(
        self, limit: int, *, only: Collection[str] | None = None, leaving: Collection[str] = ()
    ) -> Sequence[Claim]:
        self.mailbox.flush_polled()
        forgone: list[Delivery] = []
        while len(forgone) < MOST_ASIDE and (deliveries := self.mailbox.receive(limit, self._hold())):
            by_id = {each.message.id: each for each in deliveries}
            rows = self.rows.filter(pk__in=by_id, backend_name=self.backend.alias)
            wanted = rows if only is None else rows.filter(task_path__in=only)
            wanted = wanted.exclude(task_path__in=leaving) if leaving else wanted
            claims = insist(self.alias, partial(self._claim_these, wanted), remaining=self.remaining)
            claimed = {claim.id: by_id[claim.id] for claim in claims}
            self.deliveries |= claimed
            forgone += [each for each in deliveries if claimed.get(each.message.id) is not each]
            if claims:
                break
        else:
            claims = []
        if forgone:
            self._forgo(forgone)
        if not claims:  # the run may end now
            self.mailbox.flush_polled()
        return claims

    def _hold(self) -> timedelta:
        return min(HOLD, self.lease())

    def _claim_these(self, rows: StoredTasks) -> Sequence[Claim]:
        claimable = Q(due_at__lte=DatabaseNow()) | Q(lane__endswith="/dispatched")
        with transaction.atomic(using=self.alias):
            return self._take(list(self._lock(rows.filter(claimable)).order_by("-priority", "due_at", "pk")))

    def _forgo(self, deliveries: Sequence[Delivery]) -> None:
        """Of what could not be claimed: finished, claimed by others, due later, or not to be started now."""
        ids = [each.message.id for each in deliveries]
        rows = self.rows.filter(pk__in=ids).only("due_at", "lane").annotate(now=DatabaseNow())
        by_id = {str(row.pk): row for row in insist(self.alias, lambda: list(rows))}
        for each in deliveries:
            row = by_id.get(each.message.id)
            if row is None:
                self._miss(each)
            elif row.due_at is None:  # finished
                self.mailbox.discard(each)
            else:
                self._put_off(each, row)

    @abstractmethod
    def _put_off(self, delivery: Delivery, row: StoredTask) -> None:
        """Its task is not finished, and not for this run now."""

    @abstractmethod
    def _miss(self, delivery: Delivery) -> None:
        """It has no row."""

    @abstractmethod
    def _go_on(self, delivery: Delivery, claim: Claim, delay: timedelta) -> None:
        """Its task is to be claimed once more, after ``delay``."""

    def record(self, claim: Claim, outcome: Outcome, *, start: Claim | None) -> Recorded:
        recorded = super().record(claim, outcome, start=start)
        delivery = self.deliveries.pop(claim.id, None)
        if delivery is None or not recorded.kept:
            return recorded
        if isinstance(outcome, Succeeded | Failed):
            self.mailbox.discard(delivery)
        else:
            self._go_on(delivery, claim, timedelta(0) if isinstance(outcome, Interrupted) else outcome.delay)
        return recorded

    def release(self, claims: Iterable[Claim]) -> None:
        claims = list(claims)
        super().release(claims)
        self.mailbox.give_back(self.deliveries.pop(claim.id) for claim in claims)
        self.mailbox.flush_polled()

    def flush(self) -> None:
        self.mailbox.flush()

    def close(self) -> None:
        self.mailbox.give_back(self.mailbox.unopened())


class ResultsStore(DeliveredStore):
    """Of an SQSBackend that keeps results: hardly anybody looks for due rows, so that no message of an unfinished task
    is dropped."""

    first_lease = HOLD

    def __init__(self, backend: SQSBackend, claimant: Claimant, mailbox: Mailbox) -> None:
        super().__init__(backend, claimant, mailbox)
        self.overdue = OverdueStore(backend, claimant, by=backend)
        self.has_looked = False

    def dispatch(self) -> int:
        """Once a run, for what is due for long: a process may have died between its commit and the sending."""
        if self.has_looked or not self.mailbox.is_polled:
            return 0
        self.has_looked = True
        return self.overdue.dispatch()

    def _put_off(self, delivery: Delivery, row: StoredTask) -> None:
        remaining = self.remaining() if self.mailbox.is_polled else 0  # this run does not see it again
        until_due = (row.due_at - row.now).total_seconds()  # type: ignore[attr-defined]
        self.mailbox.give_back([delivery], max(0, until_due, remaining if remaining < math.inf else 0))

    def _miss(self, delivery: Delivery) -> None:
        """It may have been sent before its transaction was committed. If it comes too often, SQS takes it away.

        Or it is a task that was sent before OPTIONS asked for results: it gets its row now.
        """
        if not delivery.message.is_row:
            insist(self.alias, partial(adopt, delivery.message))
            self.mailbox.give_back([delivery])

    def _go_on(self, delivery: Delivery, claim: Claim, delay: timedelta) -> None:
        self.mailbox.give_back([delivery], delay.total_seconds())

    def extend(self, claim: Claim) -> bool:
        is_ours = super().extend(claim)
        if is_ours and (delivery := self.deliveries.get(claim.id)):  # else it was recorded meanwhile
            self.mailbox.renew(delivery, self.lease())  # who receives its message all the same finds it claimed
        return is_ours


class DispatchedStore(DeliveredStore):
    """Of a DatabaseBackend with dispatch: ticks find what is due, and send another message of it."""

    def __init__(self, backend: OneshotBackend, claimant: Claimant, mailbox: Mailbox, by: Dispatch) -> None:
        super().__init__(backend, claimant, mailbox)
        self.by = by

    def _put_off(self, delivery: Delivery, row: StoredTask) -> None:
        if row.is_dispatched:  # this call has no time left for it, another one has
            self.mailbox.give_back([delivery])
        else:
            self.mailbox.discard(delivery)

    def _miss(self, delivery: Delivery) -> None:
        self.mailbox.discard(delivery)

    def _go_on(self, delivery: Delivery, claim: Claim, delay: timedelta) -> None:
        self.mailbox.discard(delivery)
        if delay:
            return
        row: StoredTask = claim.state.row
        lane = lane_of_row(row, "dispatched")
        ready = self.rows.filter(pk=row.pk, status=TaskResultStatus.READY, token=None)
        if insist(self.alias, lambda: ready.update(lane=lane, due_at=DatabaseNow(self.by.patience))):
            self.by.send([row])

    def count_due(self) -> int:
        return self.mailbox.left()
