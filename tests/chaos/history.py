"""The events of a session, put together to what the verdict asks about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .ledger import Event
from .points import ANY_MOMENT


@dataclass(kw_only=True)
class Execution:
    """One call of a task's function."""

    id: str
    task: str
    run: str
    began: float
    attempt: int = 0  # as the task was told
    ended: float | None = None
    outcome: str = ""  # returned, raised, interrupted


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A run was stopped dead: killed or frozen."""

    what: str  # kill, freeze
    at: float
    run: str
    point: str
    task: str = ""  # started, and without a recorded outcome as far as is known
    needs_rescue: bool = False


@dataclass(kw_only=True)
class Session:
    """All lists are in the order of time."""

    enqueued: list[str] = field(default_factory=list)
    executions: dict[str, list[Execution]] = field(default_factory=lambda: defaultdict(list))  # by task
    stops: list[Stop] = field(default_factory=list)
    finished: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))  # by task
    claimed: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))  # by task
    fires: list[Event] = field(default_factory=list)
    unfired: list[Event] = field(default_factory=list)
    terms: dict[str, float] = field(default_factory=dict)  # by run
    spawned: dict[str, float] = field(default_factory=dict)  # by run
    exits: list[Event] = field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0

    def stops_of(self, run: str) -> list[Stop]:
        return [each for each in self.stops if each.run == run]

    def longest_run(self) -> float:
        """Seconds from spawn to exit, of those that were not stopped dead."""
        stopped = {each.run for each in self.stops}
        return max((each.at - self.spawned[each.run] for each in self.exits if each.run not in stopped), default=0.0)


def session_of(events: Iterable[Event]) -> Session:
    session = Session()
    last: dict[str, Execution] = {}  # by run, which executes one task at a time
    by_id: dict[str, Execution] = {}
    ordered = sorted(events, key=lambda event: event.at)
    for event in ordered:
        if event.what == "start":
            execution = Execution(
                id=event.execution, task=event.task, run=event.run, began=event.at, attempt=event.attempt
            )
            last[event.run] = by_id[event.execution] = execution
            session.executions[event.task].append(execution)
        elif event.what == "end":
            by_id[event.execution].ended, by_id[event.execution].outcome = event.at, event.outcome
        elif event.what in ("kill", "freeze"):
            session.stops.append(_stop(event, last.get(event.run), session))
        else:
            _note(session, event)
    if ordered:
        session.began, session.ended = ordered[0].at, ordered[-1].at
    return session


def _note(session: Session, event: Event) -> None:
    if event.what == "enqueued":
        session.enqueued += event.tasks
    elif event.what == "claimed":
        for task in event.tasks:
            session.claimed[task].append(event)
    elif event.what == "finished":
        session.finished[event.task].append(event)
    elif event.what == "fire":
        session.fires.append(event)
    elif event.what == "unfired":
        session.unfired.append(event)
    elif event.what == "term":
        session.terms[event.run] = event.at
    elif event.what == "spawn":
        session.spawned[event.run] = event.at
    elif event.what == "exit":
        session.exits.append(event)


def _stop(event: Event, last: Execution | None, session: Session) -> Stop:
    """A named point says what was under way there; for a kill at any moment it is what the run began last."""
    task, needs_rescue = event.task, bool(event.task)
    if event.point in ANY_MOMENT and last is not None and not _was_told(session.finished[last.task], last):
        # Between its end and the record of that, only the database knows whether it has to be rescued.
        task, needs_rescue = last.task, last.ended is None
    return Stop(what=event.what, at=event.at, run=event.run, point=event.point, task=task, needs_rescue=needs_rescue)


def _was_told(finished: Sequence[Event], execution: Execution) -> bool:
    return any(each.run == execution.run and each.at > execution.began for each in finished)
