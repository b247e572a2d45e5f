"""What has become of the tasks, as the ledger tells it, and where it is silent the public API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django_tasks_oneshot.compat import TaskResultDoesNotExist, task_backends

from . import ledger

ASK_SECONDS = 0.5
FINAL = ("SUCCESSFUL", "FAILED")


@dataclass(frozen=True, kw_only=True)
class Final:
    """What the store says of a task in the end."""

    status: str
    value: Any = None


def result_of(result_id: str) -> Final | None:
    """``None``: there is no such task, or no longer."""
    try:
        result = task_backends["default"].get_result(result_id)
    except TaskResultDoesNotExist:
        return None
    status = str(result.status)
    return Final(status=status, value=result.return_value if status == "SUCCESSFUL" else None)


class Results:
    """Which tasks are not final yet."""

    def __init__(self) -> None:
        self.enqueued: set[str] = set()
        self.open: set[str] = set()  # of these
        self.fired: set[str] = set()
        self.closed: set[str] = set()
        self.ended: set[str] = set()  # executed to the end, and perhaps recorded
        self.started_at: dict[str, float] = {}
        self.next_question = 0.0

    def note(self, event: ledger.Event) -> None:
        if event.what == "enqueued":
            self.enqueued.update(event.tasks)
            self.open.update(set(event.tasks) - self.closed)
        elif event.what == "fire":
            self.fired.add(event.task)
        elif event.what == "start":
            self.started_at[event.task] = event.at
        elif event.what == "end" and event.outcome == "returned":
            self.ended.add(event.task)
        elif event.what == "finished":
            self._close({event.task})

    def ask(self, ids: Callable[[], Iterable[str]]) -> None:
        """Asks the backend about these, now and then. A killed process told nobody that its task was recorded."""
        if time.monotonic() >= self.next_question:
            self._close({each for each in ids() if is_closed(each)})
            self.next_question = time.monotonic() + ASK_SECONDS

    def ended_and_open(self) -> set[str]:
        return self.ended & self.open

    def all_closed(self) -> bool:
        """Whether all are, those of schedules too. To be asked when no run is alive that could still commit one."""
        unknown = (self.enqueued | self.fired) - self.closed
        self._close({each for each in unknown if is_closed(each)})
        return self.closed >= unknown

    def _close(self, ids: set[str]) -> None:
        self.closed |= ids
        self.open -= ids

    def collect(self) -> dict[str, Final | None]:
        return {each: result_of(each) for each in self.enqueued | self.fired}


def is_closed(result_id: str) -> bool:
    """Whether nothing more will happen to it; that includes a fire whose transaction was never committed."""
    result = result_of(result_id)
    return result is None or result.status in FINAL


class ScheduleWatch:
    """Sees to it that each fire of which the database says that it happened has a task."""

    def __init__(self, last_fires: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self.last_fires = last_fires
        self.tasks: dict[tuple[str, str], set[str]] = {}
        self.checked: set[tuple[str, str]] = set()

    def note(self, event: ledger.Event) -> None:
        if event.what == "fire":
            self.tasks.setdefault((event.schedule, event.fire_time), set()).add(event.task)

    def check(self, read_ledger: Callable[[], None]) -> None:
        """The database is read before the ledger: a fire is written down before it is committed."""
        fires = set(self.last_fires()) - self.checked
        if fires:
            read_ledger()
        for schedule, fire_time in fires:
            tasks = self.tasks.get((schedule, fire_time), ())
            if all(result_of(each) is None for each in tasks):
                ledger.write("unfired", schedule=schedule, fire_time=fire_time)
        self.checked |= fires
