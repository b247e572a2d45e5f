"""The events of a session of messages, put together to what the verdict asks about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..history import Session, Stop, session_of
from ..ledger import Event

LONGEST_POLL = 5.0  # seconds, of the one that runs ask for and of a busy machine


@dataclass(kw_only=True)
class Receipt:
    """A run received a message."""

    run: str
    at: float
    deleted_at: float | None = None

    def is_open(self, at: float) -> bool:
        return self.at <= at and (self.deleted_at is None or self.deleted_at > at)


@dataclass(kw_only=True)
class History:
    session: Session
    receipts: dict[str, list[Receipt]] = field(default_factory=lambda: defaultdict(list))  # by task
    sent: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))  # by run and task
    first_sent: dict[str, float] = field(default_factory=dict)  # by task
    thawed: dict[str, float] = field(default_factory=dict)  # by run
    succeeds_in: dict[str, int] = field(default_factory=dict)  # attempt, by task
    blind: list[float] = field(default_factory=list)  # when runs were stopped that may have received something
    doomed: set[str] = field(default_factory=set)  # tasks that are to fail in the end

    @property
    def tasks(self) -> set[str]:
        return {*self.session.enqueued, *(each.task for each in self.session.fires)}

    def stopped_with(self, task: str) -> Iterator[tuple[Stop, Receipt]]:
        """The stops of runs that had a message of this task then."""
        for receipt in self.receipts[task]:
            for stop in self.session.stops_of(receipt.run):
                if receipt.is_open(stop.at):
                    yield stop, receipt

    def has_begun(self, task: str, receipt: Receipt, until: float) -> bool:
        executions = self.session.executions[task]
        return any(each.run == receipt.run and receipt.at <= each.began <= until for each in executions)

    def has_sent(self, task: str, receipt: Receipt, until: float) -> bool:
        return any(receipt.at <= at <= until for at in self.sent[receipt.run, task])

    def is_split(self, task: str) -> bool:
        """A run was stopped after it had sent the next message of this task, and before it had deleted the last."""
        return any(self.has_sent(task, receipt, stop.at) for stop, receipt in self.stopped_with(task))

    def is_undisturbed(self, task: str) -> bool:
        """Whatever was received of it was deleted: no receipt tells the next run of an interruption."""
        is_whole = all(each.deleted_at is not None for each in self.receipts[task])
        ends = {each.outcome for each in self.session.executions[task]}
        return is_whole and ends <= {"raised", "returned"} and not any(self.stopped_with(task)) and self._is_seen(task)

    def _is_seen(self, task: str) -> bool:
        """No run was stopped while it received something, which may have been this task.

        SQS goes on with a poll for as long as it was asked to, whoever is there to hear what it finds.
        """
        began = [each.began for each in self.session.executions[task]]
        since = self.first_sent.get(task, 0.0) - LONGEST_POLL
        return not any(since <= at <= max(began, default=0.0) for at in self.blind)


def history_of(events: Sequence[Event]) -> History:
    history = History(session=session_of(events))
    by_receipt: dict[str, Receipt] = {}
    receiving: set[str] = set()  # runs
    for event in sorted(events, key=lambda event: event.at):
        if event.what == "receiving":
            receiving.add(event.run)
        elif event.what == "received":
            receiving.discard(event.run)
            for task, receipt in zip(event.tasks, event.receipts, strict=True):
                by_receipt[receipt] = Receipt(run=event.run, at=event.at)
                history.receipts[task].append(by_receipt[receipt])
        elif event.what == "deleted":
            for receipt in by_receipt.keys() & event.receipts:  # others are of no task
                by_receipt[receipt].deleted_at = event.at
        elif event.what == "sending":
            for task in event.tasks:
                history.sent[event.run, task].append(event.at)
                history.first_sent.setdefault(task, event.at)
        elif event.what in ("kill", "freeze") and event.run in receiving:
            history.blind.append(event.at)
        elif event.what == "thaw":
            history.thawed[event.run] = event.at
        elif event.what == "enqueued":
            _expect(history, event)
    return history


def _expect(history: History, event: Event) -> None:
    if event.outcome == "FAILED":
        history.doomed.update(event.tasks)
    else:
        history.succeeds_in |= dict.fromkeys(event.tasks, event.attempt)


def ids_in(events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        yield event.task
        yield from event.tasks


def longest_wait(events: Iterable[Event]) -> float:
    """Seconds from the enqueuing of a task to the first receipt of its message. There are none without messages."""
    longest = 0.0
    enqueued: dict[str, float] = {}
    for event in sorted(events, key=lambda event: event.at):
        if event.what == "enqueued":
            enqueued |= dict.fromkeys(event.tasks, event.at)
        elif event.what == "received":
            longest = max([longest, *(event.at - enqueued.pop(each) for each in event.tasks if each in enqueued)])
    return longest
