"""From a schedule that is due to its task."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DataError, connection
from django.db.models import QuerySet
from django.utils import timezone

from django_tasks_oneshot import Cron, Every, constant
from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.compat import task_enqueued
from django_tasks_oneshot.db.clock import database_now
from django_tasks_oneshot.models import FireTime, Schedule, StoredTask
from django_tasks_oneshot.run.deadline import Deadline
from django_tasks_oneshot.run.fire import fire_now
from django_tasks_oneshot.run.schedules import define
from django_tasks_oneshot.run.tick import LATER, SOON, Ticker
from tests.clock import Clock
from tests.project.shop import tasks

from .every_day import DAY, LAST, every_day

NAME = f"{__name__}.daily"


def daily():
    pass


def another():
    pass


def tell(context, fail_once=False):
    if fail_once and context.attempt == 1:
        raise ValueError("not yet")
    tasks.noop.enqueue()
    return [context.scheduled_for.isoformat(), context.replaces]


@pytest.fixture
def missed(schedule, overdue):
    """Declares a daily schedule, and no run has come since so many days ago; the fire times, oldest first."""

    def missed(days=0, function=daily, **options):
        schedule(every_day(**options), function)
        Ticker().tick()
        times = [LAST - DAY * number for number in range(days, -1, -1)]
        overdue(times[0])
        return times

    return missed


def is_looked_at_in(wait):
    """Whether the schedule is looked at again when this time has passed, and not before."""
    left = Schedule.objects.values_list("due_at", flat=True).get() - database_now("default")
    return wait - timedelta(minutes=1) < left <= wait


def fired():
    """The fire times for which there is a task, by the tasks."""
    return list(StoredTask.objects.order_by("pk").values_list("scheduled_for", flat=True))


def tick():
    return Ticker().tick()


class TestFirstSight:
    def test_a_new_schedule_waits_for_its_next_fire_time(self, schedule):
        schedule(every_day(), daily)
        assert tick() == 0
        row = Schedule.objects.get()
        assert (row.name, row.source, row.task_path) == (NAME, "code", NAME)
        assert row.next_fire_at == row.due_at == LAST + DAY
        assert fired() == []

    def test_several_schedules_of_a_task_have_names_of_their_own(self, schedule):
        schedule([every_day(), Every(hours=2), Every(hours=3, name="by hand")], daily)
        tick()
        names = Schedule.objects.order_by("name").values_list("name", flat=True)
        assert list(names) == ["by hand", NAME, f"{NAME}#2"]


class TestFiring:
    def test_a_due_schedule_enqueues_its_task_once(self, missed):
        missed()
        assert [tick(), tick()] == [1, 0]
        row, stored = Schedule.objects.get(), StoredTask.objects.get()
        assert stored.task_path == NAME
        assert (row.last_fire_at, row.next_fire_at, row.due_at) == (LAST, LAST + DAY, LAST + DAY)

    def test_it_is_kept_which_task_stands_for_the_fire_time(self, missed):
        missed()
        tick()
        kept, stored = FireTime.objects.get(), StoredTask.objects.get()
        assert (kept.schedule_id, kept.fire_at, kept.replaces) == (NAME, LAST, 0)
        assert (kept.backend_name, kept.task_id) == ("default", str(stored.pk))

    def test_the_task_is_enqueued_with_the_arguments_of_the_rule(self, schedule, overdue):
        schedule(every_day(args=[1], kwargs={"b": [2]}), tasks.add.func)
        tick()
        overdue(LAST)
        tick()
        stored = StoredTask.objects.get()
        assert (stored.args, stored.kwargs) == ([1], {"b": [2]})

    def test_the_clock_is_the_databases(self, schedule, monkeypatch):
        schedule(every_day(), daily)
        tick()
        monkeypatch.setattr(timezone, "now", lambda: datetime(2040, 1, 1, tzinfo=UTC))
        assert tick() == 0

    def test_says_what_it_would_fire(self, missed, schedule):
        schedule(every_day(), daily)
        assert Ticker().due() == []
        missed()
        assert Ticker().due() == [NAME]
        assert fired() == []

    def test_a_run_executes_what_it_has_fired(self, missed, run):
        missed(function=tasks.noop.func)
        report = run()
        assert (report.scheduled, report.succeeded) == (1, 1)


class TestMissedFireTimes:
    def test_one_task_stands_for_the_newest(self, missed):
        missed(3)
        assert [tick(), tick()] == [1, 0]
        assert fired() == [LAST]
        assert (FireTime.objects.get().replaces, StoredTask.objects.get().replaces) == (3, 3)

    def test_all_of_them_are_enqueued_oldest_first(self, missed):
        times = missed(3, missed="all")
        assert [tick(), tick()] == [4, 0]
        assert fired() == times
        assert Schedule.objects.get().last_fire_at == LAST

    def test_of_too_many_the_oldest_are_dropped_and_the_log_says_how_many(self, missed, caplog):
        times = missed(5, missed="all", max_missed=2)
        assert tick() == 2
        assert fired() == times[-2:]
        assert f"{NAME}: max_missed drops 4 fire time(s), the oldest." in caplog.text

    def test_they_may_be_skipped(self, missed, caplog):
        caplog.set_level("INFO")
        missed(3, missed="skip")
        assert [tick(), tick()] == [0, 0]
        row = Schedule.objects.get()
        assert (row.last_fire_at, row.next_fire_at) == (None, LAST + DAY)
        assert "4 fire time(s) came too late, and are dropped." in caplog.text

    def test_a_schedule_that_skips_them_fires_on_time(self, schedule, overdue):
        just_now = timezone.now() - timedelta(minutes=2)
        schedule(Every(days=1, anchor=just_now, missed="skip"), daily)
        tick()
        overdue(just_now)
        assert tick() == 1

    @pytest.mark.parametrize(("hours", "count"), [(11, 0), (13, 1)])
    def test_what_would_start_too_late_is_dropped(self, missed, hours, count):
        missed(1, start_within=timedelta(hours=hours))
        assert [tick(), tick()] == [count, 0]

    def test_of_all_those_in_time_are_enqueued(self, missed):
        times = missed(3, missed="all", start_within=DAY * 2)
        assert tick() == 2
        assert fired() == times[-2:]

    def test_the_rule_of_today_says_what_becomes_of_them(self, missed, schedule):
        missed(3, missed="all")
        schedule(every_day(missed="latest"), daily)
        assert tick() == 1


class TestContext:
    def returned(self):
        stored = StoredTask.objects.filter(task_path=f"{__name__}.tell").get()
        return stored.return_value

    @pytest.fixture
    def told(self, schedule, overdue, run):
        """What a task whose fire time came two days ago was told, in the run that fired it."""

        def told(**options):
            rule = every_day(kwargs={"fail_once": True} if "max_attempts" in options else {})
            schedule(rule, tell, takes_context=True, **options)
            tick()
            overdue(LAST - 2 * DAY)
            run()
            return self.returned()

        return told

    def test_says_for_which_fire_time_the_task_stands(self, told):
        assert told() == [LAST.isoformat(), 2]

    def test_says_it_after_a_retry(self, told):
        assert told(max_attempts=2, backoff=constant(0)) == [LAST.isoformat(), 2]
        assert StoredTask.objects.get(task_path=f"{__name__}.tell").attempt_count == 2

    def test_says_it_of_no_task_that_such_a_task_enqueues(self, told):
        told()
        assert StoredTask.objects.get(task_path=tasks.noop.module_path).scheduled_for is None

    def test_says_it_of_no_task_that_a_receiver_enqueues(self, missed, run):
        def receiver(task_result, **kwargs):
            if task_result.task.module_path == NAME:
                tasks.noop.enqueue()

        missed()
        task_enqueued.connect(receiver)
        try:
            tick()
        finally:
            task_enqueued.disconnect(receiver)
        assert StoredTask.objects.get(task_path=tasks.noop.module_path).scheduled_for is None
        assert StoredTask.objects.get(task_path=NAME).scheduled_for == LAST


class TestJitter:
    def test_puts_off_when_a_schedule_is_due_and_not_its_fire_time(self, missed):
        missed(jitter=timedelta(hours=6))
        row = Schedule.objects.get()
        put_off = every_day(jitter=timedelta(hours=6)).put_off(NAME)
        assert timedelta(0) < put_off <= timedelta(hours=6)
        assert row.due_at - row.next_fire_at == put_off
        assert tick() == 1
        assert fired() == [LAST]
        row = Schedule.objects.get()
        assert (row.next_fire_at, row.due_at) == (LAST + DAY, LAST + DAY + put_off)

    def test_a_schedule_that_is_put_off_is_not_due_yet(self, schedule, overdue):
        rule = Every(days=1, anchor=timezone.now() - timedelta(seconds=1), jitter=DAY - timedelta(seconds=1))
        assert rule.put_off(NAME) > timedelta(hours=1)
        schedule(rule, daily)
        tick()
        overdue(rule.last_before(timezone.now()))
        assert tick() == 0

    def test_a_schedule_that_was_first_seen_while_it_was_put_off_still_fires(self, schedule):
        rule = Every(days=1, anchor=timezone.now() - timedelta(minutes=1), jitter=DAY - timedelta(seconds=1))
        schedule(rule, daily)
        tick()
        row = Schedule.objects.get()
        assert row.next_fire_at < timezone.now() < row.due_at


class TestOverlap:
    @pytest.fixture
    def earlier(self, missed, overdue):
        """The task of yesterday, of a schedule whose next fire time has come."""
        missed(1, overlap="skip")
        tick()
        overdue(LAST)
        FireTime.objects.update(fire_at=LAST - DAY)
        return StoredTask.objects.all()

    def test_nothing_is_enqueued_while_an_earlier_task_is_unfinished(self, earlier):
        assert [tick(), tick()] == [0, 0]
        assert Schedule.objects.get().next_fire_at == LAST + DAY

    def test_so_it_is_however_long_ago_that_was_enqueued(self, earlier):
        FireTime.objects.update(enqueued_at=LAST - DAY * 30)
        assert tick() == 0

    def test_a_task_that_runs_is_unfinished(self, earlier, backend):
        assert backend.open_store(Claimant(worker_id="elsewhere")).claim(1)
        assert tick() == 0

    def test_one_is_enqueued_when_it_is_finished(self, earlier, run):
        earlier.update(task_path=tasks.noop.module_path)
        run()
        Schedule.objects.update(next_fire_at=LAST, due_at=LAST)
        assert tick() == 1

    def test_a_task_that_failed_is_finished(self, earlier, overdue, run):
        earlier.update(task_path=tasks.raise_.module_path, args=["KeyboardInterrupt"])
        assert run().failed == 1
        overdue(LAST)
        assert tick() == 1

    def test_a_task_that_was_pruned_is_in_nobodys_way(self, earlier):
        earlier.delete()
        assert tick() == 1

    @pytest.mark.parametrize("unknown", [{"task_id": "nonsense"}, {"backend_name": "nowhere"}])
    def test_a_task_that_nobody_knows_is_in_nobodys_way(self, earlier, unknown):
        FireTime.objects.update(**unknown)
        assert tick() == 1

    def test_the_task_of_another_schedule_is_in_nobodys_way(self, schedule, overdue):
        schedule([every_day(overlap="skip"), every_day(overlap="skip")], daily)
        tick()
        overdue(LAST)
        assert tick() == 2

    def test_a_task_whose_process_died_is_in_the_way_until_it_has_run_again(self, manage, overdue, eventually):
        rule = {"every": {"days": 1}, "anchor": LAST.isoformat(), "overlap": "skip"}
        definition = {"task": tasks.kill_own_process.module_path, **rule}
        define("default", "deadly", definition, is_paused=False, now=timezone.now() - DAY)
        overdue(LAST, name="deadly")
        assert manage("run_due_tasks", ONESHOT_LEASE="1").returncode == -signal.SIGKILL
        FireTime.objects.update(fire_at=LAST - DAY)
        overdue(LAST, name="deadly")
        assert tick() == 0
        StoredTask.objects.update(task_path=tasks.noop.module_path)
        eventually(lambda: manage.run_due_tasks()["interrupted"] == 1)
        overdue(LAST, name="deadly")
        assert tick() == 1


class TestOutOfTurn:
    @pytest.fixture
    def now(self):
        """Enqueues the task of the schedule out of turn."""
        return lambda: fire_now(
            "default", Schedule.objects.get(), Ticker().declared[NAME].scheduled(), database_now("default")
        )

    def test_the_task_stands_for_that_moment(self, missed, now):
        missed()
        result = now()
        assert FireTime.objects.get().task_id == result.id
        assert timezone.now() - StoredTask.objects.get().scheduled_for < timedelta(hours=1)

    def test_the_schedule_still_fires_in_its_turn(self, missed, now):
        missed()
        now()
        assert tick() == 1
        assert LAST in fired()

    def test_it_is_in_the_way_of_one_that_may_not_overlap_with_it(self, missed, now):
        missed(overlap="skip")
        assert now() is not None
        assert now() is None
        assert tick() == 0
        assert StoredTask.objects.count() == 1


class TestTrouble:
    def test_one_bad_schedule_stops_no_other(self, missed, schedule, overdue, monkeypatch, caplog):
        schedule(every_day(), daily)
        schedule(Cron("0 7 * * *"), another, besides=True)
        tick()
        overdue(LAST)
        monkeypatch.setattr(Cron, "last_before", lambda *args: 1 / 0)
        assert tick() == 1
        assert StoredTask.objects.get().task_path == NAME
        assert "another could not be fired; it is tried again in a minute" in caplog.text

    @pytest.mark.parametrize("error", [ZeroDivisionError, DataError])
    def test_a_task_that_cannot_be_enqueued_is_tried_again_a_minute_later(self, missed, monkeypatch, error):
        missed()
        with monkeypatch.context() as patch:
            patch.setattr(StoredTask, "save", raise_(error("no")))
            assert [tick(), tick()] == [0, 0]
        assert is_looked_at_in(SOON)
        assert Schedule.objects.get().next_fire_at == LAST
        Schedule.objects.update(due_at=LAST)
        assert tick() == 1

    def test_what_is_refused_for_good_is_tried_again_an_hour_later(self, missed, settings):
        missed()
        settings.TASKS = {"default": {**settings.TASKS["default"], "QUEUES": ["mail"]}}
        assert [tick(), tick()] == [0, 0]
        assert is_looked_at_in(LATER)

    def test_a_fire_time_and_its_task_are_one_transaction(self, missed, monkeypatch):
        times = missed(3, missed="all")
        with monkeypatch.context() as patch:
            patch.setattr(QuerySet, "bulk_create", raise_(ZeroDivisionError()))
            tick()
        row = Schedule.objects.get()
        assert (fired(), row.next_fire_at, row.last_fire_at) == ([], times[0], None)

    def test_receivers_hear_nothing_of_a_task_that_was_rolled_back(self, missed, run, monkeypatch):
        seen = []

        def receiver(task_result, **kwargs):
            seen.append(StoredTask.objects.filter(pk=task_result.id).exists())

        missed()
        task_enqueued.connect(receiver)
        try:
            with monkeypatch.context() as patch:
                patch.setattr("django_tasks_oneshot.run.fire.Firing.keep", raise_(ZeroDivisionError()))
                run()
            Schedule.objects.update(due_at=LAST)
            run()
        finally:
            task_enqueued.disconnect(receiver)
        assert seen == [True]

    @pytest.mark.parametrize("harm", [connection.close, lambda: connection.cursor().execute("SELECT no_such_column")])
    def test_receivers_do_not_reach_the_transaction_of_the_tick(self, missed, run, harm):
        seen = []

        def receiver(task_result, **kwargs):
            seen.append(StoredTask.objects.get(pk=task_result.id).status)
            harm()

        missed()
        task_enqueued.connect(receiver)
        try:
            report = run()
        finally:
            task_enqueued.disconnect(receiver)
        assert (report.scheduled, report.claimed) == (1, 1)
        assert seen == ["READY"]


class TestDeadline:
    @pytest.fixture
    def many(self, schedule, overdue):
        schedule([every_day(name=f"{number:02}") for number in range(20)], daily)
        tick()
        overdue(LAST)

    def test_stops_a_tick_over_many_due_schedules(self, many, monkeypatch):
        clock = Clock()
        deadline = Deadline(max_seconds=5, clock=clock)
        save = StoredTask.save

        def save_slowly(*args, **kwargs):
            clock.now += 1
            save(*args, **kwargs)

        monkeypatch.setattr(StoredTask, "save", save_slowly)
        assert Ticker(lambda: deadline.remaining).tick() == 5
        assert Schedule.objects.filter(due_at=LAST).count() == 15

    def test_the_next_run_does_the_rest(self, many):
        left = iter([5.0] * 10 + [0.0] * 100)
        first = Ticker(lambda: next(left)).tick()
        assert 0 < first < 20
        assert tick() == 20 - first
        assert len(fired()) == 20


def raise_(error):
    def function(*args, **kwargs):
        raise error

    return function
