from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from django_tasks_oneshot import Cron, Every, InvalidTask
from django_tasks_oneshot.contract.schedule import Rule, schedules


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fire_times(rule, after, count):
    found = [rule.next_after(after)]
    while len(found) < count:
        found.append(rule.next_after(found[-1]))
    return found


SEVEN = Cron("0 7 * * *", timezone="UTC")


class TestCronNextAfter:
    @pytest.mark.parametrize(
        ("instant", "expected"),
        [
            ("2026-02-03 06:59:59.999999", "2026-02-03 07:00"),
            ("2026-02-03 06:59:00", "2026-02-03 07:00"),
            ("2026-02-03 07:00:00", "2026-02-04 07:00"),
            ("2026-02-03 07:00:00.000001", "2026-02-04 07:00"),
            ("2026-02-03 07:00:59", "2026-02-04 07:00"),
            ("2026-02-28 12:00:00", "2026-03-01 07:00"),
            ("2026-12-31 12:00:00", "2027-01-01 07:00"),
        ],
    )
    def test_is_strictly_after(self, instant, expected):
        assert SEVEN.next_after(utc(instant)) == utc(expected)

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("* * * * *", ["02-03 10:18", "02-03 10:19"]),
            ("*/15 * * * *", ["02-03 10:30", "02-03 10:45"]),
            ("5,50 10-11 * * *", ["02-03 10:50", "02-03 11:05", "02-03 11:50", "02-04 10:05"]),
            ("10-40/20 * * * *", ["02-03 10:30", "02-03 11:10"]),
            ("0 0 1 * *", ["03-01 00:00", "04-01 00:00"]),
            ("0 0 31 * *", ["03-31 00:00", "05-31 00:00"]),
            ("0 12 24 dec *", ["12-24 12:00"]),
            ("0 12 24 12 *", ["12-24 12:00"]),
            ("0 12 24 DEC *", ["12-24 12:00"]),
            ("0 9 13 * fri", ["02-06 09:00", "02-13 09:00", "02-20 09:00", "02-27 09:00", "03-06 09:00"]),
        ],
    )
    def test_follows_the_crontab_line(self, line, expected):
        found = fire_times(Cron(line, timezone="UTC"), utc("2026-02-03 10:17:30"), len(expected))
        assert found == [utc(f"2026-{each}") for each in expected]

    @pytest.mark.parametrize(
        ("weekdays", "expected"),
        [
            ("mon-fri", ["06", "09", "10", "11", "12", "13", "16"]),
            ("MON-FRI", ["06", "09", "10", "11", "12", "13", "16"]),
            ("1-5", ["06", "09", "10", "11", "12", "13", "16"]),
            ("mon,wed", ["09", "11", "16"]),
            ("sun", ["08", "15"]),
            ("0", ["08", "15"]),
            ("7", ["08", "15"]),
            ("sat,7", ["07", "08", "14", "15"]),
        ],
    )
    def test_takes_weekdays_by_name_and_by_number(self, weekdays, expected):
        after = utc("2026-02-05 12:00")  # a Thursday
        found = fire_times(Cron(f"0 7 * * {weekdays}", timezone="UTC"), after, len(expected))
        assert found == [utc(f"2026-02-{day} 07:00") for day in expected]

    @pytest.mark.parametrize(
        ("macro", "expected"),
        [
            ("@hourly", "2026-02-03 11:00"),
            ("@daily", "2026-02-04 00:00"),
            ("@midnight", "2026-02-04 00:00"),
            ("@weekly", "2026-02-08 00:00"),
            ("@monthly", "2026-03-01 00:00"),
            ("@yearly", "2027-01-01 00:00"),
            ("@annually", "2027-01-01 00:00"),
        ],
    )
    def test_takes_macros(self, macro, expected):
        assert Cron(macro, timezone="UTC").next_after(utc("2026-02-03 10:17")) == utc(expected)

    def test_finds_the_next_29_february(self):
        assert fire_times(Cron("0 0 29 2 *", timezone="UTC"), utc("2026-01-01"), 2) == [
            utc("2028-02-29"),
            utc("2032-02-29"),
        ]


class TestCronLastBefore:
    @pytest.mark.parametrize(
        ("instant", "expected"),
        [
            ("2026-02-03 06:59:59.999999", "2026-02-02 07:00"),
            ("2026-02-03 06:59:31", "2026-02-02 07:00"),
            ("2026-02-03 07:00:00", "2026-02-03 07:00"),
            ("2026-02-03 07:00:00.000001", "2026-02-03 07:00"),
            ("2026-02-03 07:00:29", "2026-02-03 07:00"),
            ("2026-02-03 07:00:59.999999", "2026-02-03 07:00"),
            ("2026-02-03 07:01:00", "2026-02-03 07:00"),
            ("2026-03-01 06:00:00", "2026-02-28 07:00"),
            ("2026-01-01 06:00:00", "2025-12-31 07:00"),
        ],
    )
    def test_is_at_or_before(self, instant, expected):
        assert SEVEN.last_before(utc(instant)) == utc(expected)

    @pytest.mark.parametrize("second", ["00", "01", "30", "59.999999"])
    def test_of_every_minute_is_the_minute_it_is(self, second):
        instant = utc(f"2026-02-03 10:17:{second}")
        assert Cron("* * * * *", timezone="UTC").last_before(instant) == utc("2026-02-03 10:17")

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("0 7 * * mon-fri", "2026-02-06 07:00"),
            ("0 0 31 * *", "2026-01-31 00:00"),
            ("0 0 29 2 *", "2024-02-29 00:00"),
            ("@monthly", "2026-02-01 00:00"),
        ],
    )
    def test_looks_back_as_far_as_it_must(self, line, expected):
        assert Cron(line, timezone="UTC").last_before(utc("2026-02-08 12:00")) == utc(expected)


class TestCronTimeZone:
    @pytest.mark.parametrize(
        ("timezone", "winter", "summer"),
        [
            ("UTC", "07:00", "07:00"),
            ("Europe/London", "07:00", "06:00"),
            ("Asia/Kathmandu", "01:15", "01:15"),
            ("Australia/Adelaide", "20:30", "21:30"),
            ("America/New_York", "12:00", "11:00"),
        ],
    )
    def test_is_the_one_that_the_line_is_read_in(self, timezone, winter, summer):
        cron = Cron("0 7 * * *", timezone=timezone)
        assert f"{cron.next_after(utc('2026-01-14 00:00')):%H:%M}" == winter
        assert f"{cron.last_before(utc('2026-07-15 00:00')):%H:%M}" == summer

    def test_is_the_projects_when_none_is_given(self, monkeypatch):
        cron = Cron("0 7 * * *")
        monkeypatch.setattr(settings, "TIME_ZONE", "America/New_York")
        assert cron.next_after(utc("2026-01-14 00:00")) == utc("2026-01-14 12:00")
        assert cron.last_before(utc("2026-01-14 11:59")) == utc("2026-01-13 12:00")

    def test_decides_the_weekday(self):
        monday_in_kathmandu = Cron("0 3 * * mon", timezone="Asia/Kathmandu")
        assert monday_in_kathmandu.next_after(utc("2026-02-07 00:00")) == utc("2026-02-08 21:15")  # a Sunday in UTC

    def test_of_the_instant_does_not_matter(self):
        instant = utc("2026-02-03 07:00")
        for zone in ("Asia/Kathmandu", "America/New_York"):
            assert SEVEN.next_after(instant.astimezone(ZoneInfo(zone))) == utc("2026-02-04 07:00")
            assert SEVEN.last_before(instant.astimezone(ZoneInfo(zone))) == instant

    def test_of_the_answer_is_utc(self):
        cron = Cron("0 7 * * *", timezone="Asia/Kathmandu")
        assert cron.next_after(utc("2026-02-03")).tzinfo is UTC
        assert cron.last_before(utc("2026-02-03")).tzinfo is UTC

    @pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Adelaide", "Africa/Cairo"])
    @pytest.mark.parametrize("line", ["* * * * *", "*/15 * * * *"])
    def test_does_not_stop_what_fires_all_the_time_when_the_clocks_change(self, zone, line):
        cron = Cron(line, timezone=zone)
        step = cron.next_after(utc("2026-01-01")) - cron.last_before(utc("2026-01-01"))
        for day in ("2025-10-26", "2026-11-01", "2026-04-05", "2026-10-30", "2026-03-29", "2026-03-08", "2026-10-04"):
            instant = utc(day) - timedelta(hours=12)
            for _ in range(100):
                instant += timedelta(minutes=17, seconds=11)
                last, following = cron.last_before(instant), cron.next_after(instant)
                assert last <= instant < following
                assert following - last == step

    @pytest.mark.parametrize("line", ["30 1 * * *", "0 2 * * *", "45 0-3 * * *", "0 0 * * *"])
    @pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Africa/Cairo"])
    def test_leaves_no_fire_time_between_last_and_next_when_the_clocks_change(self, zone, line):
        cron = Cron(line, timezone=zone)
        for day in ("2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-24", "2026-10-29"):
            instant = utc(day) - timedelta(hours=12)
            for _ in range(60):
                instant += timedelta(minutes=37, seconds=11)
                last, following = cron.last_before(instant), cron.next_after(instant)
                assert last <= instant < following
                assert cron.next_after(last) == following
                assert cron.last_before(following) == following


class TestCronRefuses:
    @pytest.mark.parametrize(
        "line",
        [
            "",
            "* * * *",
            "* * * * * *",  # seconds
            "0 0 7 * * * 2026",  # and years
            "@reboot",
            "@fortnightly",
            "7:00",
            None,
            7,
            b"* * * * *",
            ["*", "*", "*", "*", "*"],
            timedelta(hours=1),
        ],
    )
    def test_what_has_not_five_fields(self, line):
        with pytest.raises(InvalidTask) as refused:
            Cron(line)
        assert str(refused.value).startswith(f"Cron({line!r}) is not a crontab line; write five fields (minute hour")
        assert "@hourly" in str(refused.value)

    @pytest.mark.parametrize(
        "line",
        [
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 0 *",
            "* * * 13 *",
            "* * * * 8",
            "-1 * * * *",
            "1- * * * *",
            "1,,2 * * * *",
            "1.5 * * * *",
            "*/0 * * * *",
            "*/x * * * *",
            "a b c d e",
            "* * * feb-foo *",
            "* * * * monday",
            "? * * * *",
        ],
    )
    def test_a_field_that_cron_would_not_take(self, line):
        with pytest.raises(InvalidTask) as refused:
            Cron(line)
        assert str(refused.value).startswith(f"Cron({line!r}) is not a crontab line (")
        assert "write minute 0-59, hour 0-23" in str(refused.value)

    @pytest.mark.parametrize("line", ["0 0 30 2 *", "0 0 31 4 *", "0 0 31 feb,apr,jun,sep,nov *", "* * 30-31 2 *"])
    def test_a_line_that_never_fires(self, line):
        with pytest.raises(InvalidTask) as refused:
            Cron(line)
        assert str(refused.value) == f"Cron({line!r}) never fires; write a day that its months have."

    @pytest.mark.parametrize("line", ["H * * * *", "0 H(0-5) * * *", "R * * * *", "r/5 * * * *", "0 R(1-5) * * *"])
    def test_a_time_that_changes_by_itself(self, line):
        with pytest.raises(InvalidTask) as refused:
            Cron(line)
        assert str(refused.value).startswith(f"Cron({line!r}) has H or R, which cron does not know; write the time")

    @pytest.mark.parametrize(
        "timezone", ["Mars", "London", "GMT+25", "", "../zones", "UTC\0", 1, True, b"UTC", ZoneInfo("UTC")]
    )
    def test_an_unknown_time_zone(self, timezone):
        with pytest.raises(InvalidTask) as refused:
            Cron("0 7 * * *", timezone=timezone)
        assert str(refused.value) == (
            f"timezone={timezone!r} is not a time zone; write an IANA name, such as timezone='Europe/London' "
            "(and pip install tzdata where the system has no time zones)."
        )


class TestCronIsAValue:
    def test_that_says_its_line_and_zone(self):
        assert str(Cron("0 7 * * mon-fri", timezone="Europe/London")) == "0 7 * * mon-fri (Europe/London)"

    def test_that_says_the_projects_zone_when_it_has_none(self, monkeypatch):
        monkeypatch.setattr(settings, "TIME_ZONE", "Asia/Kathmandu")
        assert str(Cron("@daily")) == "@daily (Asia/Kathmandu)"

    def test_that_equals_its_like(self):
        assert Cron("0 7 * * *", "UTC") == Cron("0 7 * * *", timezone="UTC")
        assert Cron("0 7 * * *", "UTC") != Cron("0 7 * * *", "Europe/London")
        assert Cron("0 7 * * *") != Cron("0 8 * * *")

    def test_that_can_be_in_a_set(self):
        assert len({Cron("0 7 * * *"), Cron("0 7 * * *"), Cron("0 8 * * *")}) == 2


class TestEvery:
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
        with pytest.raises(TypeError):
            Every(10)

    def test_says_its_interval(self):
        assert str(Every(minutes=10)) == "every 10 minutes"
        assert str(Every(hours=36)) == "every 36 hours"
        assert str(Every(weeks=1)) == "every 7 days"
        assert str(Every(minutes=1, seconds=30.5)) == "every 90.5 seconds"
        assert str(Every(seconds=1234567)) != str(Every(seconds=1234568))

    def test_is_a_value(self):
        assert Every(minutes=60) == Every(hours=1)
        assert Every(minutes=60) != Every(hours=2)
        assert len({Every(minutes=60), Every(hours=1), Every(hours=2)}) == 2


class Nameless:
    """A rule of which nobody could tell that it was changed."""

    def next_after(self, instant):
        return instant

    last_before = next_after


class Never:
    """A rule of a project's own."""

    def __str__(self):
        return "never"

    def next_after(self, instant):
        return utc("9999-01-01")

    def last_before(self, instant):
        return utc("0001-01-01")


class TestSchedules:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (None, ()),
            ([], ()),
            (Every(hours=1), (Every(hours=1),)),
            ([Cron("@daily"), Every(hours=1)], (Cron("@daily"), Every(hours=1))),
            ((Every(hours=1),), (Every(hours=1),)),
        ],
    )
    def test_are_a_tuple_of_rules(self, value, expected):
        assert schedules(value) == expected

    def test_of_a_projects_own_need_a_text(self):
        with pytest.raises(InvalidTask, match="has no __str__"):
            schedules(Nameless())

    def test_may_be_rules_of_a_projects_own(self):
        never = Never()
        assert isinstance(never, Rule)
        assert schedules(never) == (never,)

    @pytest.mark.parametrize(
        ("value", "culprit"),
        [
            ("* * * * *", "* * * * *"),
            (["@daily"], "@daily"),
            ([Every(hours=1), None], None),
            (10, 10),
            (timedelta(hours=1), timedelta(hours=1)),
            (Cron, Cron),
            ({Every(hours=1)}, {Every(hours=1)}),
        ],
    )
    def test_refuse_what_is_no_rule(self, value, culprit):
        with pytest.raises(InvalidTask) as refused:
            schedules(value)
        assert str(refused.value) == (
            f"schedule={culprit!r} is not a rule; write schedule=Cron('0 7 * * *') or schedule=Every(minutes=10)."
        )
