"""Tasks that are messages, and nothing else: what is known of a task travels with it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from django.utils import timezone

from ..compat import AnyResult, TaskError, TaskResult, TaskResultStatus
from ..contract.exceptions import UnstorableValue
from ..contract.missed import Fire
from ..contract.progress import Checkpoint
from ..contract.values import to_json
from .base import (
    KILLED,
    Claim,
    Claimant,
    Continued,
    DueTask,
    Duration,
    Failed,
    Interrupted,
    Outcome,
    Recorded,
    RetryLater,
    Store,
    StoreUnavailable,
    Succeeded,
)
from .enqueued import rebuilt_task
from .sqs_mailbox import HOLD, MOST_ASIDE, Delivery, Mailbox, leave_alone
from .sqs_message import Message, check_size, size_beside_checkpoint

if TYPE_CHECKING:
    from .sqs import SQSBackend

logger = logging.getLogger("django_tasks_oneshot")

#: Stands for each error that does not travel any more: by their number it is told whether to try again.
FORGOTTEN = TaskError(exception_class_path="builtins.Exception", traceback="")
#: By a host, after which a task is started no more. Queues should have this as their ``maxReceiveCount``.
MOST_RECEIPTS = 10
SAFE = 5.0  # seconds of a lease that have to be left, to do what takes a moment


@dataclass(eq=False, kw_only=True)
class Held:
    delivery: Delivery
    before: Message  # as it was received
    message: Message  # as it is now
    status: TaskResultStatus = TaskResultStatus.READY
    is_given_back: bool = False  # or about to be

    @cached_property
    def size_beside_checkpoint(self) -> int:
        """Of a message that may be large, and says the same until its attempt ends."""
        return size_beside_checkpoint(self.message)


class SQSStore(Store):
    backend: SQSBackend
    first_lease = HOLD

    def __init__(self, backend: SQSBackend, claimant: Claimant, mailbox: Mailbox) -> None:
        super().__init__(backend, claimant)
        self.mailbox = mailbox
        self.batch: list[Claim] = []  # the latest
        self._lock = threading.Lock()  # between the start of a claim and its giving back
        self._giving_back = threading.Lock()  # as long as the thread of `extend` does

    def claim(
        self, limit: int, *, only: Collection[str] | None = None, leaving: Collection[str] = ()
    ) -> Sequence[Claim]:
        self.mailbox.flush_polled()
        wanted: list[Delivery] = []
        unwanted: list[Delivery] = []
        looked_at = 0
        while not wanted and looked_at < MOST_ASIDE:
            deliveries = self.mailbox.receive(limit, min(HOLD, self.lease()))
            if not deliveries:
                break
            looked_at += len(deliveries)
            tasks = [each for each in deliveries if _may_start(each)]
            wanted = [each for each in tasks if _is_wanted(each.message.path, only, leaving)]
            unwanted += [each for each in tasks if each not in wanted]
        # This run does not see them again.
        self._give_back(unwanted, delay=self.remaining() if self.mailbox.is_polled else 0)
        if not wanted:  # the run may end now
            self.mailbox.flush_polled()
        claims = self._take(wanted)
        return claims if claims or not wanted else self.claim(limit, only=only, leaving=leaving)

    def _take(self, deliveries: Sequence[Delivery]) -> Sequence[Claim]:
        suspects = [each for each in deliveries if _is_suspect(each)]
        if suspects:  # alone: should it kill this process, the receive counts of no others tell of that
            self._give_back(each for each in deliveries if each is not suspects[0])
            deliveries = suspects[:1]
        self.batch = [self._claim_of(each) for each in deliveries]
        while self.batch and not self._begin(self.batch[0]):
            del self.batch[0]  # its lease has ended by now: somebody else has it, or has had it
        return self.batch

    def _claim_of(self, delivery: Delivery) -> Claim:
        message = _with_lost_attempts(delivery)
        held = Held(delivery=delivery, before=message, message=message)
        claim = Claim(
            id=message.id,
            path=message.path,
            token=delivery.receipt,
            load=lambda: self.backend.result_of(held.message, held.status),
            interruptions=message.interruptions,
            rescued=delivery.lost_attempts > 0,
            checkpoint=Checkpoint.from_json(message.checkpoint),
            fire=Fire(message.scheduled_for, message.replaces) if message.scheduled_for else None,
            state=held,
        )
        claim.check_checkpoint = partial(self._check_checkpoint, claim)
        return claim

    def _begin(self, claim: Claim) -> bool:
        held: Held = claim.state
        with self._lock:
            if held.is_given_back or held.delivery.is_settled:
                return False
            if not self._is_ours(held.delivery, HOLD.total_seconds() / 2):  # until its heartbeat renews it
                return False
            now = timezone.now()
            held.message = replace(
                held.message,
                attempts=held.message.attempts + 1,
                workers=[*held.message.workers, self.worker_id],
                started_at=held.message.started_at or now,
                last_attempted_at=now,
            )
            held.status = TaskResultStatus.RUNNING
        return True

    def _is_ours(self, delivery: Delivery, seconds: float = SAFE) -> bool:
        """For so many more. Nobody but our clock tells: SQS takes old receipts of a standard queue, too."""
        return delivery.seconds_left > seconds or self.mailbox.renew(delivery, min(HOLD, self.lease()))

    def record(self, claim: Claim, outcome: Outcome, *, start: Claim | None) -> Recorded:
        kept = self._settle(claim, outcome)
        return Recorded(kept=kept, started=start is not None and self._begin(start))

    def _settle(self, claim: Claim, outcome: Outcome) -> bool:
        delivery: Delivery = claim.state.delivery
        if delivery.is_settled or not self._is_ours(delivery):
            return False
        if isinstance(outcome, Succeeded | Failed):
            self.mailbox.discard(delivery)
            return True
        with suppress(UnstorableValue):  # an attempt that ended in this is tried again from the one before
            self._check_checkpoint(claim)
        failed = self.mailbox.replace([(delivery, _successor(claim, outcome))])
        if failed:
            raise StoreUnavailable(f"SQS, {delivery.url}: {failed[claim.id]}")
        return True

    def checkpoint(self, claim: Claim) -> bool:
        """It is durable when the attempt ends, and lost if its process dies: a message cannot be changed."""
        self._check_checkpoint(claim)
        return self._is_ours(claim.state.delivery)

    def _check_checkpoint(self, claim: Claim) -> None:
        held: Held = claim.state
        now_written = claim.checkpoint.as_json()
        try:
            if now_written is not None:
                check_size(held.message, held.size_beside_checkpoint + len(to_json(now_written)))
        except UnstorableValue:
            vars(claim.checkpoint).update(vars(Checkpoint.from_json(claim.written)))
            raise
        claim.written = now_written

    def release(self, claims: Iterable[Claim]) -> None:
        self._give_back(self._withdraw(claims, even_begun=True))
        self.mailbox.flush_polled()

    def _give_back(self, deliveries: Iterable[Delivery], delay: float = 0) -> None:
        """So that nothing tells of this: neither a receive count nor an interruption."""
        self.mailbox.give_back(deliveries, delay, as_known=_with_lost_attempts)

    def _withdraw(self, claims: Iterable[Claim], *, even_begun: bool) -> list[Delivery]:
        """Has claims begin no more, for they are given back next; not those with which another thread does that.

        No request is made with the lock: who begins a claim, or does not, would wait for its answer.
        """
        with self._lock:
            withdrawn = [each.state for each in claims if not each.state.is_given_back]
            withdrawn = [each for each in withdrawn if even_begun or each.status == TaskResultStatus.READY]
            for each in withdrawn:
                each.is_given_back = True
        return [each.delivery for each in withdrawn]

    def extend(self, claim: Claim) -> bool:
        others = [each for each in self.batch if each is not claim]
        with self._giving_back:  # behind a task that takes this long, none waits until its lease is over
            self._give_back(self._withdraw(others, even_begun=False))
        return self.mailbox.renew(claim.state.delivery, self.lease())

    def flush(self) -> None:
        self.mailbox.flush()

    def close(self) -> None:
        with self._giving_back:  # what another thread is about to give back: this process may end now, or be frozen
            self._give_back(self.mailbox.unopened())

    def due(self, limit: int) -> Sequence[DueTask]:
        return ()

    def count_due(self) -> int:
        return self.mailbox.left()

    def durations(self) -> dict[str, Duration]:
        return {}

    def keep_durations(self, durations: Mapping[str, Duration]) -> None:
        """It has no place for them."""


def _may_start(delivery: Delivery) -> bool:
    message = delivery.message
    if message.is_row:
        why = "it was sent when OPTIONS['results'] was True, and its task is in the database"
        leave_alone(delivery.url, delivery.id, delivery.receives, why)
        return False
    if delivery.is_handed and (received := message.received + delivery.lost_attempts) > MOST_RECEIPTS:
        about = f"Task id={message.id} path={message.path}"
        logger.error("%s is not started: its message was received %d times in vain.", about, received)
        return False
    return True


def _is_wanted(path: str, only: Collection[str] | None, leaving: Collection[str]) -> bool:
    return (only is None or path in only) and path not in leaving


def _is_suspect(delivery: Delivery) -> bool:
    """A process has died under it, or under another that it was received with."""
    return delivery.lost_attempts > 0 or delivery.message.interruptions > 0 or delivery.message.received > 0


def _with_lost_attempts(delivery: Delivery) -> Message:
    """With what its receive count tells: attempts whose process died.

    Where a host or a FIFO queue may have delivered it and nobody was called, it does not tell that for sure: nothing is
    charged then, and what is received too often is left to SQS and its dead-letter queue.
    """
    message, lost = delivery.message, delivery.lost_attempts
    if not lost:
        return message
    now = timezone.now()
    charged = lost if delivery.tells_deaths else 0
    return replace(
        message,
        attempts=message.attempts + lost,
        workers=[*message.workers, *[""] * lost],
        errors=[*message.errors, *[(KILLED.exception_class_path, KILLED.traceback)] * lost],
        interruptions=message.interruptions + charged,
        received=message.received + lost - charged,
        started_at=message.started_at or now,
        last_attempted_at=message.last_attempted_at or now,
    )


def _successor(claim: Claim, outcome: RetryLater | Interrupted | Continued) -> Message:
    """The message of the next attempt."""
    message: Message = claim.state.message
    delay = timedelta(0) if isinstance(outcome, Interrupted) else outcome.delay
    errors = [] if isinstance(outcome, Continued) else [(outcome.error.exception_class_path, outcome.error.traceback)]
    due_at = time.time() + delay.total_seconds() if delay else 0
    before = 0 if claim.has_come_further else claim.interruptions
    return replace(
        message.sent_anew(due_at=due_at),
        run_after=datetime.fromtimestamp(due_at, UTC) if due_at else message.run_after,
        errors=[*message.errors, *errors],
        interruptions=before + 1 if isinstance(outcome, Interrupted) else 0,
        received=0,  # it was begun, and has come to an end
        checkpoint=claim.checkpoint.as_json(),
    )


def result_of(backend: SQSBackend, message: Message, status: TaskResultStatus) -> AnyResult:
    task = rebuilt_task(backend, message.path, message.queue_name, message.priority, message.run_after)
    result: AnyResult = TaskResult(
        task=task,
        id=message.id,
        status=status,
        enqueued_at=message.enqueued_at,
        started_at=message.started_at,
        last_attempted_at=message.last_attempted_at,
        finished_at=None,
        args=list(message.args),
        kwargs=dict(message.kwargs or {}),
        backend=backend.alias,
        errors=[
            *[FORGOTTEN] * message.forgotten,
            *[TaskError(exception_class_path=path, traceback=traceback) for path, traceback in message.errors],
        ],
        # The number of its workers is the number of attempts; of those long ago it is all that is kept.
        worker_ids=[*[""] * (message.attempts - len(message.workers)), *message.workers],
    )
    object.__setattr__(result, "_return_value", None)
    return result
