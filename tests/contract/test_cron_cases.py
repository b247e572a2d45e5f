"""The cases of ``cron_cases.txt``: what the package, the oracle and, where it can, cronsim make of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from django_tasks_oneshot import Cron

from .cron_oracle import MACROS, WEEKDAYS, fire_times


@dataclass
class Case:
    zone: str
    after: datetime
    until: datetime
    name: str
    line: str = ""
    by_hand: str = ""
    times: list[datetime] = field(default_factory=list)  # in UTC

    def __str__(self):
        return f"{self.zone} {self.after:%Y-%m-%d %H:%M}: {self.line}: {self.name}"


def cases() -> list[Case]:
    found, section = [], None
    for text in Path(__file__).with_name("cron_cases.txt").read_text().splitlines():
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("=="):
            zone, after, until, _ = (each.strip() for each in line.removeprefix("==").split("|"))
            section = zone, datetime.fromisoformat(after), datetime.fromisoformat(until)
        elif text == line:
            found.append(Case(*section, name=line))
        elif not found[-1].line:
            found[-1].line = line
        elif line.startswith("by hand: "):
            found[-1].by_hand = line.removeprefix("by hand: ")
        elif line != "nothing":
            found[-1].times += instants(line)
    return found


def instants(text: str) -> Iterator[datetime]:
    """``2026-03-29 00:30+00:00 02:00+01:00 2026-03-30 01:30+01:00`` is two times of one day and one of the next."""
    day = ""
    for word in text.split():
        if ":" in word:
            yield datetime.fromisoformat(f"{day} {word}").astimezone(UTC)
        else:
            day = word


def by_cronsim(case: Case) -> list[datetime]:
    line = MACROS.get(case.line, case.line).lower()
    *others, weekdays = line.split()
    weekdays = ",".join(f"{each[1:]}l" if each[0] == "l" else each for each in weekdays.split(","))
    for name, number in WEEKDAYS.items():  # it takes no L with a name
        weekdays = weekdays.replace(f"{name}l", f"{number}l")
    found = CronSim(" ".join([*others, weekdays]), case.after.astimezone(ZoneInfo(case.zone)))
    in_utc = (each.astimezone(UTC) for each in found)
    return list(takewhile(lambda each: each <= case.until, in_utc))


CASES = cases()
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
def test_fire_times(case):
    rule = Cron(case.line, timezone=case.zone)
    assert list(rule.fire_times(case.after, case.until)) == case.times


@every_case
def test_next_after_and_last_before(case):
    rule = Cron(case.line, timezone=case.zone)
    if case.times:
        assert rule.next_after(case.after) == case.times[0]
        assert rule.last_before(case.until) == case.times[-1]
    else:
        assert rule.next_after(case.after) > case.until
        assert rule.last_before(case.until) <= case.after


@every_case
def test_the_oracle_agrees(case):
    assert fire_times(case.line, case.zone, case.after, case.until) == case.times


@pytest.mark.parametrize("case", [each for each in CASES if not each.by_hand], ids=str)
def test_cronsim_agrees(case):
    assert by_cronsim(case) == case.times


def test_there_are_enough_cases():
    assert len({str(each) for each in CASES}) == len(CASES) >= 240
