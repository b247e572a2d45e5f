from __future__ import annotations

from itertools import pairwise

import pytest
from croniter import croniter

from django_tasks_oneshot.hosts.interval import DAY, as_calendar, as_cron, in_words, is_regular
from tests.contract.moments import utc

REGULAR = [minutes for minutes in range(1, DAY + 1) if is_regular(minutes)]


def test_those_after_which_each_hour_or_each_day_is_the_same():
    assert REGULAR == [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440]


@pytest.mark.parametrize("minutes", [0, -5, 7, 45, 90, 300, 2880])
def test_no_others(minutes):
    assert not is_regular(minutes)


@pytest.mark.parametrize("minutes", REGULAR)
def test_cron_fires_after_as_many_minutes_each_time(minutes):
    times = croniter(as_cron(minutes), utc("2026-03-01")).all_next()
    instants = [next(times) for _ in range(200)]
    assert {later - earlier for earlier, later in pairwise(instants)} == {60.0 * minutes}


@pytest.mark.parametrize(
    ("minutes", "cron", "calendar", "words"),
    [
        (1, "* * * * *", "*:0/1", "every minute"),
        (5, "*/5 * * * *", "*:0/5", "every 5 minutes"),
        (60, "0 * * * *", "*-*-* 0/1:00:00", "every hour"),
        (120, "0 */2 * * *", "*-*-* 0/2:00:00", "every 2 hours"),
        (1440, "0 0 * * *", "*-*-* 00:00:00", "every day"),
    ],
)
def test_how_it_is_spelled(minutes, cron, calendar, words):
    assert (as_cron(minutes), as_calendar(minutes), in_words(minutes)) == (cron, calendar, words)
