"""What is known of one task that was continued, put together to what the verdict asks about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..ledger import Event
from .diary import CHECKPOINT, ROW, Line

RECORDED_AS = {"returned": "SUCCEEDED", "continued": "CONTINUED"}


@dataclass(kw_only=True)
class Execution:
    """One call of the task's function."""

    run: str
    attempt: int
    outcome: str = ""  # returned, continued, interrupted; nothing: it did not come to its end
    was_killed: bool = False  # before its outcome was recorded
    lines: list[Line] = field(default_factory=list)

    @property
    def rows(self) -> list[int]:
        return [line.row for line in self.lines if line.what == ROW and line.row]

    @property
    def checkpoints(self) -> list[Line]:
        return [line for line in self.lines if line.what == CHECKPOINT]


@dataclass(frozen=True, kw_only=True)
class Found:
    """An execution, and how far the task had come before it."""

    execution: Execution
    done: int  # the last row that was done
    durable: int  # the last row that was known to be so
    kill: int  # how many there were; the last one explains the repeat of what was done and not durable

    @property
    def repeated(self) -> int:
        """How many rows, with the last kill as the reason."""
        return sum(self.durable < row <= self.done for row in self.execution.rows)

    @property
    def repeated_without_reason(self) -> int:
        return sum(row <= self.durable for row in self.execution.rows)


@dataclass(frozen=True, kw_only=True)
class Story:
    """One task, from its enqueueing to its end."""

    name: str
    rows: int
    checkpoint_every: float
    events: Sequence[Event]  # of its runs, and no others
    lines: Sequence[Line]
    status: str  # of its result
    attempts: Mapping[int, str]  # what is stored of them: outcomes by number


def executions_of(story: Story) -> list[Execution]:
    """In the order of time."""
    last: dict[str, Execution] = {}  # by run
    found: dict[tuple[str, int], Execution] = {}
    for event in sorted(story.events, key=lambda event: event.at):
        if event.what == "start":
            execution = Execution(run=event.run, attempt=int(event.execution))
            last[event.run] = found[event.run, execution.attempt] = execution
        elif event.what == "end":
            last[event.run].outcome = event.outcome
        elif event.what == "kill" and event.run in last:
            last[event.run].was_killed = not is_recorded(last[event.run], story)
    for line in story.lines:
        key = line.run, line.attempt
        found.setdefault(key, Execution(run=line.run, attempt=line.attempt)).lines.append(line)
    return list(found.values())


def is_recorded(execution: Execution, story: Story) -> bool:
    return story.attempts.get(execution.attempt) == RECORDED_AS.get(execution.outcome, "")


def in_turn(executions: Iterable[Execution], rows: int) -> Iterator[Found]:
    done = durable = kill = 0
    for execution in executions:
        yield Found(execution=execution, done=done, durable=durable, kill=kill)
        done = max(done, *execution.rows, 0)
        durable = max(durable, *(line.row or rows for line in execution.checkpoints), 0)
        if not execution.was_killed:  # what it did was recorded with its outcome
            durable = max(durable, *execution.rows, 0)
        kill += execution.was_killed
