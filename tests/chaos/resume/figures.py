from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..report import table


@dataclass(kw_only=True)
class Figures:
    """A task that was continued, in numbers."""

    task: str
    rows: int
    runs: int
    kills: int  # of executions
    terms: int
    attempts: int
    checkpoints: int
    repeated_by_kill: int  # rows, as the next two
    most_by_one_kill: int
    repeated_without_kill: int
    seconds: float


def summary(figures: Mapping[str, Sequence[Figures]]) -> str:
    """One row a task, by database."""
    return table([{"database": name, **_cells(each)} for name, of_one in figures.items() for each in of_one])


def _cells(figures: Figures) -> dict[str, str]:
    return {
        "checkpoint": figures.task,
        "rows": f"{figures.rows:,}",
        "runs": f"{figures.runs:,}",
        "kills": f"{figures.kills:,}",
        "SIGTERMs": f"{figures.terms:,}",
        "attempts": f"{figures.attempts:,}",
        "checkpoints": f"{figures.checkpoints:,}",
        "rows repeated by kill": f"{figures.repeated_by_kill:,}",
        "most by one": f"{figures.most_by_one_kill:,}",
        "without a kill": f"{figures.repeated_without_kill:,}",
        "took": f"{figures.seconds:.0f} s",
    }
