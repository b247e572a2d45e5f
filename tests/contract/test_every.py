from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from django_tasks_oneshot import Every, InvalidTask

from .moments import fire_times, utc


class TestElapsedTime:
    @pytest.mark.parametrize(
        ("rule", "instant", "last", "following"),
        [
            (Every(minutes=10), "2026-02-03 10:17:30", "2026-02-03 10:10", "2026-02-03 10:20"),
            (Every(minutes=10), "2026-02-03 10:20:00", "2026-02-03 10:20", "2026-02-03 10:30"),
            (Every(minutes=10), "2026-02-03 10:19:59.999999", "2026-02-03 10:10", "2026-02-03 10:20"),
            (Every(minutes=45), "1970-01-01 01:00:00", "1970-01-01 00:45", "1970-01-01 01:30"),
            (Every(hours=36), "1970-01-03 00:00:00", "1970-01-02 12:00", "1970-01-04 00:00"),
            (Every(weeks=1), "1970-01-10 00:00:00", "1970-01-08 00:00", "1970-01-15 00:00"),
            (Every(days=1, hours=12), "1970-01-03 00:00:00", "1970-01-02 12:00", "1970-01-04 00:00"),
            (Every(seconds=1), "2026-02-03 10:17:30.5", "2026-02-03 10:17:30", "2026-02-03 10:17:31"),
            (Every(seconds=1.5), "1970-01-01 00:00:02", "1970-01-01 00:00:01.5", "1970-01-01 00:00:03"),
            (Every(hours=1), "1969-12-31 22:30:00", "1969-12-31 22:00", "1969-12-31 23:00"),
        ],
    )
    def test_fires_at_multiples_of_its_interval(self, rule, instant, last, following):
        assert rule.last_before(utc(instant)) == utc(last)
        assert rule.next_after(utc(instant)) == utc(following)

    def test_counts_time_that_passes_and_not_the_clock_on_the_wall(self):
        instant = datetime(2026, 3, 29, 0, 30, tzinfo=ZoneInfo("Europe/London"))  # half an hour before summer time
        assert Every(hours=1).next_after(instant) == utc("2026-03-29 01:00")
        assert Every(hours=2).next_after(instant) == utc("2026-03-29 02:00")

    def test_is_counted_with_a_time_zone_too_where_it_is_not_whole_days(self):
        rule = Every(hours=36, anchor="2026-03-28 07:00", timezone="Europe/London")
        assert fire_times(rule, utc("2026-03-28 07:00"), 2) == [utc("2026-03-29 19:00"), utc("2026-03-31 07:00")]

    def test_is_counted_of_days_without_a_time_zone(self):
        rule = Every(days=1, anchor=datetime(2026, 3, 28, 7, tzinfo=ZoneInfo("Europe/London")))
        assert fire_times(rule, utc("2026-03-28 07:00"), 2) == [utc("2026-03-29 07:00"), utc("2026-03-30 07:00")]

    @pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/New_York"])
    def test_does_not_depend_on_the_zone_of_the_instant(self, zone):
        instant = utc("2026-02-03 10:20").astimezone(ZoneInfo(zone))
        assert Every(minutes=10).last_before(instant) == instant
        assert Every(minutes=10).next_after(instant) == utc("2026-02-03 10:30")
        assert Every(minutes=10).next_after(instant).tzinfo is UTC

    @pytest.mark.parametrize("rule", [Every(days=1), Every(days=1, timezone="Europe/London")])
    def test_is_not_counted_from_a_naive_datetime(self, rule):
        for answer in (rule.next_after, rule.last_before):
            with pytest.raises(ValueError, match="is not an instant; give it a time zone"):
                answer(datetime(2026, 2, 3))


class TestCalendarDays:
    """In London clocks are set from 01:00 to 02:00 on 29 March 2026, and from 02:00 to 01:00 on 25 October."""

    def test_begin_at_midnight_of_the_zone(self):
        assert Every(days=1, timezone="Asia/Kathmandu").next_after(utc("2026-02-03")) == utc("2026-02-03 18:15")

    def test_keep_the_time_that_the_clock_shows(self):
        rule = Every(days=1, anchor="2026-01-01 07:00", timezone="Europe/London")
        assert fire_times(rule, utc("2026-03-28 00:00"), 2) == [utc("2026-03-28 07:00"), utc("2026-03-29 06:00")]
        assert fire_times(rule, utc("2026-10-24 00:00"), 2) == [utc("2026-10-24 06:00"), utc("2026-10-25 07:00")]

    def test_fire_at_the_change_where_their_time_is_skipped(self):
        rule = Every(days=1, anchor="2026-01-01 01:30", timezone="Europe/London")
        assert fire_times(rule, utc("2026-03-28 12:00"), 2) == [utc("2026-03-29 01:00"), utc("2026-03-30 00:30")]
        assert rule.last_before(utc("2026-03-29 02:00")) == utc("2026-03-29 01:00")

    def test_fire_in_the_first_pass_where_their_time_is_repeated(self):
        rule = Every(days=1, anchor="2026-01-01 01:30", timezone="Europe/London")
        assert fire_times(rule, utc("2026-10-24 12:00"), 2) == [utc("2026-10-25 00:30"), utc("2026-10-26 01:30")]
        assert rule.last_before(utc("2026-10-25 01:45")) == utc("2026-10-25 00:30")

    def test_are_those_of_weeks_too(self):
        rule = Every(weeks=2, anchor="2026-03-16 07:00", timezone="Europe/London")
        assert fire_times(rule, utc("2026-03-16 07:00"), 2) == [utc("2026-03-30 06:00"), utc("2026-04-13 06:00")]

    def test_are_those_of_its_zone_where_the_anchor_is_of_another(self):
        rule = Every(days=1, anchor=datetime(2026, 6, 1, 6, tzinfo=UTC), timezone="Europe/London")
        assert rule.next_after(utc("2026-01-10")) == utc("2026-01-10 07:00")


class TestAnchor:
    @pytest.mark.parametrize(
        "anchor",
        [
            {"anchor": datetime(2026, 1, 1, 7, 30, tzinfo=UTC)},
            {"anchor": datetime(2026, 1, 1, 13, 15, tzinfo=ZoneInfo("Asia/Kathmandu"))},
            {"anchor": "2026-01-01T07:30Z"},
            {"anchor": "2026-01-01 13:15+05:45"},
            {"anchor": datetime(2026, 1, 1, 13, 15), "timezone": "Asia/Kathmandu"},
            {"anchor": "2026-01-01 13:15", "timezone": "Asia/Kathmandu"},
        ],
    )
    def test_is_an_instant_from_which_is_counted_both_ways(self, anchor):
        rule = Every(hours=7, **anchor)
        assert rule.last_before(utc("2026-01-01 07:30")) == utc("2026-01-01 07:30")
        assert rule.next_after(utc("2026-01-01 07:30")) == utc("2026-01-01 14:30")
        assert rule.last_before(utc("2026-01-01 07:29")) == utc("2026-01-01 00:30")

    @pytest.mark.parametrize(
        ("anchor", "reason"),
        [
            (5, "it is not a datetime"),
            (date(2026, 1, 1), "it is not a datetime"),
            ("soon", "Invalid isoformat string: 'soon'"),
            ("2026-01-01", "it has no time zone, and there is no timezone= that says which is meant"),
            (datetime(2026, 1, 1), "it has no time zone, and there is no timezone= that says which is meant"),
            (datetime(2201, 1, 1, tzinfo=UTC), "it is too far away"),
            ("1899-12-31T23:59Z", "it is too far away"),
        ],
    )
    def test_is_refused_where_it_is_no_instant(self, anchor, reason):
        with pytest.raises(InvalidTask) as refused:
            Every(days=1, anchor=anchor)
        assert str(refused.value) == (
            f"anchor={anchor!r} is not an instant ({reason}); write anchor=datetime(2026, 1, 1, 7, tzinfo=UTC), "
            "or anchor=datetime(2026, 1, 1, 7) with timezone='Europe/London'."
        )

    @pytest.mark.parametrize("timezone", ["Mars", "", 1])
    def test_is_refused_in_an_unknown_time_zone(self, timezone):
        with pytest.raises(InvalidTask, match=r"is not a time zone; write an IANA name"):
            Every(days=1, timezone=timezone)


class TestInterval:
    @pytest.mark.parametrize(
        "interval", [{}, {"seconds": 0}, {"seconds": 0.999}, {"minutes": -5}, {"days": 1, "hours": -24}]
    )
    def test_refuses_less_than_a_second(self, interval):
        with pytest.raises(InvalidTask, match=r"is too short; write Every\(seconds=1\) or more"):
            Every(**interval)

    @pytest.mark.parametrize("interval", [{"days": 3651}, {"days": 999_999_999}])
    def test_refuses_more_than_ten_years(self, interval):
        with pytest.raises(InvalidTask, match="is too long; write ten years or less"):
            Every(**interval)

    @pytest.mark.parametrize(
        "interval", [{"minutes": "10"}, {"minutes": None}, {"hours": math.nan}, {"hours": math.inf}, {"days": 10**12}]
    )
    def test_refuses_what_is_no_interval(self, interval):
        with pytest.raises(InvalidTask, match=r"is not an interval \(.*\); write Every\(minutes=10\)"):
            Every(**interval)

    def test_takes_its_interval_by_name(self):
        for unnamed, by_name in {
            10: "seconds=10",
            0.5: "seconds=0.5",
            timedelta(minutes=5): "minutes=5",
            timedelta(days=1): "days=1",
            "10m": "minutes=10",
        }.items():
            with pytest.raises(TypeError) as refused:
                Every(unnamed)
            assert str(refused.value) == f"Every() takes its interval by name; write Every({by_name})."

    @pytest.mark.parametrize("unknown", ["minute", "months", "tz"])
    def test_comes_with_known_options_only(self, unknown):
        with pytest.raises(TypeError) as refused:
            Every(days=1, jitter=5, **{unknown: 1})
        assert str(refused.value) == f"Every() got an unexpected keyword argument {unknown!r}"


class TestIsAValue:
    def test_that_says_its_interval(self):
        assert str(Every(minutes=10)) == "every 10 minutes"
        assert str(Every(hours=36)) == "every 36 hours"
        assert str(Every(days=1)) == "every day"
        assert str(Every(hours=24)) == "every day"
        assert str(Every(hours=1)) == "every hour"
        assert str(Every(minutes=1)) == "every minute"
        assert str(Every(seconds=1)) == "every second"
        assert str(Every(weeks=1)) == "every 7 days"
        assert str(Every(minutes=1, seconds=30.5)) == "every 90.5 seconds"
        assert str(Every(seconds=1234567)) != str(Every(seconds=1234568))

    def test_that_says_from_when_and_where_it_counts(self):
        assert str(Every(days=2, anchor="2026-01-01 07:00", timezone="Europe/London")) == (
            "every 2 days from 2026-01-01 07:00:00 (Europe/London)"
        )
        assert str(Every(hours=1, timezone="UTC")) == "every hour (UTC)"

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            (Every(minutes=45), "Every(minutes=45)"),
            (Every(hours=24), "Every(days=1)"),
            (Every(minutes=1, seconds=30.5), "Every(seconds=90.5)"),
            (
                Every(days=2, anchor="2026-01-01 07:00", timezone="Europe/London", jitter=0, missed="all"),
                "Every(days=2, anchor=datetime.datetime(2026, 1, 1, 7, 0), timezone='Europe/London', missed='all')",
            ),
        ],
    )
    def test_that_is_shown_as_it_is_written(self, rule, expected):
        assert repr(rule) == expected

    def test_that_equals_its_like(self):
        assert Every(minutes=60) == Every(hours=1)
        assert Every(minutes=60) != Every(hours=2)
        assert len({Every(minutes=60), Every(hours=1), Every(hours=2)}) == 2

    def test_that_differs_by_its_anchor_zone_and_options(self):
        rules = [Every(days=1), Every(days=1, timezone="UTC"), Every(days=1, anchor="2026-01-01T00:00Z")]
        assert len({*rules, Every(days=1, jitter=60)}) == 4

    def test_that_does_not_change(self):
        with pytest.raises(FrozenInstanceError):
            Every(days=1).interval = timedelta(days=2)
