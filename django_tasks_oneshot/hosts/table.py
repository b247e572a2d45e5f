"""The facts of hosts.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

DIRECTORY = Path(__file__).parent

Form = Literal["command", "http", "function"]
Overlap = Literal["overlaps", "skips", "delays", "every instance"]

#: What becomes of a run that is due while the one before it is still there.
OVERLAPS: Mapping[str, str] = {
    "overlaps": "it runs beside it",
    "skips": "it is left out",
    "delays": "it comes later",
    "every instance": "each instance has its own, and they run beside each other",
}


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """A row: how a host starts runs, and how it ends them. What is ``None`` it does not do, or nobody knows."""

    name: str
    title: str
    form: Form  # what it starts: the command, a request, or a function of ours
    interval: int  # minutes between runs, if nobody says otherwise
    overlap: Overlap
    sources: tuple[str, ...]  # where the facts are from
    checked: date
    minimal_interval: int = 1  # minutes
    intervals: tuple[int, ...] = ()  # minutes: the only ones that it has, if it is not free to choose
    ends_with_interval: bool = False  # a run is killed when the next one is due
    limit_seconds: int | None = None  # then a run is killed, or the request given up
    grace_seconds: int | None = None  # between the signal and SIGKILL
    may_miss: bool = False  # runs are left out, or late by minutes, without a reason of ours
    recognised_by: Mapping[str, str] = field(default_factory=dict)  # variables; how they begin
    note: str = ""
    directory: str = ""  # where the host looks for files, if that is not in the project
    assumed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.intervals:
            object.__setattr__(self, "minimal_interval", min(self.intervals))


@cache
def all_hosts() -> Mapping[str, HostFacts]:
    """By their names, as they stand in the file."""
    import tomllib  # which a run that is told how long it may take has no use for

    rows: dict[str, dict[str, Any]] = tomllib.loads((DIRECTORY / "hosts.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: HostFacts(name=name, **_immutable(row)) for name, row in rows.items()})


def _immutable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
