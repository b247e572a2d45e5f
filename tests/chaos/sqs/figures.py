from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..report import table


@dataclass(kw_only=True)
class Figures:
    """A session of tasks that are messages, in numbers."""

    faults: str  # that the proxy made
    tasks: int = 0  # those of schedules too
    executions: int = 0
    kills_at_random: int = 0
    kills_at_points: int = 0
    freezes: int = 0
    terms: int = 0
    retries: int = 0
    repeats: int = 0  # that are no retries
    unexplained: int = 0
    lost: int = 0
    bodies: int = 0  # that no task can be made of
    dead: int = 0  # of these
    requests: int = 0
    faulty: int = 0  # of these
    seconds: float = 0.0


def summary(figures: Iterable[Figures]) -> str:
    """One row a session."""
    return table([_cells(each) for each in figures])


def _cells(figures: Figures) -> dict[str, str]:
    names = {"terms": "SIGTERMs", "unexplained": "unexplained", "bodies": "malformed", "dead": "of them dead letters"}
    cells = {names.get(name, name.replace("_", " ")): value for name, value in vars(figures).items()}
    texts = {name: value if isinstance(value, str) else f"{value:,.0f}" for name, value in cells.items()}
    texts["took"] = f"{texts.pop('seconds')} s"
    return texts
