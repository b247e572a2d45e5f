"""What happened, in an append-only file outside of any queue: one JSON line an event, from every process.

A line is one write() to a descriptor opened with O_APPEND, so lines never mix and a SIGKILL loses none
that was written. Times are of the monotonic clock, which all processes of one host share.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

LEDGER = "CHAOS_LEDGER"  # the variables by which a run knows its ledger and its own name
RUN = "CHAOS_RUN"
SUPERVISOR = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line. Which of the optional fields it has depends on what happened.

    By the supervisor: ``enqueued`` (tasks, attempt: the one that succeeds), ``spawn``, ``exit`` (code, stderr),
    ``kill`` (at random), ``term``, ``unfired`` (schedule, fire_time). By a run: ``claimed`` (tasks), ``start`` and
    ``end`` (task, execution, attempt, outcome), ``finished`` (task, outcome), ``fire`` (schedule, fire_time, task), and
    at a named point ``kill``, ``freeze`` and ``thaw`` (point, task: the one that was started and has no outcome yet).
    Of messages: ``sending`` (tasks), ``receiving``, ``received`` (tasks, receipts), ``deleted`` (receipts).
    """

    what: str
    at: float
    run: str = SUPERVISOR
    task: str = ""
    tasks: tuple[str, ...] = ()
    receipts: tuple[str, ...] = ()
    attempt: int = 0
    execution: str = ""
    outcome: str = ""
    point: str = ""
    schedule: str = ""
    fire_time: str = ""
    code: int = 0
    stderr: str = ""

    def as_line(self) -> bytes:
        values = {name: value for name, value in asdict(self).items() if value != _DEFAULTS.get(name)}
        return json.dumps(values).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Event:
        values: dict[str, Any] = json.loads(line)
        for name in ("tasks", "receipts"):
            values[name] = tuple(values.get(name, ()))
        return cls(**values)


_DEFAULTS = {each.name: each.default for each in fields(Event)}


def write(what: str, **values: Any) -> None:
    """Adds an event of this process to the ledger; without a ledger, does nothing."""
    if LEDGER in os.environ:
        event = Event(what=what, at=time.monotonic(), **{"run": os.environ.get(RUN, SUPERVISOR), **values})
        os.write(_descriptor(os.environ[LEDGER]), event.as_line())


@cache
def _descriptor(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)


class Reader:
    """Follows a ledger while it grows."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path.open("rb")
        self._rest = b""

    def news(self) -> Iterator[Event]:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return map(Event.from_line, lines)

    def close(self) -> None:
        self._file.close()
