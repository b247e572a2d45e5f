"""How far a task has come, row by row, in an append-only file of its own: 100,000 lines of JSON would take too long.

What the ledger says of writing holds here too. A line is ``r RUN ATTEMPT ROW NANOSECONDS`` when a row was done, and
``c RUN ...`` when a checkpoint at that row was durable; its row is 0 where the loop is over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .. import ledger

DIARY = "CHAOS_DIARY"
ROW, CHECKPOINT = "r", "c"
LONGEST_LINE = 200  # bytes


class Line(NamedTuple):
    what: str
    run: str
    attempt: int
    row: int | None  # None: all are done
    at: float


def row_is_done(attempt: int, row: int) -> None:
    _write(ROW, attempt, row)


def checkpoint_is_kept(attempt: int, row: int | None) -> None:
    _write(CHECKPOINT, attempt, row or 0)


def _write(what: str, attempt: int, row: int) -> None:
    line = f"{what} {os.environ[ledger.RUN]} {attempt} {row} {time.monotonic_ns()}\n"
    os.write(_descriptor(os.environ[DIARY]), line.encode())


@cache
def _descriptor(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)


def read(path: Path) -> Iterator[Line]:
    with path.open() as file:
        for text in file:
            what, run, attempt, row, at = text.split()
            yield Line(what, run, int(attempt), int(row) or None, int(at) / 1e9)


def latest_row(path: Path) -> int:
    """The row that was done last; 0 if none was."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST_LINE))
        lines = file.read().split(b"\n")[:-1]
    rows = [int(line.split()[3]) for line in lines[-2:] if line.startswith(b"r ")]
    return rows[-1] if rows else 0
