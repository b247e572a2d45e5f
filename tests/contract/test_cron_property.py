"""Rules against the oracle, at random.

The lines are the same in every run. ``ONESHOT_EXAMPLES=20000`` takes so many of each, others each time, and all zones.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from django_tasks_oneshot import Cron, Every, InvalidTask

from .cron_oracle import MACROS, MONTHS, WEEKDAYS, Job, every_days, fire_times

EXAMPLES = int(os.environ.get("ONESHOT_EXAMPLES", 0))
MINUTE = timedelta(minutes=1)
WIDEST = timedelta(days=4)
ZONES = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
    "UTC",
]

examples = settings(
    max_examples=EXAMPLES or 300,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@cache
def clock_changes(zone):
    """The first instant after each change of the zone's clock."""
    tzinfo, found = ZoneInfo(zone), []
    week = 7 * 24 * 60 * MINUTE
    start, end = datetime(1990, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)
    while start < end:
        before, after = start, start + week
        offset = before.astimezone(tzinfo).utcoffset()
        if after.astimezone(tzinfo).utcoffset() != offset:
            while after - before > MINUTE:
                middle = before + (after - before) // MINUTE // 2 * MINUTE
                if middle.astimezone(tzinfo).utcoffset() == offset:
                    before = middle
                else:
                    after = middle
            found.append(after)
        start += week
    return found


zones = st.sampled_from(sorted(available_timezones()) if EXAMPLES else ZONES)
minutes_of_48_years = st.integers(0, 48 * 365 * 24 * 60)


@st.composite
def moments(draw, zone):
    """Mostly the first instant after a change of the zone's clock."""
    if (changes := clock_changes(zone)) and draw(st.integers(0, 9)):
        return draw(st.sampled_from(changes))
    return datetime(1990, 1, 1, tzinfo=UTC) + draw(minutes_of_48_years) * MINUTE


@st.composite
def intervals(draw, moment):
    """Of minutes to days around the moment or beside it: its start, a place to cut it, and its end."""
    seconds = st.sampled_from([0, 0, 0, 30, 59.999999])
    near, far = st.integers(-90, 90), st.integers(-2000, 2000)
    found = [moment + timedelta(minutes=draw(near | far), seconds=draw(seconds)) for _ in range(3)]
    return sorted(found)


def naive(instant):
    return instant.replace(tzinfo=None)


@st.composite
def items(draw, lowest, highest, names, likely):
    """One item of a field's list, without the star."""
    numbers = st.sampled_from(likely) | st.integers(lowest, highest)
    first, last = sorted([draw(numbers), draw(numbers)])
    if draw(st.booleans()):
        spelling = {number: draw(st.sampled_from([name, name.upper()])) for name, number in names.items()}
        first, last = (spelling.get(each, each) for each in (first, last))
    step = draw(st.integers(1, highest + 5))
    return draw(
        st.sampled_from([f"{first}", f"{first}", f"{first}-{last}", f"{last}-{last}", f"{first}-{last}/{step}"])
    )


@st.composite
def last_or_nth(draw):
    weekday = draw(st.integers(0, 7))
    name = draw(st.sampled_from(list(WEEKDAYS)))
    nth = draw(st.integers(1, 5))
    return draw(st.sampled_from([f"{weekday}#{nth}", f"{name}#{nth}", f"{weekday}L", f"L{weekday}", f"{name}L"]))


def lists(lowest, highest, names=(), likely=(), others=()):
    """What a field may say; ``*`` by itself half of the time."""
    star = st.just("*") | st.integers(1, highest + 5).map("*/{}".format)
    item = st.one_of(star, *[items(lowest, highest, dict(names), likely or [lowest, highest])] * 3, *others)
    return st.just("*") | st.lists(item.map(str), min_size=1, max_size=3).map(",".join)


fields = st.tuples(
    lists(0, 59, likely=[0, 1, 14, 15, 29, 30, 31, 44, 45, 59]),
    lists(0, 23, likely=[0, 1, 2, 3, 4, 22, 23]),
    lists(1, 31, likely=[1, 28, 29, 30, 31], others=[st.just("L")]),
    lists(1, 12, MONTHS, likely=[2, 3, 4, 9, 10, 11]) | st.just("*"),
    lists(0, 7, WEEKDAYS, likely=[0, 7], others=[last_or_nth(), last_or_nth()]),
)
lines = fields.map(" ".join) | st.sampled_from(list(MACROS))


@st.composite
def lines_around(draw, moment, zone):
    """Those of which the moment, or one beside it, is one: at 02:30 of the second Sunday of March, say."""
    wall = moment.astimezone(ZoneInfo(zone)) + draw(st.integers(-70, 70)) * MINUTE
    also = wall + draw(st.integers(-70, 70)) * MINUTE
    weekday = list(WEEKDAYS)[wall.isoweekday() % 7]
    fields = (
        [f"{wall.minute}", f"{wall.minute},{also.minute}", "0-59/7", "*/15", "*"],
        [f"{wall.hour}", f"{wall.hour},{also.hour}", "0-23", "*/2", "*"],
        ["*", "*", f"{wall.day}", f"{wall.day},L", "*/2", "L"],
        ["*", f"{wall.month}", f"{wall.month}-12"],
        ["*", "*", weekday, f"{weekday}#{(wall.day + 6) // 7}", f"{weekday}L", f"mon,{weekday}L"],
    )
    return " ".join(draw(st.sampled_from(each)) for each in fields)


def fires_at_just(rule, expected, after, cut, until):
    """``expected`` gives what an oracle finds between two instants."""
    times = list(rule.fire_times(after, until))
    assert times == expected(after, until)
    assert all(each.tzinfo is UTC for each in times)
    assert [*rule.fire_times(after, cut), *rule.fire_times(cut, until)] == times

    last, following = rule.last_before(cut), rule.next_after(cut)
    assert last <= cut < following
    assert expected(max(last - MINUTE, cut - WIDEST), cut)[-1:] == ([last] if last > cut - WIDEST else [])
    assert expected(cut, min(following, cut + WIDEST))[:1] == ([following] if following <= cut + WIDEST else [])


@examples
@given(st.data(), zones)
def test_a_line_fires_as_debians_cron_would(data, zone):
    moment = data.draw(moments(zone))
    around = lines_around(moment, zone)
    line = data.draw(st.one_of(around, around, lines))
    assume(Job(line).ever_fires())
    fires_at_just(Cron(line, timezone=zone), partial(fire_times, line, zone), *data.draw(intervals(moment)))


@examples
@given(lines)
def test_a_line_is_refused_if_it_never_fires(line):
    if Job(line).ever_fires():
        Cron(line)
    else:
        with pytest.raises(InvalidTask, match="never fires"):
            Cron(line)


@examples
@given(st.data(), zones, st.integers(1, 4) | st.integers(1, 60))
def test_every_so_many_days_at_a_wall_time(data, zone, days):
    moment = data.draw(moments(zone))
    away = timedelta(days=days * data.draw(st.integers(-200, 200)), minutes=data.draw(st.integers(-70, 70)))
    wall = naive(moment.astimezone(ZoneInfo(zone))) + away
    rule = Every(days=days, anchor=wall, timezone=zone)
    fires_at_just(rule, partial(every_days, days, wall, zone), *data.draw(intervals(moment)))


@examples
@given(moments("Europe/London").flatmap(intervals), st.integers(1, 5000), moments("UTC"))
def test_every_so_many_minutes_from_an_anchor(interval, minutes, anchor):

    def expected(after, until):
        first = after.replace(second=0, microsecond=0)
        each_minute = (first + each * MINUTE for each in range((until - first) // MINUTE + 1))
        return [each for each in each_minute if after < each and (each - anchor) // MINUTE % minutes == 0]

    fires_at_just(Every(minutes=minutes, anchor=anchor), expected, *interval)
