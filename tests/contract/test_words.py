from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.conf import settings

from django_tasks_oneshot import Cron, Every
from django_tasks_oneshot.contract.schedule import Rule
from django_tasks_oneshot.contract.words import in_words


def words(line):
    """Of a line in UTC, without the zone and what follows it."""
    said, zone, _ = in_words(Cron(line, timezone="UTC")).partition(", in UTC.")
    assert zone
    return said


BY_DAYS = " For one every 2 days write Every(days=2) with its anchor and timezone."


def hints(line):
    return in_words(Cron(line, timezone="UTC")).partition(", in UTC.")[2].strip()


class TestTimes:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("* * * * *", "Every minute"),
            ("*/15 * * * *", "Every 15 minutes"),
            ("0,30 * * * *", "Every 30 minutes"),
            ("@hourly", "At minute 0 of every hour"),
            ("5 * * * *", "At minute 5 of every hour"),
            ("10-40/20 * * * *", "At minutes 10 and 30 of every hour"),
            ("5-59/15 * * * *", "At minutes 5, 20, 35 and 50 of every hour"),
            ("*/10,5 * * * *", "At minutes 0, 5, 10, 20, 30, 40 and 50 of every hour"),
            ("1-59/2 * * * *", "At every 2nd minute from 1 to 59 of every hour"),
            ("0-20 * * * *", "At minutes 0 to 20 of every hour"),
            ("0 7 * * *", "At 07:00 every day"),
            ("@daily", "At 00:00 every day"),
            ("0 8,20 * * *", "At 08:00 and 20:00 every day"),
            ("*/15 9 * * *", "At 09:00, 09:15, 09:30 and 09:45 every day"),
            ("5,35 1-3 * * *", "At minutes 5 and 35 of hours 1 to 3 every day"),
            ("15 1,3,9,14,20 * * *", "At minute 15 of hours 1, 3, 9, 14 and 20 every day"),
            ("5 9-17 * * *", "Every hour from 09:05 to 17:05 every day"),
            ("30 */2 * * *", "Every 2 hours from 00:30 to 22:30 every day"),
            ("* 9-17 * * *", "Every minute from 09:00 to 17:59 every day"),
            ("*/15 9-17 * * *", "Every 15 minutes from 09:00 to 17:45 every day"),
            ("*/15 0-3,22,23 * * *", "Every 15 minutes from 00:00 to 03:45 and from 22:00 to 23:45 every day"),
            ("*/30 */3 * * *", "Every 30 minutes of every 3rd hour from 0 to 21 every day"),
        ],
    )
    def test_are_said_as_one_would(self, line, expected):
        assert words(line) == expected


class TestDays:
    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            ("1 * *", "on the 1st of the month"),
            ("1,15 * *", "on the 1st and 15th of the month"),
            ("1,L * *", "on the 1st and the last day of the month"),
            ("L * *", "on the last day of the month"),
            ("1-7 * *", "on the 1st to 7th of the month"),
            ("2,3,11-13,21,22 * *", "on the 2nd, 3rd, 11th to 13th, 21st and 22nd of the month"),
            ("*/2 * *", "on every 2nd day from the 1st to the 31st of the month"),
            ("* * sun", "on Sundays"),
            ("* * mon-fri", "Monday to Friday"),
            ("* * fri-7", "Friday to Sunday"),
            ("* * 0,6", "on Saturdays and Sundays"),
            ("* * 1,3,5", "on Mondays, Wednesdays and Fridays"),
            ("* * mon-wed,fri,sun", "Monday to Wednesday and on Fridays and Sundays"),
            ("* * mon,wed-fri", "Wednesday to Friday and on Mondays"),
            ("* * 0-6", "every day"),
            ("* * fri#2", "on the second Friday of the month"),
            ("* * friL", "on the last Friday of the month"),
            ("* * monL,mon#3,mon#1", "on the first Monday, the third Monday and the last Monday of the month"),
            ("* * mon,fri#2", "on Mondays and on the second Friday of the month"),
            ("* * mon-wed,fri#2", "Monday to Wednesday and on the second Friday of the month"),
        ],
    )
    def test_are_said_as_one_would(self, days, expected):
        assert words(f"0 7 {days}") == f"At 07:00 {expected}"

    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            ("13 * fri", "on the 13th of the month and on every Friday"),
            ("1,15 * mon-wed", "on the 1st and 15th of the month and on every Monday, Tuesday and Wednesday"),
            ("1 * tue,fri#5", "on the 1st of the month, on every Tuesday and on the fifth Friday of the month"),
            ("13 * fri#2", "on the 13th of the month and on the second Friday of the month"),
            ("1-31 * mon", "every day"),
            ("13 * 0-6", "every day"),
        ],
    )
    def test_are_of_both_kinds_where_either_has_to_match(self, days, expected):
        assert words(f"0 7 {days}") == f"At 07:00 {expected}"

    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            ("*/10 * mon", "on the 1st, 11th, 21st and 31st of the month where that is a Monday"),
            ("13 * */3", "on the 13th of the month where that is a Wednesday, a Saturday or a Sunday"),
            ("L * */7", "on the last day of the month where that is a Sunday"),
            ("*/10 7 mon,fri#1", "on the 1st, 11th, 21st and 31st of July where that is a Monday or the first Friday"),
        ],
    )
    def test_are_of_one_kind_where_both_have_to_match(self, days, expected):
        assert words(f"0 7 {days}") == f"At 07:00 {expected}"

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("@yearly", "At 00:00 on the 1st of January"),
            ("0 0 1 1,4,7,10 *", "At 00:00 on the 1st of January, April, July and October"),
            ("0 7 * 6-8 *", "At 07:00 every day in June, July and August"),
            ("*/15 * * feb *", "Every 15 minutes every day in February"),
            ("0 7 * 6 mon-fri", "At 07:00 Monday to Friday in June"),
            ("0 7 * 6 mon", "At 07:00 on Mondays in June"),
            ("0 7 * 6 fri#2", "At 07:00 on the second Friday of June"),
            ("0 7 13 3 fri,sun", "At 07:00 on the 13th of March and on every Friday and Sunday in March"),
        ],
    )
    def test_are_of_the_months(self, line, expected):
        assert words(line) == expected


class TestZone:
    def test_is_said_with_what_happens_to_times_that_are_meant_once(self):
        assert in_words(Cron("0 7 * * mon-fri", timezone="Europe/London")) == (
            "At 07:00 Monday to Friday, in Europe/London. Where the clocks change, "
            "skipped times fire as one, at the change, and repeated ones in the first pass only."
        )

    def test_is_said_with_what_happens_to_times_that_the_clock_shows(self):
        assert in_words(Cron("*/5 * * * *", timezone="Europe/London")) == (
            "Every 5 minutes, in Europe/London. Where the clocks change, it goes by what they show: "
            "skipped times do not fire, repeated ones fire twice."
        )

    def test_is_the_projects_where_none_is_given(self, monkeypatch):
        monkeypatch.setattr(settings, "TIME_ZONE", "Etc/UTC")
        assert in_words(Cron("@daily")) == "At 00:00 every day, in Etc/UTC."


class TestHints:
    @pytest.mark.parametrize(
        ("line", "only", "instead"),
        [
            ("*/90 * * * *", "*/90 is minute 0 only", " For one every 90 minutes write Every(minutes=90)."),
            ("10-20/30 * * * *", "10-20/30 is minute 10 only", " For one every 30 minutes write Every(minutes=30)."),
            ("0 */36 * * *", "*/36 is hour 0 only", " For one every 36 hours write Every(hours=36)."),
            (
                "0 0 */40 * *",
                "*/40 is day 1 only",
                " For one every 40 days write Every(days=40) with its anchor and timezone.",
            ),
            ("0 0 1 */18 *", "*/18 is January only", ""),
            (
                "0 0 * * */9",
                "*/9 is Sunday only",
                " For one every 9 days write Every(days=9) with its anchor and timezone.",
            ),
        ],
    )
    def test_tell_of_a_step_that_is_never_taken(self, line, only, instead):
        assert hints(line) == f"{only}, as its step is longer than its range.{instead}"

    @pytest.mark.parametrize(
        ("line", "where", "instead"),
        [
            ("*/45 * * * *", "each hour is shorter, as */45", " For one every 45 minutes write Every(minutes=45)."),
            ("0 */5 * * *", "each day is shorter, as */5", " For one every 5 hours write Every(hours=5)."),
            ("0 3 */2 * *", "most months is shorter, as */2", BY_DAYS),
            ("0 0 1 */5 *", "each year is shorter, as */5", ""),
            ("0 3 * * */2", "each week is shorter, as */2", BY_DAYS),
            ("*/45 9-17 * * mon-fri", "each hour is shorter, as */45", ""),
            ("*/45 * * 6 *", "each hour is shorter, as */45", ""),
            ("30 */5 * * *", "each day is shorter, as */5", ""),
            ("0 */5 * * mon-fri", "each day is shorter, as */5", ""),
            ("0,30 3 */2 * *", "most months is shorter, as */2", ""),
            ("0 3 */2 6-8 *", "most months is shorter, as */2", ""),
            ("0 3 * 6-8 */2", "each week is shorter, as */2", ""),
        ],
    )
    def test_tell_of_a_step_that_does_not_come_out_even(self, line, where, instead):
        assert hints(line) == f"The last gap of {where} begins anew with the next.{instead}"

    @pytest.mark.parametrize("line", ["* 7 * * *", "* 8,20 * * *", "* */2 * * *"])
    def test_tell_of_a_star_where_a_zero_was_meant(self, line):
        assert hints(line) == "A star as the minute is every minute of the hour; to fire once an hour, write 0."

    @pytest.mark.parametrize(
        ("line", "day"), [("0 0 31 * *", "31st"), ("0 0 30,31 * *", "30th"), ("0 0 29 2,3 *", "29th")]
    )
    def test_tell_of_months_that_are_left_out(self, line, day):
        assert hints(line) == f"Months without a {day} are left out; for the last day of each month write L."

    def test_tell_of_leap_years(self):
        assert hints("0 9 29 2 *") == "Only leap years have a 29th of February."

    @pytest.mark.parametrize(
        ("line", "instead"),
        [
            ("0 3 1-7 * mon", "For the first Monday of the month write mon#1."),
            ("0 3 8-14 * tue", "For the second Tuesday of the month write tue#2."),
            ("0 3 22-28 6 7", "For the fourth Sunday of the month write sun#4."),
        ],
    )
    def test_tell_of_a_week_of_the_month_and_a_weekday_of_which_either_has_to_match(self, line, instead):
        assert hints(line) == instead

    @pytest.mark.parametrize(
        "line",
        [
            *(
                "* * * * *",
                "*/1 * * * *",
                "*/15 * * * *",
                "*/60 * * * *",
                "0 */24 * * *",
                "0 0 1 */12 *",
                "0 0 * * */7",
            ),
            *("10-40/20 * * * *", "*/45,50 * * * *", "* 9-17 * * *", "* 0-23 * * *", "0 0 */10 * mon", "0 0 13 * */2"),
            *("0 0 31 12 *", "0 0 31,L * *", "0 0 31 * mon", "@yearly", "0 0 1-30 * *"),
            *("*/7 2 * * *", "0 */5 1 * *", "0 3 */2 1 *"),
            *("0 3 1-8 * mon", "0 3 2-8 * mon", "0 3 1-7 * mon,tue", "0 3 1-7 * *", "0 3 * * mon", "0 3 1-7,L * mon"),
        ],
    )
    def test_are_not_given_where_all_is_well(self, line):
        assert hints(line) == ""


class TestEvery:
    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            (Every(minutes=90), "Every 90 minutes of elapsed time, counted from 1970-01-01 00:00 in UTC."),
            (Every(hours=1), "Every hour of elapsed time, counted from 1970-01-01 00:00 in UTC."),
            (Every(weeks=2), "Every 14 days of elapsed time, counted from 1970-01-01 00:00 in UTC."),
            (Every(seconds=1.5), "Every 1.5 seconds of elapsed time, counted from 1970-01-01 00:00 in UTC."),
            (
                Every(minutes=90, anchor=datetime(2026, 1, 1, 7, tzinfo=timezone(timedelta(hours=2)))),
                "Every 90 minutes of elapsed time, counted from 2026-01-01 05:00 in UTC.",
            ),
            (
                Every(days=2, anchor="2026-01-01 07:00:30", timezone="UTC"),
                "Every 2 days at 07:00:30, counted from 2026-01-01, in UTC.",
            ),
        ],
    )
    def test_says_its_interval_and_from_when_it_counts(self, rule, expected):
        assert in_words(rule) == expected

    @pytest.mark.parametrize("anchor", ["2026-06-01 07:00", datetime(2026, 6, 1, 6, tzinfo=UTC)])
    def test_of_days_in_a_zone_says_that_it_goes_by_the_calendar(self, anchor):
        assert in_words(Every(days=1, anchor=anchor, timezone="Europe/London")) == (
            "Every day at 07:00, counted from 2026-06-01, in Europe/London. Where the clocks change, "
            "skipped times fire as one, at the change, and repeated ones in the first pass only."
        )

    def test_of_hours_in_a_zone_says_that_it_goes_by_elapsed_time(self):
        assert in_words(Every(hours=36, anchor="2026-01-01 07:00", timezone="Europe/London")) == (
            "Every 36 hours of elapsed time, counted from 2026-01-01 07:00 in Europe/London. "
            "Where the clocks change, it does not follow them: its times of the day shift."
        )


@dataclass(frozen=True)
class FullMoon(Rule):
    def __str__(self):
        return "every full moon"

    def next_after(self, instant):
        return instant + timedelta(days=29)

    def last_before(self, instant):
        return instant - timedelta(days=29)


def test_a_rule_of_a_projects_own_speaks_for_itself():
    assert in_words(FullMoon()) == "every full moon"
