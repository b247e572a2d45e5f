"""Where schedules come from: the code, the settings, and operators. And how the table follows them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from django_tasks_oneshot import Cron, Every
from django_tasks_oneshot.compat import InvalidTask
from django_tasks_oneshot.contract.task import registered_tasks
from django_tasks_oneshot.db.clock import database_now
from django_tasks_oneshot.models import DeclaredSchedules, FireTime, Schedule, StoredTask
from django_tasks_oneshot.run.schedules import define, pause, resume
from django_tasks_oneshot.run.tick import LATER, LEFT_TO_OTHERS, Ticker
from tests.project.shop import tasks

from .every_day import DAILY, DAY, LAST, every_day

NOOP = tasks.noop.module_path
NAME = f"{__name__}.daily"


def daily():
    pass


def another():
    pass


def tick():
    return Ticker().tick()


def row(name=NAME):
    return Schedule.objects.get(pk=name)


def is_looked_at_in(wait, name):
    left = Schedule.objects.values_list("due_at", flat=True).get(pk=name) - database_now("default")
    return wait - timedelta(minutes=1) < left <= wait


@pytest.fixture
def code(schedule):
    """Deploys a release whose code has the schedules that are given by their names, and no others."""

    def code(**rules):
        registered_tasks.clear()
        for name, rule in rules.items():
            schedule(rule, globals()[name], besides=True)

    return code


@pytest.fixture
def in_settings(settings, no_schedules, rows):
    """Deploys a release whose settings have these schedules, and the code none."""

    def in_settings(schedules, backend="default"):
        settings.TASKS = {
            alias: {**params, "SCHEDULES": schedules if alias == backend else {}}
            for alias, params in settings.TASKS.items()
        }

    return in_settings


@pytest.fixture
def operator(no_schedules, rows):
    """Adds or changes an operator's schedule of a task that does nothing."""
    registered_tasks[NOOP] = tasks.noop

    def operator(name="nightly", *, is_paused=False, **definition):
        definition = {"task": NOOP, **(definition or DAILY)}
        define("default", name, definition, is_paused=is_paused, now=database_now("default"))

    return operator


class TestOfTheCode:
    def test_a_changed_rule_holds_from_the_next_run_on(self, code):
        code(daily=every_day())
        tick()
        code(daily=Cron("30 5 * * *"))
        assert tick() == 0
        assert row().rule == "30 5 * * * (Europe/London)"
        assert row().next_fire_at == row().due_at == Cron("30 5 * * *").next_after(timezone.now())

    def test_a_changed_rule_does_not_fire_for_the_past_of_the_old_one(self, code, overdue):
        code(daily=every_day())
        tick()
        overdue(LAST - 3 * DAY)
        code(daily=Every(days=1, anchor=LAST - DAY / 4))
        assert [tick(), tick()] == [0, 0]
        assert row().next_fire_at == LAST - DAY / 4 + DAY

    def test_a_rule_that_is_the_same_stays_overdue_whatever_else_is_deployed(self, code, overdue):
        code(daily=every_day())
        tick()
        overdue(LAST)
        code(daily=every_day(), another=Cron("0 7 * * *"))
        assert tick() == 1

    def test_another_jitter_holds_from_the_next_run_on(self, code):
        code(daily=every_day())
        tick()
        code(daily=every_day(jitter=3600))
        tick()
        assert row().due_at == row().next_fire_at + every_day(jitter=3600).put_off(NAME)

    def test_a_row_that_somebody_has_deleted_is_back_a_day_later(self, code):
        code(daily=every_day())
        tick()
        Schedule.objects.all().delete()
        tick()
        assert not Schedule.objects.exists()
        DeclaredSchedules.objects.update(holds_until=database_now("default"))
        tick()
        assert row()

    def test_one_that_is_gone_fires_no_more(self, code, overdue):
        code(daily=every_day())
        tick()
        overdue(LAST)
        code()
        assert [tick(), tick()] == [0, 0]
        assert row().due_at is None
        assert not StoredTask.objects.exists()

    def test_one_that_is_gone_is_left_to_other_releases_for_ten_minutes(self, code, overdue):
        code(daily=every_day())
        old = Ticker()
        old.tick()
        overdue(LEFT_TO_OTHERS / 2)
        code()
        assert tick() == 0
        assert row().due_at is not None
        assert old.tick() == 1

    def test_one_that_comes_back_fires_from_then_on(self, code, overdue):
        code(daily=every_day())
        tick()
        overdue(LAST)
        code()
        tick()
        code(daily=every_day())
        assert [tick(), tick()] == [0, 0]
        assert row().due_at == LAST + DAY

    def test_one_that_comes_back_with_the_very_release_that_had_it_fires(self, code, overdue):
        code(daily=every_day())
        old = Ticker()
        old.tick()
        code()
        tick()
        overdue(LAST)
        tick()
        assert row().due_at is None
        old.tick()
        assert row().due_at == LAST + DAY

    def test_two_releases_that_run_by_turns_do_not_starve_what_both_have(self, code, overdue):
        code(daily=every_day(), another=Cron("0 7 * * *"))
        old = Ticker()
        code(daily=every_day(), another=Cron("0 8 * * *"))
        new = Ticker()
        old.tick()
        overdue(LAST, name=NAME)
        assert new.tick() + old.tick() == 1

    def test_a_release_that_runs_on_with_the_old_rule_fires_nothing_by_it(self, code, overdue):
        code(daily=every_day())
        old = Ticker()
        old.tick()
        code(daily=Every(days=2, anchor=LAST))
        tick()
        DeclaredSchedules.objects.bulk_create([DeclaredSchedules(digest=old.digest, holds_until=LAST + DAY)])
        overdue(LAST)
        assert old.tick() == 0

    @pytest.mark.parametrize("deployed", ["the same", "another rule", "none and the same"])
    def test_one_that_an_operator_has_paused_stays_paused_whatever_is_deployed(self, code, deployed):
        code(daily=every_day())
        tick()
        assert pause("default", NAME)
        if deployed == "none and the same":
            code()
            tick()
        code(daily=Cron("0 7 * * *") if deployed == "another rule" else every_day())
        assert tick() == 0
        assert (row().is_paused, row().due_at) == (True, None)

    def test_one_that_is_resumed_does_not_fire_for_the_past(self, code, overdue):
        code(daily=every_day())
        tick()
        overdue(LAST)
        pause("default", NAME)
        assert tick() == 0
        assert resume("default", NAME, every_day(), database_now("default"))
        assert tick() == 0
        assert (row().is_paused, row().due_at) == (False, LAST + DAY)

    def test_of_two_with_one_name_the_first_fires(self, code, overdue):
        code(daily=every_day(name="report"), another=every_day(name="report"))
        tick()
        overdue(LAST)
        assert tick() == 1
        assert StoredTask.objects.get().task_path == NAME

    def test_a_name_that_the_database_takes_for_another_is_logged(self, code, overdue, caplog):
        code(daily=every_day(name="report"), another=every_day(name="Report"))
        tick()
        are_one = connection.vendor == "mysql"  # by its default collation
        assert Schedule.objects.count() == (1 if are_one else 2)
        assert ("to the database its name is another one's" in caplog.text) == are_one


class TestOfTheSettings:
    def test_one_fires_with_what_it_says(self, in_settings, overdue):
        in_settings({"sum": {"task": tasks.add.module_path, **DAILY, "args": [1], "kwargs": {"b": 2}}})
        tick()
        assert (row("sum").source, row("sum").task_path) == ("settings", tasks.add.module_path)
        overdue(LAST)
        assert tick() == 1
        stored = StoredTask.objects.get()
        assert (stored.args, stored.kwargs, stored.scheduled_for) == ([1], {"b": 2}, LAST)

    def test_one_is_of_the_backend_in_whose_settings_it_is(self, in_settings, overdue):
        in_settings({"nightly": {"task": NOOP, **DAILY}}, backend="any_queue")
        tick()
        overdue(LAST)
        assert tick() == 1
        assert StoredTask.objects.get().backend_name == "any_queue"

    def test_a_changed_rule_does_not_fire_for_the_past(self, in_settings, overdue):
        in_settings({"nightly": {"task": NOOP, **DAILY}})
        tick()
        overdue(LAST)
        in_settings({"nightly": {"task": NOOP, "cron": "0 7 * * *"}})
        assert tick() == 0
        assert row("nightly").rule == "0 7 * * * (Europe/London)"

    def test_one_without_a_time_zone_follows_TIME_ZONE(self, in_settings, settings):
        in_settings({"nightly": {"task": NOOP, "cron": "0 7 * * *"}})
        tick()
        settings.TIME_ZONE = "Asia/Tokyo"
        tick()
        assert row("nightly").rule == "0 7 * * * (Asia/Tokyo)"
        assert row("nightly").next_fire_at.hour == 22

    @pytest.mark.parametrize(
        "definition",
        [
            {"task": NOOP, "cron": "61 * * * *"},
            {"task": NOOP, "cron": 5},
            {"task": "tests.project.shop.tasks.nowhere", **DAILY},
            {"task": "no.such.module", **DAILY},
            {"task": tasks.add.module_path, **DAILY},  # it takes arguments
            {"task": NOOP, **DAILY, "colour": "red"},
            {"task": NOOP},
            {},
            None,
        ],
    )
    def test_one_that_is_broken_stops_no_other(self, in_settings, overdue, caplog, definition):
        in_settings({"broken": definition, "nightly": {"task": NOOP, **DAILY}})
        tick()
        overdue(LAST)
        assert tick() == 1
        assert caplog.text.count("Schedule broken of the settings does not run") == 1

    def test_one_that_breaks_is_looked_at_an_hour_later(self, in_settings, overdue):
        in_settings({"nightly": {"task": NOOP, **DAILY}})
        tick()
        overdue(LAST)
        in_settings({"nightly": {"task": "tests.project.shop.tasks.nowhere", **DAILY}})
        assert [tick(), tick()] == [0, 0]
        assert is_looked_at_in(LATER, "nightly")

    def test_one_that_is_mended_fires_in_the_next_run(self, in_settings, overdue):
        in_settings({"nightly": {"task": NOOP, **DAILY}})
        tick()
        overdue(LAST)
        in_settings({"nightly": {"task": NOOP, **DAILY, "args": [1]}})
        assert tick() == 0
        assert is_looked_at_in(LATER, "nightly")
        in_settings({"nightly": {"task": NOOP, **DAILY, "args": []}})
        assert tick() == 1

    def test_one_that_is_due_and_broken_is_left_to_others_for_ten_minutes(self, in_settings, overdue, caplog):
        in_settings({"nightly": {"task": NOOP, **DAILY}})
        tick()
        in_settings({"nightly": {"task": NOOP, **DAILY, "args": [1]}})
        tick()  # which tells that it is broken
        caplog.clear()
        just_now = LEFT_TO_OTHERS - timedelta(minutes=1)
        overdue(just_now)
        before = row("nightly").due_at
        assert tick() == 0
        assert row("nightly").due_at == before
        assert not caplog.records
        overdue(LEFT_TO_OTHERS + timedelta(minutes=1))
        assert tick() == 0
        assert is_looked_at_in(LATER, "nightly")
        assert "cannot be fired" in caplog.text

    def test_one_that_is_broken_is_told_of_again_an_hour_later(self, in_settings, caplog):
        in_settings({"broken": {"task": NOOP, "cron": "61 * * * *"}})
        assert [tick(), tick()] == [0, 0]
        assert caplog.text.count("Schedule broken of the settings does not run") == 1
        DeclaredSchedules.objects.update(holds_until=F("holds_until") - LATER // timedelta(microseconds=1))
        tick()
        assert caplog.text.count("Schedule broken of the settings does not run") == 2

    def test_one_whose_task_comes_later_fires_from_then_on(self, in_settings, monkeypatch):
        in_settings({"nightly": {"task": f"{tasks.__name__}.later", **DAILY}})
        tick()
        assert not Schedule.objects.exists()
        monkeypatch.setattr(tasks, "later", tasks.noop, raising=False)
        tick()
        assert row("nightly").due_at == LAST + DAY

    @pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\0b", "a\nb", "\ud800", 5])
    def test_a_name_that_is_none_stops_no_other(self, in_settings, name):
        in_settings({name: {"task": NOOP, **DAILY}, "nightly": {"task": NOOP, **DAILY}})
        tick()
        assert Schedule.objects.get().name == "nightly"

    def test_a_name_that_the_code_has_too_is_of_the_code(self, code, in_settings, overdue):
        in_settings({"report": {"task": NOOP, **DAILY}})
        code(daily=every_day(name="report"))
        tick()
        assert (row("report").source, row("report").task_path) == ("code", NAME)


class TestOfOperators:
    def test_one_fires_with_what_it_says(self, operator, overdue):
        operator()
        assert (row("nightly").source, row("nightly").due_at) == ("admin", LAST + DAY)
        overdue(LAST)
        assert [tick(), tick()] == [1, 0]
        assert StoredTask.objects.get().task_path == NOOP

    def test_one_outlives_every_release(self, operator, code, overdue):
        operator()
        code(daily=every_day())
        registered_tasks[NOOP] = tasks.noop
        tick()
        overdue(LAST)
        assert tick() == 2

    def test_a_changed_rule_does_not_fire_for_the_past(self, operator, overdue):
        operator()
        overdue(LAST)
        operator(cron="0 7 * * *", timezone="UTC")
        assert tick() == 0
        assert row("nightly").rule == "0 7 * * * (UTC)"

    def test_a_change_of_something_else_lets_it_fire_for_the_past(self, operator, overdue):
        operator()
        overdue(LAST)
        operator(**DAILY, missed="all")
        assert tick() == 1

    def test_one_that_is_paused_does_not_fire(self, operator):
        operator(is_paused=True)
        assert (tick(), row("nightly").due_at) == (0, None)

    def test_one_that_is_no_longer_paused_fires_from_then_on(self, operator):
        operator(is_paused=True)
        operator()
        assert row("nightly").due_at == LAST + DAY

    @pytest.mark.parametrize(
        "wrong", [{"cron": "61 * * * *"}, {"task": "tests.project.shop.tasks.nowhere", **DAILY}, {"task": NOOP}]
    )
    def test_one_that_cannot_fire_is_refused(self, operator, wrong):
        with pytest.raises(InvalidTask):
            operator(**wrong)
        assert not Schedule.objects.exists()

    def test_instants_that_no_calendar_has_stop_no_other(self, operator, overdue):
        operator()
        operator("broken")
        overdue(LAST)
        table = connection.ops.quote_name(Schedule._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET next_fire_at = %s WHERE name = 'broken'", [9 * 10**17])
        assert [tick(), tick()] == [1, 0]

    @pytest.mark.parametrize(
        "definition", ["null", "[]", '{"task": 5}', '{"task": "gone", "cron": "0 7 * * *"}', "{broken", ""]
    )
    def test_one_that_was_broken_by_hand_stops_no_other(self, operator, overdue, definition):
        operator()
        operator("broken")
        overdue(LAST)
        table = connection.ops.quote_name(Schedule._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET definition = %s WHERE name = 'broken'", [definition])
        assert "broken" in Ticker().due()
        assert [tick(), tick()] == [1, 0]
        assert is_looked_at_in(LATER, "broken")

    def test_a_name_that_the_code_has_too_stops_no_other(self, operator, code, overdue, caplog):
        operator("report")
        code(daily=every_day(name="report"), another=every_day())
        registered_tasks[NOOP] = tasks.noop
        assert [tick(), tick()] == [0, 0]
        overdue(LAST)
        assert tick() == 2
        assert sorted(StoredTask.objects.values_list("task_path", flat=True)) == sorted([NOOP, f"{__name__}.another"])
        assert caplog.text.count("an operator's schedule has this name") == 1

    def test_one_that_is_deleted_takes_its_fire_times_along(self, operator, overdue):
        operator()
        overdue(LAST)
        tick()
        Schedule.objects.get().delete()
        assert not FireTime.objects.exists()
        assert tick() == 0


class SchedulesElsewhere:
    """A router that keeps schedules in another database than tasks."""

    def db_for_read(self, model, **hints):
        return "second" if model in (Schedule, FireTime, DeclaredSchedules) else None

    db_for_write = db_for_read


@pytest.mark.django_db(transaction=True, databases=["default", "second"])
class TestInAnotherDatabase:
    @pytest.fixture(params=["tests.backends.test_database_backend.TasksElsewhere", f"{__name__}.SchedulesElsewhere"])
    def router(self, request, settings, no_schedules):
        settings.DATABASE_ROUTERS = [request.param]
        return request.param.rpartition(".")[2]

    def test_schedules_fire_there(self, router):
        registered_tasks[NOOP] = tasks.noop
        define("second", "nightly", {"task": NOOP, **DAILY}, is_paused=False, now=database_now("second"))
        Schedule.objects.using("second").update(next_fire_at=LAST, due_at=LAST)
        assert [tick(), tick()] == [1, 0]
        alias = "second" if router == "TasksElsewhere" else "default"
        stored, kept = StoredTask.objects.using(alias).get(), FireTime.objects.using("second").get()
        assert (stored.scheduled_for, kept.task_id) == (LAST, str(stored.pk))
        assert not Schedule.objects.using("default").exists()

    def test_one_that_overlaps_with_itself_is_seen_there(self, router):
        registered_tasks[NOOP] = tasks.noop
        definition = {"task": NOOP, **DAILY, "overlap": "skip"}
        define("second", "nightly", definition, is_paused=False, now=database_now("second"))
        for fire_at in (LAST - DAY, LAST):
            Schedule.objects.using("second").update(next_fire_at=fire_at, due_at=fire_at)
            tick()
            FireTime.objects.using("second").update(fire_at=LAST - DAY)
        assert FireTime.objects.using("second").count() == 1


class TestWithoutTimeZones:
    @pytest.fixture(autouse=True)
    def naive_times(self, settings, rows):
        settings.USE_TZ = False
        connection.close()  # it has taken its time zone from the setting
        yield
        settings.USE_TZ = True
        connection.close()

    def test_fire_times_are_the_same_instants(self, schedule, overdue):
        rule = Every(days=1, anchor=LAST)
        schedule(rule, daily)
        tick()
        assert row().due_at == LAST + DAY
        Schedule.objects.update(next_fire_at=LAST, due_at=LAST)
        assert [tick(), tick()] == [1, 0]
        assert StoredTask.objects.get().scheduled_for == FireTime.objects.get().fire_at == LAST
