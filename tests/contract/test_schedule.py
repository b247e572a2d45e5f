from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from django_tasks_oneshot import Cron, Every, InvalidTask
from django_tasks_oneshot.contract.schedule import LONGEST_NAME, Rule, schedules

from .moments import utc

HOURLY = Every(hours=1)


@dataclass(frozen=True)
class NewYear(Rule):
    """A rule of a project's own."""

    hour: int = 0

    def __str__(self):
        return f"new year at {self.hour}"

    def next_after(self, instant):
        return min(each for each in self.both_of(instant) if each > instant)

    def last_before(self, instant):
        return max(each for each in self.both_of(instant) if each <= instant)

    def both_of(self, instant):
        return [utc(f"{year}-01-01 {self.hour:02}:00") for year in (instant.year - 1, instant.year, instant.year + 1)]


class Textless(Rule):
    """Of which nobody could tell that it was changed."""

    def next_after(self, instant):
        return instant

    last_before = next_after


class TestFireTimes:
    def test_are_after_the_first_and_not_after_the_second(self):
        assert HOURLY.fire_times(utc("2026-02-03 10:00"), utc("2026-02-03 12:00")) == [
            utc("2026-02-03 11:00"),
            utc("2026-02-03 12:00"),
        ]

    def test_are_none_where_none_is_between(self):
        assert HOURLY.fire_times(utc("2026-02-03 10:00"), utc("2026-02-03 10:59")) == []
        assert HOURLY.fire_times(utc("2026-02-03 12:00"), utc("2026-02-03 10:00")) == []

    @pytest.mark.parametrize("rule", [HOURLY, Every(days=1, timezone="Europe/London"), Cron("0 7 * * *")])
    def test_are_between_instants(self, rule):
        instant, naive = utc("2026-02-03 10:00"), utc("2026-02-03 10:00").replace(tzinfo=None)
        for span in ((naive, instant), (instant, naive)):
            with pytest.raises(ValueError, match="is not an instant; give it a time zone, such as tzinfo=UTC"):
                rule.fire_times(*span)

    @pytest.mark.parametrize("limit", [0, 1, 3])
    def test_are_at_most_so_many(self, limit):
        found = HOURLY.fire_times(utc("2026-02-03 00:00"), utc("9999-12-31"), limit=limit)
        assert found == [utc(f"2026-02-03 0{hour}:00") for hour in range(1, limit + 1)]


class TestPutOff:
    def test_is_nothing_without_jitter(self):
        assert HOURLY.put_off("shop.tasks.restock") == timedelta(0)

    @pytest.mark.parametrize("jitter", [600, timedelta(minutes=10)])
    def test_is_the_same_in_all_processes_and_releases(self, jitter):
        expected = timedelta(seconds=249, microseconds=582458)
        assert Every(hours=1, jitter=jitter).put_off("shop.tasks.restock") == expected
        assert Cron("0 7 * * *", jitter=jitter).put_off("shop.tasks.restock") == expected

    def test_is_below_the_jitter_and_spread_over_it(self):
        found = [Every(hours=1, jitter=60).put_off(f"task {number}") for number in range(1000)]
        assert len(set(found)) == 1000
        assert timedelta(0) <= min(found) < timedelta(seconds=1)
        assert timedelta(seconds=59) < max(found) < timedelta(seconds=60)

    def test_does_not_move_fire_times(self):
        assert Every(hours=1, jitter=600).next_after(utc("2026-02-03 10:17")) == utc("2026-02-03 11:00")


class TestOptions:
    def test_are_the_same_of_all_rules(self):
        options = {"missed": "all", "max_missed": 5, "start_within": 60, "jitter": 30, "args": [1], "name": "noon"}
        for rule in (Cron("0 12 * * *", **options), Every(hours=12, **options), NewYear(hour=12, **options)):
            assert (rule.missed, rule.max_missed, rule.args, rule.name) == ("all", 5, [1], "noon")
            assert (rule.start_within, rule.jitter) == (timedelta(seconds=60), timedelta(seconds=30))

    def test_may_all_be_left_out(self):
        assert (HOURLY.missed, HOURLY.max_missed, HOURLY.start_within, HOURLY.overlap) == (
            "latest",
            None,
            None,
            "allow",
        )
        assert (HOURLY.jitter, HOURLY.args, HOURLY.kwargs, HOURLY.name) == (timedelta(0), (), {}, None)

    @pytest.mark.parametrize(
        "options",
        [
            {"missed": "skip", "start_within": timedelta(hours=1)},
            {"missed": "skip", "overlap": "skip"},
            {"missed": "all", "max_missed": 1000},
            {"args": (1, "two", [None]), "kwargs": {"dry_run": True, "nested": {"a": [1.5]}}},
            {"name": "x" * LONGEST_NAME},
        ],
    )
    def test_may_be_put_together(self, options):
        rule = Every(hours=1, **options)
        assert {name: getattr(rule, name) for name in options} == options
        assert hash(rule) == hash(Every(hours=1, **options))

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"missed": "none"}, "missed='none' is not one of 'latest', 'all', 'skip'."),
            ({"missed": None}, "missed=None is not one of 'latest', 'all', 'skip'."),
            ({"missed": ["all"]}, "missed=['all'] is not one of 'latest', 'all', 'skip'."),
            ({"overlap": "queue"}, "overlap='queue' is not one of 'allow', 'skip'."),
            (
                {"missed": "all", "overlap": "skip"},
                "missed='all' enqueues several at once, which overlap='skip' does not; leave one out.",
            ),
            ({"max_missed": 5}, "max_missed=5 is for missed='all'; leave it out."),
            ({"max_missed": 5, "missed": "skip"}, "max_missed=5 is for missed='all'; leave it out."),
            ({"args": "abc"}, "args='abc' is not a list or tuple; write args=[1] for a single argument."),
            ({"args": 5}, "args=5 is not a list or tuple; write args=[1] for a single argument."),
            ({"kwargs": [1]}, "kwargs=[1] are not keyword arguments; write kwargs={'name': 1}."),
            ({"kwargs": {1: 2}}, "kwargs={1: 2} are not keyword arguments; write kwargs={'name': 1}."),
            (
                {"start_within": 0},
                "start_within=0 is always over; write the seconds that a run may come late, or None.",
            ),
        ],
    )
    def test_are_refused_with_what_to_write_instead(self, options, said):
        with pytest.raises(InvalidTask) as refused:
            Cron("0 7 * * *", **options)
        assert str(refused.value) == said

    @pytest.mark.parametrize("max_missed", [0, -1, 1001, 5.0, "5", True])
    def test_refuse_a_number_that_is_none(self, max_missed):
        with pytest.raises(InvalidTask) as refused:
            Every(hours=1, missed="all", max_missed=max_missed)
        assert str(refused.value) == f"max_missed={max_missed!r} is not a whole number from 1 to 1,000."

    @pytest.mark.parametrize("option", ["start_within", "jitter"])
    @pytest.mark.parametrize("value", [-1, "60", True, float("nan"), timedelta(seconds=-1), timedelta(days=4000)])
    def test_refuse_a_time_that_is_none(self, option, value):
        with pytest.raises(InvalidTask) as refused:
            Every(hours=1, **{option: value})
        assert str(refused.value).startswith(f"{option}={value!r} is not a time to wait; write seconds (30)")

    @pytest.mark.parametrize(
        "options", [{"args": [{1}]}, {"args": [object()]}, {"kwargs": {"a": float("nan")}}, {"args": ["x" * 5_000_000]}]
    )
    def test_refuse_arguments_that_cannot_be_kept(self, options):
        with pytest.raises(InvalidTask, match="args and kwargs of a schedule: the value "):
            Every(hours=1, **options)

    @pytest.mark.parametrize("name", ["", "  ", 5, "x" * (LONGEST_NAME + 1), "two\nlines", "\0"])
    def test_refuse_a_name_that_is_none(self, name):
        with pytest.raises(InvalidTask) as refused:
            Every(hours=1, name=name)
        assert str(refused.value) == f"{name!r} is not a name of a schedule; write 1 to 200 printable characters."


class TestRulesOfAProjectsOwn:
    def test_have_all_that_rules_have(self):
        rule = NewYear(hour=6, jitter=60, missed="all", name="party")
        assert rule.fire_times(utc("2026-01-01 06:00"), utc("2028-06-01")) == [
            utc("2027-01-01 06:00"),
            utc("2028-01-01 06:00"),
        ]
        assert rule.put_off("party") > timedelta(0)

    def test_are_checked_as_all_rules(self):
        with pytest.raises(InvalidTask, match="missed='never' is not one of"):
            NewYear(missed="never")

    @pytest.mark.parametrize("incomplete", [Rule, Textless])
    def test_cannot_be_made_of_a_part_of_it(self, incomplete):
        with pytest.raises(TypeError, match="abstract method"):
            incomplete()


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

    def test_may_be_rules_of_a_projects_own(self):
        assert schedules(NewYear()) == (NewYear(),)

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
