from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from django_tasks_oneshot import Cron, Every, task
from django_tasks_oneshot.compat import task_enqueued
from django_tasks_oneshot.db.clock import database_now
from django_tasks_oneshot.models import Schedule, StoredTask
from django_tasks_oneshot.run import tick as tick_module
from django_tasks_oneshot.run.tick import Ticker
from tests.project.shop.tasks import noop as plain

HOURLY = Cron("0 * * * *", timezone="UTC")


def hourly():
    pass


def twice():
    pass


@pytest.fixture
def schedule(no_schedules, rows):
    """Declares a task with this schedule, in place of any earlier one."""

    def schedule(rule, function=hourly):
        return task(schedule=rule)(function)

    return schedule


@pytest.fixture
def last_seen():
    """Makes the schedules look as if no run had come since this long ago."""

    def last_seen(ago, rule=HOURLY):
        next_fire_at = rule.next_after(timezone.now() - ago)
        assert Schedule.objects.update(next_fire_at=next_fire_at, last_fire_at=None) > 0

    return last_seen


def fired():
    return StoredTask.objects.count()


class TestFirstSight:
    def test_a_new_schedule_waits_for_its_next_fire_time(self, schedule):
        schedule(HOURLY)
        assert Ticker().tick() == 0
        row = Schedule.objects.get()
        assert row.name == f"{__name__}.hourly"
        assert row.next_fire_at > database_now("default")
        assert row.next_fire_at.minute == 0
        assert fired() == 0

    def test_several_schedules_of_a_task_have_names_of_their_own(self, schedule):
        schedule([HOURLY, Every(hours=2)])
        Ticker().tick()
        names = Schedule.objects.order_by("name").values_list("name", flat=True)
        assert list(names) == [f"{__name__}.hourly", f"{__name__}.hourly#2"]

    def test_a_project_without_schedules_is_asked_nothing(self, no_schedules, rows, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert Ticker().tick() == 0


class TestFiring:
    def test_a_due_schedule_enqueues_its_task_once(self, schedule, last_seen):
        schedule(HOURLY)
        Ticker().tick()
        last_seen(timedelta(hours=1))
        assert Ticker().tick() == 1
        assert Ticker().tick() == 0
        row, stored = Schedule.objects.get(), StoredTask.objects.get()
        assert stored.task_path == f"{__name__}.hourly"
        assert row.last_fire_at == HOURLY.last_before(timezone.now())
        assert row.next_fire_at == HOURLY.next_after(timezone.now())

    def test_after_an_outage_the_newest_missed_fire_time_runs_once(self, schedule, last_seen):
        schedule(HOURLY)
        Ticker().tick()
        last_seen(timedelta(days=3))
        assert Ticker().tick() == 1
        assert Ticker().tick() == 0
        assert Schedule.objects.get().last_fire_at == HOURLY.last_before(timezone.now())

    def test_one_that_is_not_due_costs_one_query_and_no_cron(self, schedule, django_assert_num_queries, monkeypatch):
        schedule(HOURLY)
        ticker = Ticker()
        ticker.tick()
        monkeypatch.setattr(Cron, "next_after", lambda *args: pytest.fail("evaluated"))
        with django_assert_num_queries(1):
            assert ticker.tick() == 0

    def test_a_changed_rule_holds_from_the_next_tick_on(self, schedule):
        schedule(HOURLY)
        Ticker().tick()
        tick_module.registered_tasks.clear()
        schedule(Cron("30 5 * * *"))
        assert Ticker().tick() == 0
        row = Schedule.objects.get()
        assert row.rule == "30 5 * * * (Europe/London)"
        assert row.next_fire_at == Cron("30 5 * * *").next_after(timezone.now())

    def test_a_fire_time_that_was_missed_by_the_old_rule_still_runs_once(self, schedule, last_seen):
        schedule(HOURLY)
        Ticker().tick()
        last_seen(timedelta(days=3))
        missed = Schedule.objects.get().next_fire_at
        tick_module.registered_tasks.clear()
        schedule(Cron("30 5 * * *"))
        assert [Ticker().tick(), Ticker().tick()] == [1, 0]
        row = Schedule.objects.get()
        assert (row.rule, row.last_fire_at) == ("30 5 * * * (Europe/London)", missed)

    def test_two_releases_that_tick_by_turns_do_not_starve_it(self, schedule, last_seen):
        schedule(HOURLY)
        old = Ticker()
        tick_module.registered_tasks.clear()
        schedule(Cron("0 */1 * * *", timezone="UTC"))
        new = Ticker()
        old.tick()
        last_seen(timedelta(hours=1))
        assert new.tick() + old.tick() == 1

    def test_a_task_whose_backend_has_no_schedules_is_left_alone(self, no_schedules, rows):
        task(schedule=HOURLY, backend="immediate")(hourly)
        assert tick_module.declared_schedules() == []

    def test_the_clock_is_the_databases(self, schedule, last_seen, monkeypatch):
        schedule(HOURLY)
        Ticker().tick()
        monkeypatch.setattr(timezone, "now", lambda: datetime(2040, 1, 1, tzinfo=UTC))
        assert Ticker().tick() == 0

    def test_a_fire_time_and_its_task_are_one_transaction(self, schedule, last_seen, monkeypatch):
        declared = schedule(HOURLY)
        Ticker().tick()
        last_seen(timedelta(hours=1))
        before = Schedule.objects.get().next_fire_at
        with monkeypatch.context() as patch:
            patch.setattr(type(declared), "enqueue", lambda self: 1 / 0)
            assert Ticker().tick() == 0
        assert Schedule.objects.get().next_fire_at == before
        assert Ticker().tick() == 1

    def test_one_bad_schedule_stops_no_other(self, schedule, last_seen, monkeypatch, caplog):
        schedule(HOURLY)
        schedule(Every(minutes=10), twice)
        Ticker().tick()
        last_seen(timedelta(hours=2))
        monkeypatch.setattr(Cron, "last_before", lambda *args: 1 / 0)
        assert Ticker().tick() == 1
        assert StoredTask.objects.get().task_path == f"{__name__}.twice"
        assert "hourly could not be evaluated" in caplog.text

    def test_says_what_it_would_fire(self, schedule, last_seen):
        schedule(HOURLY)
        assert Ticker().due() == []
        Ticker().tick()
        last_seen(timedelta(hours=1))
        assert Ticker().due() == [f"{__name__}.hourly"]
        assert fired() == 0


class TestReceivers:
    @pytest.mark.parametrize("harm", [connection.close, lambda: connection.cursor().execute("SELECT no_such_column")])
    def test_of_the_enqueued_task_do_not_reach_the_transaction_of_the_tick(self, schedule, last_seen, run, harm):
        seen = []

        def receiver(task_result, **kwargs):
            seen.append(StoredTask.objects.get(pk=task_result.id).status)
            harm()

        schedule(HOURLY)
        run()
        last_seen(timedelta(hours=1))
        task_enqueued.connect(receiver)
        try:
            report = run()
        finally:
            task_enqueued.disconnect(receiver)
        assert (report.scheduled, report.claimed) == (1, 1)
        assert seen == ["READY"]


class TestSeveralTicksAtOnce:
    def test_a_fire_time_becomes_one_task(self, schedule, last_seen, in_threads):
        for _ in range(5):
            schedule(HOURLY)
            Ticker().tick()
            last_seen(timedelta(hours=1))
            before = fired()
            in_threads(8, lambda: Ticker().tick())
            assert fired() == before + 1

    def test_a_schedule_is_first_seen_once(self, schedule, in_threads):
        schedule(HOURLY)
        in_threads(8, lambda: Ticker().tick())
        assert Schedule.objects.count() == 1
        assert fired() == 0


def test_a_plain_task_has_no_schedule(no_schedules):
    no_schedules[plain.module_path] = plain
    assert tick_module.declared_schedules() == []
