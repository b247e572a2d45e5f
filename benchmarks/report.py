"""The rounds as tables, in Markdown: they can be read in a terminal and pasted into a README."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .measure import Comparison

Row = Sequence[str]


def drains(comparisons: Sequence[Comparison]) -> str:
    header = ["case", "ours", "peer", "peer/ours", "range", "ours min", "peer min", "ours/task", "peer/task"]
    return _table(
        header,
        [
            [
                *_medians(each),
                *_ratios([other / ours for ours, other in zip(each.ours, each.other, strict=True)]),
                *_minima(each),
                _milliseconds(median(each.ours) / each.count),
                _milliseconds(median(each.other) / each.count),
            ]
            for each in comparisons
        ],
    )


def idle_runs(comparisons: Sequence[Comparison]) -> str:
    header = ["case", "ours", "bare", "ours/bare", "range", "ours min", "bare min"]
    return _table(
        header,
        [
            [
                *_medians(each),
                *_ratios([ours / other for ours, other in zip(each.ours, each.other, strict=True)]),
                *_minima(each),
            ]
            for each in comparisons
        ],
    )


def loops(comparisons: Sequence[Comparison]) -> str:
    header = ["case", "resume", "plain", "resume/plain", "range", "resume min", "plain min", "cost/row"]
    return _table(
        header,
        [
            [
                *_medians(each),
                *_ratios([ours / other for ours, other in zip(each.ours, each.other, strict=True)], digits=3),
                *_minima(each),
                _microseconds(
                    median(ours - other for ours, other in zip(each.ours, each.other, strict=True)) / each.count
                ),
            ]
            for each in comparisons
        ],
    )


def _medians(comparison: Comparison) -> Row:
    return [comparison.case, _seconds(median(comparison.ours)), _seconds(median(comparison.other))]


def _ratios(ratios: Sequence[float], digits: int = 2) -> Row:
    """Each round's own ratio: what slows a machine for a while slows both sides of a round."""
    return [f"{median(ratios):.{digits}f}", f"{min(ratios):.{digits}f}-{max(ratios):.{digits}f}"]


def _minima(comparison: Comparison) -> Row:
    return [_seconds(min(comparison.ours)), _seconds(min(comparison.other))]


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value:.3f} s"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1_000_000:.1f} µs"


def _table(header: Row, rows: Sequence[Row]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([_line(header, widths), _line(rule, widths), *(_line(row, widths) for row in rows)])


def _line(cells: Row, widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if number == 0 else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join([first, *others])} |"
