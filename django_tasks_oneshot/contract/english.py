"""Numbers and lists as English has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NTH = ("last", "first", "second", "third", "fourth", "fifth")


def listed(words: Sequence[str], link: str = "and") -> str:
    return f" {link} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def every(count: int, unit: str) -> str:
    return f"Every {unit}" if count == 1 else f"Every {count} {unit}s"


def ordinal(number: int) -> str:
    ending = "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def numbered(unit: str, values: Sequence[int]) -> str:
    """Minutes 1, 2 and 5, or minute 7."""
    return in_steps(unit, values, str) or f"{unit}{'s' * (len(values) > 1)} {listed(ranges(values, str))}"


def in_steps(unit: str, values: Sequence[int], say: Callable[[int], str]) -> str | None:
    """Every 2nd day from this to that, where all of them would be a long list."""
    gap = even_gap(values)
    if len(values) <= 5 or gap is None or gap == 1:
        return None
    return f"every {ordinal(gap)} {unit} from {say(values[0])} to {say(values[-1])}"


def even_gap(values: Sequence[int]) -> int | None:
    gaps = {later - earlier for earlier, later in pairwise(values)}
    return gaps.pop() if len(gaps) == 1 else None


def ranges(values: Sequence[int], say: Callable[[int], str]) -> list[str]:
    """This to that, for three and more that follow each other."""
    said: list[str] = []
    for first, last in runs(values):
        said += [f"{say(first)} to {say(last)}"] if last - first > 1 else [say(each) for each in range(first, last + 1)]
    return said


def runs(values: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last of those that follow each other."""
    firsts = [each for each in values if each - 1 not in values]
    lasts = [each for each in values if each + 1 not in values]
    return list(zip(firsts, lasts, strict=True))
