"""What docs/schedules.md says by example."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from django_tasks_oneshot import Cron, Every
from django_tasks_oneshot.contract.missed import due_fires

PAGE = (Path(__file__).parents[2] / "docs/schedules.md").read_text()
LONDON = ZoneInfo("Europe/London")


def on(day, rule):
    """Its fire times on a day, as the clock in London shows them; those of a second pass with a star."""
    start = datetime.fromisoformat(day).replace(tzinfo=LONDON)
    local = [each.astimezone(LONDON) for each in rule.fire_times(start - timedelta(seconds=1), start.replace(hour=23))]
    return " ".join(f"{each:%H:%M}{'*' * each.fold}" for each in local)


@pytest.mark.parametrize(
    ("line", "march", "october"),
    [
        ("30 1 * * *", "02:00", "01:30"),
        ("0,30 1 * * *", "02:00", "01:00 01:30"),
        ("0 2 * * *", "02:00", "02:00"),
        ("0 1,2 * * *", "02:00", "01:00 02:00"),
        ("*/30 1 * * *", "", "01:00 01:30 01:00* 01:30*"),
    ],
)
def test_the_change_of_the_clocks_in_london(line, march, october):
    assert f"| `{line}` |" in PAGE
    rule = Cron(line, timezone="Europe/London")
    assert on("2026-03-29", rule) == march
    assert on("2026-10-25", rule) == october


def test_half_past_each_hour_goes_by_the_clock():
    assert "| `30 * * * *` | 00:30, 02:30 | 00:30, 01:30, 01:30 again, 02:30 |" in PAGE
    rule = Cron("30 * * * *", timezone="Europe/London")
    assert on("2026-03-29", rule).split()[:2] == ["00:30", "02:30"]
    assert on("2026-10-25", rule).split()[:4] == ["00:30", "01:30", "01:30*", "02:30"]


@pytest.mark.parametrize(
    ("options", "days"),
    [
        ("", [18]),
        (', missed="all"', [16, 17, 18]),
        (', missed="skip"', []),
        (", start_within=3600", []),
        (', missed="all", start_within=timedelta(days=1, hours=12)', [17, 18]),
    ],
)
def test_an_outage_from_monday_to_wednesday(options, days):
    written = f'Cron("0 7 * * *"{options})'
    assert f"| `{written}` |" in PAGE
    rule = eval(written, {"Cron": Cron, "timedelta": timedelta})
    monday = datetime(2026, 11, 16, 7, tzinfo=LONDON)
    due = due_fires(rule, monday, monday + timedelta(days=2, hours=2, minutes=30))
    assert [each.at.day for each in due.fires] == days
    assert [each.replaces for each in due.fires] == ([2] if days == [18] else [0] * len(days))


def test_every_other_day_at_seven_in_london():
    rule = Every(days=2, anchor=datetime(2026, 1, 1, 7), timezone="Europe/London")
    assert 'Every(days=2, anchor=datetime(2026, 1, 1, 7), timezone="Europe/London")' in PAGE
    assert on("2026-03-28", rule) == "07:00"
    assert on("2026-03-29", rule) == ""
    assert on("2026-03-30", rule) == "07:00"


def test_every_45_minutes_does_not_know_of_clocks():
    rule = Every(minutes=45)
    start = datetime(2026, 3, 29, tzinfo=LONDON)
    found = rule.fire_times(start, start + timedelta(hours=6))
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=45)}


def test_the_second_friday_may_be_written_in_two_ways_and_the_last_in_three():
    start, end = (datetime(2026, month, 1, tzinfo=LONDON) for month in (1, 7))
    for spellings in (("fri#2", "5#2"), ("friL", "5L", "L5")):
        found = [tuple(Cron(f"0 9 * * {each}").fire_times(start, end)) for each in spellings]
        assert len(set(found)) == 1
        assert len(found[0]) == 6
