"""The figures of sessions as Markdown tables."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from . import points
from .verdict import Figures

Row = Sequence[str]
MOST_VIOLATIONS = 8  # that are printed, of each rule


def complain(about: str, by_rule: Mapping[str, Sequence[str]]) -> None:
    """What is wrong, to stderr."""
    print(f"{about}: {sum(map(len, by_rule.values()))} violations", file=sys.stderr)
    for rule, violations in by_rule.items():
        for text in violations[:MOST_VIOLATIONS]:
            print(f"  {text}", file=sys.stderr)
        if len(violations) > MOST_VIOLATIONS:
            print(f"  ... {len(violations)} {rule}", file=sys.stderr)


def summary(figures: Mapping[str, Figures]) -> str:
    """One row a database, and what happened at each named point below."""
    rows = [{"database": name, **_cells(each)} for name, each in figures.items()]
    names = [*points.NAMES, *(point for point in points.SENDING if "sqs" in figures)]
    kills = [
        {"kills at": name, **{point: f"{each.kills_at_points[point]:,}" for point in names}}
        for name, each in figures.items()
    ]
    return f"{table(rows)}\n\n{table(kills)}"


def _cells(figures: Figures) -> dict[str, str]:
    repeats = figures.repeats
    return {
        "tasks": f"{figures.tasks:,}",
        "executions": f"{figures.executions:,}",
        "kills at random": f"{figures.kills_at_random:,}",
        "at points": f"{figures.kills_at_points.total():,}",
        "freezes": f"{figures.freezes:,}",
        "SIGTERMs": f"{figures.terms:,}",
        "retries": f"{repeats['retry']:,}",
        "repeats by kill": f"{repeats['kill']:,}",
        "by freeze": f"{repeats['freeze']:,}",
        "by SIGTERM": f"{repeats['term']:,}",
        "unexplained": f"{repeats['']:,}",
        "lost": f"{figures.lost:,}",
        "schedule fires": f"{figures.fires:,}",
        "doubled": f"{figures.doubled:,}",
        "rescues": f"{figures.rescues:,}",
        "slowest": f"{figures.slowest_rescue:.1f} s",
        "its bound": f"{figures.rescue_bound:.1f} s",
        "took": f"{figures.seconds:.0f} s",
    }


def table(rows: Sequence[Mapping[str, str]]) -> str:
    header = list(rows[0])
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in header]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [header, rule, *([row[name] for name in header] for row in rows)]
    return "\n".join(_line(cells, widths) for cells in lines)


def _line(cells: Row, widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return f"| {' | '.join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])} |"
