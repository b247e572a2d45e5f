from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from django_tasks_oneshot import Cron, InvalidTask
from django_tasks_oneshot.contract.crontab import Matches

from .moments import fire_times, utc

SEVEN = Cron("0 7 * * *", timezone="UTC")


class TestNextAfter:
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


class TestLastBefore:
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


class TestTimeZone:
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

    @pytest.mark.parametrize(
        "timezone", ["Mars", "London", "GMT+25", "", "../zones", "UTC\0", 1, True, b"UTC", ZoneInfo("UTC")]
    )
    def test_has_to_be_known(self, timezone):
        with pytest.raises(InvalidTask) as refused:
            Cron("0 7 * * *", timezone=timezone)
        assert str(refused.value) == (
            f"timezone={timezone!r} is not a time zone; write an IANA name, such as timezone='Europe/London' "
            "(and pip install tzdata where the system has no time zones)."
        )


class TestWhereClocksChange:
    """In London they are set from 01:00 to 02:00 on 29 March 2026, and from 02:00 to 01:00 on 25 October."""

    @pytest.mark.parametrize("line", ["30 1 * * *", "0 1 * * *", "59 1 * * *", "0,15,30,45 1 * * *", "0,30 1,2 * * *"])
    def test_fixed_times_that_are_skipped_fire_once_at_the_change(self, line):
        cron = Cron(line, timezone="Europe/London")
        assert cron.fire_times(utc("2026-03-29 00:00"), utc("2026-03-29 01:00")) == [utc("2026-03-29 01:00")]

    def test_fixed_times_after_the_change_fire_as_always(self):
        cron = Cron("30 1,2 * * *", timezone="Europe/London")
        assert cron.fire_times(utc("2026-03-29"), utc("2026-03-30")) == [
            utc("2026-03-29 01:00"),
            utc("2026-03-29 01:30"),
        ]

    def test_fixed_times_that_are_repeated_fire_in_the_first_pass(self):
        cron = Cron("0,30 1 * * *", timezone="Europe/London")
        assert cron.fire_times(utc("2026-10-25 00:00"), utc("2026-10-25 23:00")) == [utc("2026-10-25 00:30")]
        assert cron.last_before(utc("2026-10-25 01:30")) == utc("2026-10-25 00:30")
        assert cron.last_before(utc("2026-10-25 00:15")) == utc("2026-10-25 00:00")

    @pytest.mark.parametrize("line", ["30 * * * *", "30 */1 * * *"])
    def test_times_of_a_star_that_are_skipped_do_not_fire(self, line):
        cron = Cron(line, timezone="Europe/London")
        assert cron.fire_times(utc("2026-03-29 00:00"), utc("2026-03-29 02:00")) == [
            utc("2026-03-29 00:30"),
            utc("2026-03-29 01:30"),  # at which the clock shows 02:30
        ]
        assert Cron("*/30 1 * * *", timezone="Europe/London").next_after(utc("2026-03-29")) == utc("2026-03-30 00:00")

    def test_times_of_a_star_that_are_repeated_fire_twice(self):
        cron = Cron("*/30 1 * * *", timezone="Europe/London")
        assert cron.fire_times(utc("2026-10-24 23:59"), utc("2026-10-25 23:00")) == [
            utc("2026-10-25 00:00"),
            utc("2026-10-25 00:30"),
            utc("2026-10-25 01:00"),
            utc("2026-10-25 01:30"),
        ]

    @pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Adelaide", "Africa/Cairo"])
    @pytest.mark.parametrize("line", ["* * * * *", "*/15 * * * *"])
    def test_what_fires_all_the_time_is_not_interrupted(self, zone, line):
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
    def test_no_fire_time_is_between_the_last_and_the_next(self, zone, line):
        cron = Cron(line, timezone=zone)
        for day in ("2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-24", "2026-10-29"):
            instant = utc(day) - timedelta(hours=12)
            for _ in range(60):
                instant += timedelta(minutes=37, seconds=11)
                last, following = cron.last_before(instant), cron.next_after(instant)
                assert last <= instant < following
                assert cron.next_after(last) == following
                assert cron.last_before(following) == following


def counted(method, calls):
    def call(self, *args):
        calls.append(method.__name__)
        return method(self, *args)

    return call


class TestNeverShown:
    """Lines that go by the clock, and whose times the clock skips whenever their day comes."""

    @pytest.mark.parametrize(
        ("line", "zone"),
        [
            ("*/30 1 * mar sunL", "Europe/London"),
            ("*/30 2 * mar sun#2", "America/New_York"),
            ("*/5 0 * apr friL", "Africa/Cairo"),
        ],
    )
    def test_are_refused(self, line, zone):
        with pytest.raises(InvalidTask) as refused:
            Cron(line, timezone=zone)
        assert str(refused.value) == (
            f"Cron({line!r}): it never fires: the clock of {zone} skips each of its times; write another hour."
        )
        assert Cron(line, timezone="UTC")

    def test_are_refused_in_the_zone_of_the_project(self):
        assert Cron("*/30 2 * mar sunL")
        with pytest.raises(InvalidTask, match="the clock of Europe/London skips"):
            Cron("*/30 1 * mar sunL")

    def test_are_found_later_where_the_project_moves_to_another_zone(self, monkeypatch):
        rule = Cron("*/30 2 * mar sun#2")
        monkeypatch.setattr(settings, "TIME_ZONE", "America/New_York")
        with pytest.raises(InvalidTask, match="the clock of America/New_York skips"):
            rule.next_after(utc("2026-01-01"))
        with pytest.raises(InvalidTask, match="the clock of America/New_York skips"):
            rule.last_before(utc("2120-01-01"))

    def test_are_not_those_of_which_some_are_shown(self):
        moscow = Cron("*/30 2 * mar sunL", timezone="Europe/Moscow")  # until 2011 the clocks were changed then
        assert moscow.next_after(utc("2008-01-01")) == utc("2012-03-24 22:00")
        assert moscow.last_before(utc("2011-12-31")) == utc("1991-03-30 23:30")


class TestEffort:
    @pytest.fixture
    def looked_up(self, monkeypatch):
        """The names of the look-ups that were made."""
        made = []
        for name in ("next_match", "last_match"):
            monkeypatch.setattr(Matches, name, counted(getattr(Matches, name), made))
        return made

    @pytest.mark.parametrize(
        "line", ["* * * * *", "*/7 1 * * *", "30 1 * * *", "0 0 29 2 *", "0 0 29 2 */7", "0 0 * * fri#5"]
    )
    @pytest.mark.parametrize("instant", ["2026-02-03", "2026-03-29 00:59:59", "2026-10-25 00:30", "2026-10-25 01:30"])
    def test_is_the_same_however_often_and_seldom_it_fires(self, line, instant, looked_up):
        cron = Cron(line, timezone="Europe/London")
        cron.next_after(utc(instant))
        assert len(looked_up) <= 3
        looked_up.clear()
        cron.last_before(utc(instant))
        assert len(looked_up) <= 3

    def test_of_an_expression_is_spent_once(self, monkeypatch):
        cron = Cron("17 3 * * *", timezone="UTC")
        cron.next_after(utc("2026-02-03"))
        monkeypatch.setattr("django_tasks_oneshot.contract.crontab._crontab", None)
        assert Cron("17 3 * * *", timezone="Europe/London").next_after(utc("2026-02-03")) == utc("2026-02-03 03:17")


def test_a_naive_datetime_is_no_instant():
    for answer in (SEVEN.next_after, SEVEN.last_before):
        with pytest.raises(ValueError, match="is not an instant; give it a time zone"):
            answer(datetime(2026, 2, 3))


class TestIsAValue:
    def test_that_says_its_line_and_zone(self):
        assert str(Cron("0 7 * * mon-fri", timezone="Europe/London")) == "0 7 * * mon-fri (Europe/London)"

    def test_that_says_the_projects_zone_when_it_has_none(self, monkeypatch):
        monkeypatch.setattr(settings, "TIME_ZONE", "Asia/Kathmandu")
        assert str(Cron("@daily")) == "@daily (Asia/Kathmandu)"

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            (Cron("0 7 * * *"), "Cron('0 7 * * *')"),
            (Cron("@daily", "Europe/London"), "Cron('@daily', timezone='Europe/London')"),
            (Cron("@daily", args=[], kwargs={}, jitter=0, missed="latest"), "Cron('@daily')"),
            (Cron("@daily", args=[1], name="nightly"), "Cron('@daily', args=[1], name='nightly')"),
            (
                Cron("@daily", timezone="UTC", overlap="skip", jitter=30),
                "Cron('@daily', timezone='UTC', jitter=datetime.timedelta(seconds=30), overlap='skip')",
            ),
        ],
    )
    def test_that_is_shown_as_it_is_written(self, rule, expected):
        assert repr(rule) == expected

    def test_that_equals_its_like(self):
        assert Cron("0 7 * * *", "UTC") == Cron("0 7 * * *", timezone="UTC")
        assert Cron("0 7 * * *", "UTC") != Cron("0 7 * * *", "Europe/London")
        assert Cron("0 7 * * *") != Cron("0 8 * * *")

    def test_that_can_be_in_a_set(self):
        assert len({Cron("0 7 * * *"), Cron("0 7 * * *"), Cron("0 8 * * *")}) == 2

    def test_that_differs_by_its_options(self):
        assert Cron("0 7 * * *", jitter=60) != Cron("0 7 * * *")
        assert Cron("0 7 * * *", args=[1]) != Cron("0 7 * * *", args=[2])
