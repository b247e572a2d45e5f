"""What in a crontab line was probably not meant so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .crontab import MACROS, parse
from .english import MONTHS, WEEKDAYS, ordinal, runs

_SHORTEST = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}  # days; other months have 31


@dataclass(frozen=True)
class _Scale:
    """What a field counts."""

    say: Callable[[int], str]
    size: int | None  # how many are a round; None: it differs
    rounds: str
    in_every: str | None = None  # its argument of Every


_SCALES = (
    _Scale("minute {}".format, 60, "each hour", "minutes"),
    _Scale("hour {}".format, 24, "each day", "hours"),
    _Scale("day {}".format, None, "most months", "days"),
    _Scale(lambda month: MONTHS[month - 1], 12, "each year"),
    _Scale(lambda weekday: WEEKDAYS[weekday - 1], 7, "each week", "days"),
)


def hints(line: str) -> Iterator[str]:
    """Sentences, each of which says what to write instead."""
    crontab, fields = parse(line), MACROS.get(line, line).split()
    read = (crontab.minutes, crontab.hours, crontab.days, crontab.months, crontab.weekdays)
    both_days = len(crontab.days) < 31 and len(crontab.weekdays) < 7
    for field, values, scale in zip(fields, read, _SCALES, strict=True):
        if not (both_days and scale.in_every == "days"):
            yield from _of_step(field, values, scale)
    hours, first_day = sorted(crontab.hours), min(crontab.days, default=1)
    if fields[0] == "*" and len(runs(hours)) == len(hours):
        yield "A star as the minute is every minute of the hour; for one an hour write 0 instead."
    if not (both_days or crontab.last_day) and first_day > min(_SHORTEST.get(each, 31) for each in crontab.months):
        yield f"Months without a {ordinal(first_day)} are left out; for the last day of each month write L."


def _of_step(field: str, values: frozenset[int], scale: _Scale) -> Iterator[str]:
    match = re.fullmatch(r"(\*|\w+-\w+)/(\d+)", field)
    starred, step = bool(match and match[1] == "*"), int(match[2]) if match else 1
    if step == 1 or (starred and scale.size and scale.size % step == 0):
        return
    if len(values) == 1:
        yield f"{field} is {scale.say(min(values))} only, as its step is longer than its range."
    elif starred:
        yield f"The last gap of {scale.rounds} is shorter, as {field} begins anew with the next."
    else:
        return
    if scale.in_every:
        yield f"For one every {step} {scale.in_every} write Every({scale.in_every}={step})."
