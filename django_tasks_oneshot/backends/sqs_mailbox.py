"""The messages of one run: those that it receives, or those that a host has received for it."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from .base import StoreUnavailable
from .sqs_client import LARGEST_BATCH, LONGEST_DELAY, LONGEST_VISIBILITY, Letter, SQSClient
from .sqs_message import Message, UnreadableMessage, decode

logger = logging.getLogger("django_tasks_oneshot")

HOLD = timedelta(seconds=30)  # the lease of what is received, until it is renewed
MOST_ASIDE = 100  # messages that may not start now, and are put aside to look behind them
LONGEST_UNDELETED = 1.0  # seconds that the message of a finished task waits for others, to be deleted with them


@dataclass(eq=False, kw_only=True)
class Delivery:
    """A message that was received. Until its lease ends nobody else receives it."""

    message: Message
    id: str  # SQS's own
    url: str
    receipt: str
    receives: int  # with this one
    first_received_at: float  # by the clock of SQS, in seconds since 1970
    lease_ends: float = math.inf  # by time.monotonic(); a host's is longer than its call
    is_handed: bool = False  # by a host: it may have received it before, and called nobody
    is_settled: bool = False  # deleted, or about to be

    @property
    def seconds_left(self) -> float:
        return self.lease_ends - time.monotonic()

    @property
    def is_fifo(self) -> bool:
        return self.url.endswith(".fifo")

    @property
    def now(self) -> float:
        """Seconds since 1970, by the clock of SQS where it says what that shows."""
        return self.first_received_at if self.receives == 1 else max(self.first_received_at, time.time())

    @property
    def until_due(self) -> float:
        """Seconds; below 0 for what is overdue."""
        return self.message.due_at - self.now

    @property
    def lost_attempts(self) -> int:
        """How often it was received and neither deleted nor sent anew: mostly, a run has died of it, or with it."""
        has_waited = self.is_fifo and self.first_received_at < self.message.due_at
        return self.receives - 1 - has_waited

    @property
    def tells_deaths(self) -> bool:
        """Whether all of its receipts were by runs of ours, which do not give it back as it is."""
        return not (self.is_handed or self.is_fifo)


def read(url: str, message_id: str, receipt: str, body: str, attributes: Mapping[str, str]) -> Delivery | None:
    """``None`` for what no task can be made of. That is left as it is: SQS moves it to the dead-letter queue."""
    receives = int(attributes["ApproximateReceiveCount"])
    try:
        return Delivery(
            message=decode(body),
            id=message_id,
            url=url,
            receipt=receipt,
            receives=receives,
            first_received_at=int(attributes["ApproximateFirstReceiveTimestamp"]) / 1000,
        )
    except UnreadableMessage as error:
        leave_alone(url, message_id, receives, str(error))
        return None


def leave_alone(url: str, message_id: str, receives: int, why: str) -> None:
    """Says so once, however often it is received."""
    level = logging.ERROR if receives == 1 else logging.DEBUG
    logger.log(level, "Message %s of %s is left alone: %s.", message_id, url, why)


def _message(delivery: Delivery) -> Message:
    return delivery.message


class Mailbox:
    """``urls``: of the queues of each priority, the highest first. With ``handed``, these are all that there is.

    ``write`` makes the letter of a message, for the queue of this URL.
    """

    def __init__(
        self,
        client: SQSClient,
        write: Callable[[Message, str], Letter],
        *,
        alias: str,
        urls: Sequence[Sequence[str]] = (),
        wait: int = 0,
        handed: Sequence[Delivery] | None = None,
        remaining: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self.client = client
        self.write = write
        self.alias = alias
        self.by_priority = urls
        self.wait = wait
        self.remaining = remaining
        self.is_polled = handed is None
        self._handed = deque(handed or ())
        self._left_alone: set[str] = set()
        self._undeleted: list[Delivery] = []
        self._oldest_undeleted = 0.0
        self._lock = threading.Lock()

    def receive(self, limit: int, lease: timedelta) -> list[Delivery]:
        """What is due: at most ten, and none if there are none, or no time.

        The others are sent anew, for SQS delays a message for 15 minutes at most.
        """
        while self.remaining() > 0 and (deliveries := self._receive(min(limit, LARGEST_BATCH), lease)):
            early = [each for each in deliveries if each.until_due > 0]
            self._put_off(early)
            if due := [each for each in deliveries if each not in early]:
                return due
        return []

    def unopened(self) -> list[Delivery]:
        """What was handed over, and not received."""
        unopened = list(self._handed)
        self._handed.clear()
        return unopened

    def _put_off(self, early: Sequence[Delivery]) -> None:
        for each in early:
            if each.is_fifo:  # SQS delays no single message of such a queue; those behind it in its group wait with it
                self._hold_group(each, each.until_due)
        hops = [(each, each.message.sent_anew(due_at=each.message.due_at)) for each in early if not each.is_fifo]
        self.replace(hops, are_early=True)  # what could not be sent comes again

    def _hold_group(self, delivery: Delivery, seconds: float) -> None:
        self.renew(delivery, timedelta(seconds=seconds))
        self._handed = deque(other for other in self._handed if other.message.group != delivery.message.group)

    def _receive(self, limit: int, lease: timedelta) -> list[Delivery]:
        if not self.is_polled:
            limit = 1 if self._handed and self._handed[0].is_fifo else limit
            return [self._handed.popleft() for _ in range(min(limit, len(self._handed)))]
        urls = self._shuffled_urls()
        looks = [0, self.wait] if len(urls) > 1 else [self.wait]  # a look at each, before there is time to wait
        for wait in looks:
            for url in urls:
                if self.remaining() > 0 and (found := self._receive_from(url, limit, lease, wait)):
                    return found
        return []

    def _shuffled_urls(self) -> list[str]:
        """Of one priority each time in another order: a queue that is never empty keeps nobody from the next one."""
        return [url for urls in self.by_priority for url in random.sample(urls, len(urls))]

    def _receive_from(self, url: str, limit: int, lease: timedelta, wait: int) -> list[Delivery]:
        # One by one, what comes after a message of its group is not received with it, and keeps its receive count.
        limit = 1 if url.endswith(".fifo") else limit
        for _ in range(MOST_ASIDE):
            wait = int(min(wait, self.remaining()))
            lease_ends = time.monotonic() + lease.total_seconds()
            received = self.client.receive(url, limit, wait=wait, visibility=math.ceil(lease.total_seconds()))
            found = [
                delivery
                for each in received
                if (delivery := read(url, each["MessageId"], each["ReceiptHandle"], each["Body"], each["Attributes"]))
                and self._is_for_us(delivery)
            ]
            for delivery in found:
                delivery.lease_ends = lease_ends
            before = len(self._left_alone)
            self._left_alone |= {each["MessageId"] for each in received} - {delivery.id for delivery in found}
            is_new = len(self._left_alone) > before
            if found or not is_new or self.remaining() <= 0:  # behind some that nobody can read there may be others
                return found
        return []

    def _is_for_us(self, delivery: Delivery) -> bool:
        if delivery.message.backend == self.alias:
            return True
        why = f"it is of the backend {delivery.message.backend!r}, and no two may have one queue"
        leave_alone(delivery.url, delivery.id, delivery.receives, why)
        return False

    def left(self) -> int:
        """How many are due and not received; about."""
        return sum(map(self.client.count, self._shuffled_urls())) if self.is_polled else len(self._handed)

    def renew(self, delivery: Delivery, lease: timedelta) -> bool:
        """``False``: the lease was lost."""
        seconds = min(lease.total_seconds(), LONGEST_VISIBILITY)
        lease_ends = time.monotonic() + seconds
        if delivery.seconds_left <= 0 or self.client.show_after(delivery.url, [delivery.receipt], math.ceil(seconds)):
            return False
        if delivery.seconds_left <= 0:  # it took that long to be heard: others may have received it meanwhile
            return False
        delivery.lease_ends = lease_ends
        return True

    def replace(self, successors: Sequence[tuple[Delivery, Message]], *, are_early: bool = False) -> dict[str, str]:
        """Sends each message, and then deletes its predecessor: a crash in between makes two of one.

        ``are_early``: by the clock of SQS, which then tells how long they wait; ours may be ahead. Returns why those
        that could not be sent were not, by their ids.
        """
        if not successors:
            return {}
        letters = [self.write(message, delivery.url) for delivery, message in successors]
        if are_early:
            waits = [min(LONGEST_DELAY, max(1, math.ceil(delivery.until_due))) for delivery, _ in successors]
            letters = [replace(letter, delay=wait) for letter, wait in zip(letters, waits, strict=True)]
        failed = self.client.send(letters)
        for delivery, message in successors:
            if message.id not in failed:
                self._note_settled(delivery)
        self._flush_safely()
        return failed

    def discard(self, delivery: Delivery) -> None:
        """Deletes it, soon."""
        self._note_settled(delivery)
        is_time = time.monotonic() > self._oldest_undeleted + LONGEST_UNDELETED
        is_full = len(self._undeleted) >= LARGEST_BATCH
        if is_time or (is_full and self.is_polled):  # a host deletes what is settled when its call ends
            self._flush_safely()

    def _note_settled(self, delivery: Delivery) -> None:
        delivery.is_settled = True
        with self._lock:
            if not self._undeleted:
                self._oldest_undeleted = time.monotonic()
            self._undeleted.append(delivery)

    def _flush_safely(self) -> None:
        try:
            self.flush()
        except StoreUnavailable as error:
            logger.warning("Finished tasks are still in their queue, which is tried again soon (%s).", error)

    def flush_polled(self) -> None:
        """`flush`, where no host deletes what is settled when its call ends."""
        if self.is_polled:
            self.flush()

    def flush(self) -> None:
        """Deletes what is to be deleted."""
        with self._lock:
            undeleted, self._undeleted = self._undeleted, []
        while undeleted:
            url = undeleted[0].url
            by_receipt = {each.receipt: each for each in undeleted if each.url == url}
            try:
                failed = self.client.delete(url, list(by_receipt))
            except StoreUnavailable:
                with self._lock:
                    self._undeleted += undeleted
                raise
            undeleted = [each for each in undeleted if each.url != url]
            for receipt, reason in failed.items():
                logger.warning(
                    "Task id=%s path=%s has ended, and its message could not be deleted (%s). It may run again.",
                    by_receipt[receipt].message.id,
                    by_receipt[receipt].message.path,
                    reason,
                )

    def give_back(
        self, deliveries: Iterable[Delivery], delay: float = 0, *, as_known: Callable[[Delivery], Message] = _message
    ) -> None:
        """Sends what was not started, or is to be started once more, as a message that nobody has received yet.

        Due in ``delay`` seconds; infinitely many are none. ``as_known`` tells what is known of a task by now. Not in a
        queue that keeps an order: its place would be lost.
        """
        delay = delay if 0 < delay < math.inf else 0
        due_at = time.time() + delay if delay else 0
        ours = [each for each in deliveries if each.seconds_left > 0 and not each.is_settled]
        in_order = [each for each in ours if each.is_fifo]
        failed = self.replace([(each, as_known(each).sent_anew(due_at=due_at)) for each in ours if not each.is_fifo])
        at_once = [each for each in ours if each.message.id in failed]
        if delay:
            for each in in_order:
                self._hold_group(each, delay)
        else:
            at_once += in_order
        self.show_again(at_once)

    def show_again(self, deliveries: Iterable[Delivery]) -> None:
        """Gives them back as they are: the next one who receives them finds a higher receive count."""
        for url, those in groupby(sorted(deliveries, key=_url), key=_url):
            try:
                self.client.show_after(url, [each.receipt for each in those if each.seconds_left > 0], 0)
            except StoreUnavailable as error:
                logger.warning("Tasks are free only when their lease ends (%s).", error)


def _url(delivery: Delivery) -> str:
    return delivery.url
