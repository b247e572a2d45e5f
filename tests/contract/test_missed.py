from __future__ import annotations

from datetime import timedelta

import pytest

from django_tasks_oneshot import Cron, Every
from django_tasks_oneshot.contract.missed import MOST_COUNTED, ON_TIME, Due, Fire, due_fires
from django_tasks_oneshot.contract.schedule import MAX_MISSED

from .moments import utc

TEN = utc("2026-02-03 10:00")  # the fire time that is not dealt with yet


def hourly(**options):
    return Cron("0 * * * *", timezone="UTC", **options)


def at(clock):
    return utc(f"2026-02-03 {clock}")


def hours_of(due):
    return [each.at.hour for each in due.fires]


class TestLatest:
    def test_is_the_one_fire_time_that_has_come(self):
        assert due_fires(hourly(), TEN, at("10:00")) == Due([Fire(TEN)])
        assert due_fires(hourly(), TEN, at("10:59")) == Due([Fire(TEN)])

    def test_replaces_the_ones_before_it(self):
        assert due_fires(hourly(), TEN, at("13:30")) == Due([Fire(at("13:00"), replaces=3)])

    def test_counts_what_it_replaces_up_to_a_limit(self):
        due = due_fires(Every(seconds=1), TEN, TEN + timedelta(days=1))
        assert due == Due([Fire(TEN + timedelta(days=1), replaces=MOST_COUNTED)])

    def test_is_never_too_late_when_nothing_is_said(self):
        assert due_fires(Cron("0 10 3 2 *", timezone="UTC"), TEN, utc("2027-02-01")).fires == [Fire(TEN)]


class TestAll:
    def test_is_each_oldest_first(self):
        due = due_fires(hourly(missed="all"), TEN, at("13:30"))
        assert due == Due([Fire(at("10:00")), Fire(at("11:00")), Fire(at("12:00")), Fire(at("13:00"))])

    @pytest.mark.parametrize(
        ("max_missed", "hours", "dropped"), [(1, [13], 3), (2, [12, 13], 2), (4, [10, 11, 12, 13], 0)]
    )
    def test_is_the_newest_of_them_up_to_max_missed(self, max_missed, hours, dropped):
        due = due_fires(hourly(missed="all", max_missed=max_missed), TEN, at("13:30"))
        assert (hours_of(due), due.too_many, due.too_late) == (hours, dropped, 0)

    def test_is_at_most_a_hundred_when_nothing_is_said(self):
        due = due_fires(Every(minutes=1, missed="all"), TEN, at("12:00"))
        assert (len(due.fires), due.too_many) == (MAX_MISSED, 121 - MAX_MISSED)
        assert (due.fires[0].at, due.fires[-1].at) == (at("10:21"), at("12:00"))

    def test_counts_what_it_drops_up_to_a_limit(self):
        assert due_fires(Every(seconds=1, missed="all", max_missed=5), TEN, at("20:00")).too_many == MOST_COUNTED

    def test_takes_no_fire_time_twice_where_clocks_change(self):
        rule = Cron("*/30 * * * *", timezone="Europe/London", missed="all")
        first, now = utc("2026-10-25 00:00"), utc("2026-10-25 02:00")
        found = [each.at for each in due_fires(rule, first, now).fires]
        assert found == [first + timedelta(minutes=30 * number) for number in range(5)]


def test_nothing_is_due_before_the_first():
    assert due_fires(hourly(), TEN, TEN - timedelta(microseconds=1)) == Due()


class TestSkip:
    def test_is_the_newest_while_a_run_is_on_time(self):
        assert due_fires(hourly(missed="skip"), TEN, TEN + ON_TIME) == Due([Fire(TEN)])

    def test_is_none_after_that(self):
        late = TEN + ON_TIME + timedelta(microseconds=1)
        assert due_fires(hourly(missed="skip"), TEN, late) == Due([], too_late=1)

    def test_drops_the_older_ones_of_several_where_the_newest_is_on_time(self):
        assert due_fires(hourly(missed="skip"), TEN, at("13:05")) == Due([Fire(at("13:00"))], too_late=3)

    def test_is_none_of_several_that_are_late(self):
        assert due_fires(hourly(missed="skip"), TEN, at("13:30")) == Due([], too_late=4)

    def test_is_on_time_for_as_long_as_start_within_says(self):
        rule = hourly(missed="skip", start_within=timedelta(minutes=40))
        assert due_fires(rule, TEN, at("10:40")).fires == [Fire(TEN)]
        assert due_fires(rule, TEN, at("10:41")) == Due([], too_late=1)


class TestStartWithin:
    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("10:10:00", Due([Fire(TEN)])),
            ("10:10:00.000001", Due([], too_late=1)),
            ("13:05", Due([Fire(at("13:00"), replaces=3)])),
            ("13:30", Due([], too_late=4)),
        ],
    )
    def test_drops_the_latest_with_all_that_it_replaces(self, now, expected):
        assert due_fires(hourly(start_within=600), TEN, at(now)) == expected

    @pytest.mark.parametrize(
        ("hours", "expected", "dropped"),
        [(0.25, [], 4), (1, [13], 3), (2.5, [11, 12, 13], 1), (24, [10, 11, 12, 13], 0)],
    )
    def test_drops_each_of_all_that_is_too_old(self, hours, expected, dropped):
        due = due_fires(hourly(missed="all", start_within=timedelta(hours=hours)), TEN, at("13:30"))
        assert (hours_of(due), due.too_late, due.too_many) == (expected, dropped, 0)

    def test_drops_besides_what_max_missed_drops(self):
        due = due_fires(hourly(missed="all", max_missed=3, start_within=timedelta(hours=1)), TEN, at("13:30"))
        assert (hours_of(due), due.too_late, due.too_many) == ([13], 3, 0)


class TestAFirstThatTheRuleHasNoMore:
    """A release of the time zone database may move fire times after one was waited for."""

    @pytest.mark.parametrize("missed", ["latest", "all", "skip"])
    def test_is_fired_where_the_rules_last_one_is_before_it(self, missed):
        rule = Cron("30 * * * *", timezone="UTC", missed=missed)
        assert due_fires(rule, TEN, at("10:05")) == Due([Fire(TEN)])

    def test_is_not_fired_besides_a_newer_one(self):
        rule = Cron("30 * * * *", timezone="UTC")
        assert due_fires(rule, TEN, at("11:35")) == Due([Fire(at("11:30"), replaces=1)])
