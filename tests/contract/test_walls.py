from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from django_tasks_oneshot import InvalidTask
from django_tasks_oneshot.contract.crontab import parse
from django_tasks_oneshot.contract.walls import (
    ClockChange,
    change_at,
    first_instant,
    last_fixed,
    last_shown,
    next_fixed,
    next_shown,
    wall_time,
    zone_of,
)

from .moments import utc

LONDON = ZoneInfo("Europe/London")
APIA = ZoneInfo("Pacific/Apia")  # which left 30 December 2011 out
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # where clocks are changed by half an hour
HALF_HOURS = parse("0,30 * * * *").matches


def wall(text):
    return datetime.fromisoformat(text)


SPRING = ClockChange(at=utc("2026-03-29 01:00"), before=wall("2026-03-29 01:00"), after=wall("2026-03-29 02:00"))
AUTUMN = ClockChange(at=utc("2026-10-25 01:00"), before=wall("2026-10-25 02:00"), after=wall("2026-10-25 01:00"))


class TestChangeAt:
    @pytest.mark.parametrize("clock", ["01:00", "01:00:00.000001", "01:30:17", "01:59:59.999999"])
    def test_is_the_one_that_skips_a_wall_time(self, clock):
        assert change_at(LONDON, wall(f"2026-03-29 {clock}")) == SPRING

    @pytest.mark.parametrize("clock", ["01:00", "01:00:00.000001", "01:30:17", "01:59:59.999999"])
    def test_is_the_one_that_repeats_a_wall_time(self, clock):
        assert change_at(LONDON, wall(f"2026-10-25 {clock}")) == AUTUMN

    @pytest.mark.parametrize("clock", ["00:59:59.999999", "02:00"])
    @pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
    def test_is_none_just_outside(self, day, clock):
        assert change_at(LONDON, wall(f"{day} {clock}")) is None

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
    def test_is_none_where_clocks_do_not_change(self, zone):
        assert change_at(ZoneInfo(zone), wall("2026-03-29 01:30")) is None

    @pytest.mark.parametrize("clock", ["2011-12-30 00:00", "2011-12-30 12:34:56", "2011-12-30 23:59:59"])
    def test_may_skip_a_day(self, clock):
        assert change_at(APIA, wall(clock)) == ClockChange(
            at=utc("2011-12-30 10:00"), before=wall("2011-12-30 00:00"), after=wall("2011-12-31 00:00")
        )

    def test_may_be_half_an_hour(self):
        assert change_at(LORD_HOWE, wall("2026-04-05 01:45")) == ClockChange(
            at=utc("2026-04-04 15:00"), before=wall("2026-04-05 02:00"), after=wall("2026-04-05 01:30")
        )

    def test_may_be_of_the_zones_offset_for_good(self):
        caracas = ZoneInfo("America/Caracas")
        assert change_at(caracas, wall("2016-05-01 02:45")).at == utc("2016-05-01 07:00")
        assert change_at(caracas, wall("2007-12-09 02:45")).at == utc("2007-12-09 07:00")

    def test_says_what_is_skipped(self):
        assert SPRING.skips(wall("2026-03-29 01:00"))
        assert not SPRING.skips(wall("2026-03-29 02:00"))
        assert not AUTUMN.skips(wall("2026-10-25 01:30"))


class TestFirstInstant:
    @pytest.mark.parametrize(
        ("zone", "shown", "expected"),
        [
            (LONDON, "2026-02-03 07:00", "2026-02-03 07:00"),
            (LONDON, "2026-07-03 07:00", "2026-07-03 06:00"),
            (LONDON, "2026-03-29 00:59", "2026-03-29 00:59"),
            (LONDON, "2026-03-29 01:00", "2026-03-29 01:00"),  # skipped
            (LONDON, "2026-03-29 01:59", "2026-03-29 01:00"),
            (LONDON, "2026-03-29 02:00", "2026-03-29 01:00"),
            (LONDON, "2026-10-25 01:00", "2026-10-25 00:00"),  # repeated
            (LONDON, "2026-10-25 01:59", "2026-10-25 00:59"),
            (LONDON, "2026-10-25 02:00", "2026-10-25 02:00"),
            (APIA, "2011-12-30 15:00", "2011-12-30 10:00"),
            (LORD_HOWE, "2026-04-05 01:45", "2026-04-04 14:45"),
        ],
    )
    def test_is_when_the_clock_shows_it_first_or_is_set_past_it(self, zone, shown, expected):
        assert first_instant(zone, wall(shown)) == utc(expected)
        assert first_instant(zone, wall(shown)).tzinfo is UTC


class TestWallTime:
    def test_is_what_the_clock_shows(self):
        assert wall_time(LONDON, utc("2026-07-03 06:00")) == wall("2026-07-03 07:00")
        assert wall_time(LONDON, datetime(2026, 7, 3, 1, tzinfo=ZoneInfo("America/New_York"))) == wall(
            "2026-07-03 06:00"
        )

    @pytest.mark.parametrize("instant", ["2026-10-25 00:30", "2026-10-25 01:30"])
    def test_is_the_same_in_both_passes(self, instant):
        shown = wall_time(LONDON, utc(instant))
        assert (shown, shown.fold, shown.tzinfo) == (wall("2026-10-25 01:30"), 0, None)

    def test_is_not_that_of_a_naive_datetime(self):
        with pytest.raises(ValueError, match="is not an instant; give it a time zone, such as tzinfo=UTC"):
            wall_time(LONDON, datetime(2026, 2, 3))

    @pytest.mark.parametrize("answer", [next_fixed, last_fixed, next_shown, last_shown])
    def test_of_a_naive_datetime_is_not_searched(self, answer):
        with pytest.raises(ValueError, match="is not an instant"):
            answer(HALF_HOURS, LONDON, datetime(2026, 2, 3))


class TestFixed:
    """Each wall time is meant once."""

    @pytest.mark.parametrize(
        ("instant", "expected"),
        [
            ("2026-03-29 00:29", "2026-03-29 00:30"),
            ("2026-03-29 00:30", "2026-03-29 01:00"),  # for 01:00, 01:30 and 02:00
            ("2026-03-29 01:00", "2026-03-29 01:30"),  # 02:30
            ("2026-10-25 00:00", "2026-10-25 00:30"),
            ("2026-10-25 00:30", "2026-10-25 02:00"),
            ("2026-10-25 01:00", "2026-10-25 02:00"),
            ("2026-10-25 01:30", "2026-10-25 02:00"),
        ],
    )
    def test_next_is_the_first_after_an_instant(self, instant, expected):
        assert next_fixed(HALF_HOURS, LONDON, utc(instant)) == utc(expected)

    @pytest.mark.parametrize(
        ("instant", "expected"),
        [
            ("2026-03-29 00:59", "2026-03-29 00:30"),
            ("2026-03-29 01:00", "2026-03-29 01:00"),
            ("2026-03-29 01:29", "2026-03-29 01:00"),
            ("2026-10-25 00:29", "2026-10-25 00:00"),
            ("2026-10-25 00:30", "2026-10-25 00:30"),
            ("2026-10-25 01:00", "2026-10-25 00:30"),
            ("2026-10-25 01:59", "2026-10-25 00:30"),
            ("2026-10-25 02:00", "2026-10-25 02:00"),
        ],
    )
    def test_last_is_the_newest_by_an_instant(self, instant, expected):
        assert last_fixed(HALF_HOURS, LONDON, utc(instant)) == utc(expected)


class TestShown:
    """Each wall time is meant whenever the clock shows it."""

    @pytest.mark.parametrize(
        ("instant", "expected"),
        [
            ("2026-03-29 00:30", "2026-03-29 01:00"),
            ("2026-03-29 01:00", "2026-03-29 01:30"),
            ("2026-10-25 00:30", "2026-10-25 01:00"),
            ("2026-10-25 01:00", "2026-10-25 01:30"),
            ("2026-10-25 01:30", "2026-10-25 02:00"),
        ],
    )
    def test_next_is_the_first_after_an_instant(self, instant, expected):
        assert next_shown(HALF_HOURS, LONDON, utc(instant)) == utc(expected)
        assert last_shown(HALF_HOURS, LONDON, utc(expected) - timedelta(microseconds=1)) == utc(instant)

    def test_next_comes_not_at_all_where_it_is_skipped(self):
        half_past_one = parse("30 1 * * *").matches
        assert next_shown(half_past_one, LONDON, utc("2026-03-29")) == utc("2026-03-30 00:30")
        assert last_shown(half_past_one, LONDON, utc("2026-03-29 12:00")) == utc("2026-03-28 01:30")

    def test_next_comes_twice_where_it_is_repeated(self):
        half_past_one = parse("30 1 * * *").matches
        assert next_shown(half_past_one, LONDON, utc("2026-10-25 00:00")) == utc("2026-10-25 00:30")
        assert next_shown(half_past_one, LONDON, utc("2026-10-25 00:30")) == utc("2026-10-25 01:30")
        assert next_shown(half_past_one, LONDON, utc("2026-10-25 01:30")) == utc("2026-10-26 01:30")

    def test_last_is_the_pass_that_was(self):
        half_past_one = parse("30 1 * * *").matches
        assert last_shown(half_past_one, LONDON, utc("2026-10-25 01:29")) == utc("2026-10-25 00:30")
        assert last_shown(half_past_one, LONDON, utc("2026-10-25 01:30")) == utc("2026-10-25 01:30")
        assert last_shown(half_past_one, LONDON, utc("2026-10-25 00:29")) == utc("2026-10-24 00:30")

    def test_last_of_the_first_pass_is_the_newest_in_the_second(self):
        before_two = parse("50 * * * *").matches
        assert last_shown(before_two, LONDON, utc("2026-10-25 01:49")) == utc("2026-10-25 00:50")
        assert next_shown(before_two, LONDON, utc("2026-10-25 00:50")) == utc("2026-10-25 01:50")


class TestZoneOf:
    def test_is_the_zone_of_a_name(self):
        assert zone_of("Europe/London") is LONDON

    @pytest.mark.parametrize("name", ["Mars", "", "../zones", "Europe", "UTC\0", None, 1, b"UTC", LONDON])
    def test_is_refused_of_what_is_no_name(self, name):
        with pytest.raises(InvalidTask, match="is not a time zone; write an IANA name, such as"):
            zone_of(name)
