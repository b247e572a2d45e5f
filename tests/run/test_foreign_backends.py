"""Schedules of tasks on backends that are not ours: enqueuing there is outside of our transaction."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import OperationalError

from django_tasks_oneshot.compat import Task, TaskResultStatus
from django_tasks_oneshot.contract.task import registered_tasks
from django_tasks_oneshot.db.clock import database_now
from django_tasks_oneshot.models import FireTime, Schedule, StoredTask
from django_tasks_oneshot.run.fire import LEASE, LONGEST_OVERLAP, fire_now
from django_tasks_oneshot.run.schedules import pause
from django_tasks_oneshot.run.tick import SOON, Ticker
from tests.project.foreign import TableBackend
from tests.project.shop import tasks
from tests.project.shop.models import Execution

from .every_day import DAY, LAST, every_day

NAME = f"{__name__}.daily"


def daily():
    pass


def note_context(context):
    tasks.noop.enqueue()
    tasks.note(f"{context.scheduled_for:%F} {context.replaces}")


def enqueue_another():
    tasks.noop.enqueue()


@pytest.fixture
def missed(schedule, overdue):
    """Declares a daily schedule, and no run has come since so many days ago; the fire times, oldest first."""

    def missed(days=0, function=daily, backend="foreign", takes_context=False, **options):
        schedule(every_day(**options), function, backend=backend, takes_context=takes_context)
        Ticker().tick()
        times = [LAST - DAY * number for number in range(days, -1, -1)]
        overdue(times[0])
        return times

    return missed


def tick():
    return Ticker().tick()


def enqueued():
    """How many tasks the foreign backend has been given."""
    return Execution.objects.filter(note__startswith=NAME).count()


def due_in():
    return Schedule.objects.get().due_at - database_now("default")


def lease_ends():
    Schedule.objects.update(due_at=LAST)


class Died(BaseException):
    """The end of the process: what is not committed is gone, and nothing comes after it."""


def die(*args, **kwargs):
    raise Died


def die_after(function):
    def called(*args, **kwargs):
        function(*args, **kwargs)
        raise Died

    return called


class TestDriven:
    def test_a_due_schedule_is_enqueued_there_once(self, missed):
        missed()
        assert [tick(), tick()] == [1, 0]
        row, kept = Schedule.objects.get(), FireTime.objects.get()
        assert (row.last_fire_at, row.next_fire_at, row.due_at) == (LAST, LAST + DAY, LAST + DAY)
        assert Execution.objects.get().note == f"{NAME} {kept.task_id}"
        assert (kept.backend_name, kept.fire_at) == ("foreign", LAST)
        assert not StoredTask.objects.exists()

    def test_all_that_were_missed_are_enqueued_there(self, missed):
        times = missed(3, missed="all")
        assert [tick(), tick()] == [4, 0]
        assert enqueued() == 4
        assert list(FireTime.objects.order_by("fire_at").values_list("fire_at", flat=True)) == times

    def test_who_takes_over_meanwhile_enqueues_the_rest(self, missed, monkeypatch):
        missed(3, missed="all")
        enqueue = TableBackend.enqueue

        def slowly(*args):
            lease_ends()
            return enqueue(*args)

        with monkeypatch.context() as patch:
            patch.setattr(TableBackend, "enqueue", slowly)
            tick()
        assert enqueued() == 1
        assert tick() == 3
        assert enqueued() == 4

    def test_a_backend_without_ids_is_no_reason_to_do_it_again(self, missed, monkeypatch):
        missed()
        result = TableBackend._result
        monkeypatch.setattr(TableBackend, "_result", lambda self, *args: replace(result(self, *args), id=None))
        assert [tick(), tick()] == [1, 0]
        assert FireTime.objects.get().task_id == ""

    def test_a_release_that_comes_meanwhile_leaves_it_to_the_tick_that_enqueues(self, missed, schedule):
        missed()
        lease = database_now("default") + LEASE / 2
        Schedule.objects.update(due_at=lease)
        schedule(every_day(jitter=3600), daily, backend="foreign")
        assert tick() == 0
        assert Schedule.objects.get().due_at == lease

    def test_several_ticks_at_once_enqueue_it_once(self, missed, in_threads):
        missed()
        in_threads(8, tick)
        assert (enqueued(), FireTime.objects.count()) == (1, 1)

    def test_while_one_tick_enqueues_others_do_not(self, missed, monkeypatch):
        missed()
        enqueue = TableBackend.enqueue

        def enqueue_slowly(*args):
            assert LEASE - SOON < due_in() <= LEASE
            assert tick() == 0
            return enqueue(*args)

        monkeypatch.setattr(TableBackend, "enqueue", enqueue_slowly)
        assert tick() == 1
        assert enqueued() == 1

    def test_the_lease_of_one_begins_when_those_before_it_are_enqueued(self, schedule, overdue, monkeypatch):
        schedule([every_day(), every_day()], daily, backend="foreign")
        tick()
        overdue(LAST)
        enqueue, leases = TableBackend.enqueue, []

        def enqueue_slowly(*args):
            leases.append(Schedule.objects.filter(due_at__gt=LAST).earliest("due_at").due_at)
            time.sleep(0.01)
            return enqueue(*args)

        monkeypatch.setattr(TableBackend, "enqueue", enqueue_slowly)
        assert tick() == 2
        assert leases[0] < leases[1]

    def test_one_that_is_paused_while_it_is_enqueued_stays_paused(self, missed, monkeypatch):
        missed()
        enqueue = TableBackend.enqueue

        def enqueue_and_pause(*args):
            pause("default", NAME)
            return enqueue(*args)

        monkeypatch.setattr(TableBackend, "enqueue", enqueue_and_pause)
        assert [tick(), tick()] == [1, 0]
        assert Schedule.objects.get().due_at is None
        assert FireTime.objects.count() == 1

    def test_an_operator_enqueues_it_out_of_turn(self, missed):
        missed()
        ticker = Ticker()
        result = fire_now("default", Schedule.objects.get(), ticker.declared[NAME].scheduled(), database_now("default"))
        assert Execution.objects.get().note == f"{NAME} {result.id}"
        assert FireTime.objects.get().task_id == result.id


class TestCrashes:
    def test_before_it_is_enqueued_is_made_up_for_when_the_lease_ends(self, missed, monkeypatch):
        missed()
        with monkeypatch.context() as patch:
            patch.setattr(TableBackend, "enqueue", die)
            with pytest.raises(Died):
                tick()
        assert tick() == 0
        lease_ends()
        assert [tick(), tick()] == [1, 0]
        assert enqueued() == 1

    def test_before_it_is_known_to_be_enqueued_repeats_it_and_loses_nothing(self, missed, monkeypatch):
        missed()
        with monkeypatch.context() as patch:
            patch.setattr("django_tasks_oneshot.run.fire.Firing.keep", die)
            with pytest.raises(Died):
                tick()
        assert (tick(), enqueued()) == (0, 1)
        lease_ends()
        assert [tick(), tick()] == [1, 0]
        assert enqueued() == 2

    def test_after_that_repeats_nothing(self, missed, monkeypatch):
        from django_tasks_oneshot.run import fire

        missed()
        with monkeypatch.context() as patch:
            patch.setattr(fire.Firing, "keep", die_after(fire.Firing.keep))
            with pytest.raises(Died):
                tick()
        # It dies inside of the transaction, so that is undone: as if it had died before.
        assert not FireTime.objects.exists()
        with monkeypatch.context() as patch:
            patch.setattr(fire, "_tell", die)
            lease_ends()
            with pytest.raises(Died):
                tick()
        assert [tick(), enqueued()] == [0, 2]

    def test_between_several_repeats_none_that_is_known(self, missed, monkeypatch):
        missed(3, missed="all")
        enqueue, calls = TableBackend.enqueue, []

        def enqueue_two(*args):
            calls.append(args)
            return enqueue(*args) if len(calls) <= 2 else die()

        with monkeypatch.context() as patch:
            patch.setattr(TableBackend, "enqueue", enqueue_two)
            with pytest.raises(Died):
                tick()
        lease_ends()
        assert [tick(), tick()] == [2, 0]
        assert enqueued() == FireTime.objects.count() == 4


class TestFailures:
    @pytest.fixture(params=[(1, ConnectionError), (1, OperationalError), (2, ConnectionError)])
    def failing(self, request, monkeypatch):
        """The backend fails, with one error or another, from the first task on or from the second."""
        first, error = request.param
        enqueue, calls = TableBackend.enqueue, []

        def fail(*args):
            calls.append(args)
            if len(calls) >= first:
                raise error("no route to the queue")
            return enqueue(*args)

        with monkeypatch.context() as patch:
            patch.setattr(TableBackend, "enqueue", fail)
            yield patch

    def test_are_tried_again_a_minute_later(self, missed, failing, caplog):
        missed(1, missed="all")
        tick()
        assert timedelta(0) < due_in() <= SOON
        assert "it is tried again in a minute" in caplog.text
        assert tick() == 0
        failing.undo()
        lease_ends()
        tick()
        assert enqueued() == FireTime.objects.count() == 2

    def test_stop_no_other_schedule(self, missed, failing, schedule, overdue):
        schedule(every_day(), daily, backend="foreign")
        schedule(every_day(), note_context, besides=True, takes_context=True)
        tick()
        overdue(LAST)
        tick()
        assert StoredTask.objects.get().task_path == f"{__name__}.note_context"


class TestOverlap:
    @pytest.fixture
    def earlier(self, missed, overdue):
        """The task of an earlier fire time is unfinished, and another fire time has come."""

        def earlier(age=DAY / 2):
            missed(overlap="skip")
            tick()
            overdue(LAST)
            then = database_now("default") - age
            FireTime.objects.update(fire_at=then, enqueued_at=then)

        return earlier

    def test_an_unfinished_task_there_is_in_the_way(self, earlier):
        earlier()
        assert [tick(), tick()] == [0, 0]
        assert Schedule.objects.get().next_fire_at == LAST + DAY

    def test_a_finished_one_is_not(self, earlier, monkeypatch):
        earlier()
        result = TableBackend._result
        done = TaskResultStatus.SUCCESSFUL
        monkeypatch.setattr(TableBackend, "_result", lambda self, t, i, s, a, k: result(self, t, i, done, a, k))
        assert tick() == 1

    def test_one_that_is_unknown_there_is_not(self, earlier):
        earlier()
        Execution.objects.all().delete()
        assert tick() == 1

    def test_one_that_stays_unfinished_is_not_for_longer_than_a_day(self, earlier):
        earlier(LONGEST_OVERLAP + timedelta(minutes=1))
        assert tick() == 1

    def test_where_nobody_can_tell_none_is(self, earlier, monkeypatch):
        earlier()
        monkeypatch.setattr(TableBackend, "supports_get_result", False)
        assert tick() == 1

    def test_a_backend_that_cannot_be_asked_is_asked_again_a_minute_later(self, earlier, monkeypatch):
        earlier()
        with monkeypatch.context() as patch:
            patch.setattr(TableBackend, "get_result", lambda *args: 1 / 0)
            assert [tick(), tick()] == [0, 0]
        assert timedelta(0) < due_in() <= SOON


class TestImmediateBackend:
    def test_a_task_runs_in_the_tick_and_knows_its_fire_time(self, missed, run):
        missed(2, function=note_context, backend="immediate", takes_context=True)
        assert run().scheduled == 1
        assert Execution.objects.get().note == f"{LAST:%F} 2"

    def test_what_it_enqueues_itself_stands_for_no_fire_time(self, missed, run):
        missed(function=note_context, backend="immediate", takes_context=True)
        run()
        assert StoredTask.objects.get().scheduled_for is None

    def test_nor_does_it_where_the_task_did_not_ask_for_its_own(self, missed, run):
        missed(function=enqueue_another, backend="immediate")
        run()
        assert StoredTask.objects.get().scheduled_for is None

    def test_nor_does_it_where_the_task_is_the_frameworks_own(self, settings, no_schedules, rows, overdue, monkeypatch):
        values = {"priority": 0, "queue_name": "default", "run_after": None, "takes_context": False}
        plain = Task(func=enqueue_another, backend="immediate", **values)
        monkeypatch.setitem(globals(), "enqueue_another", plain)
        definition = {"task": plain.module_path, "every": {"days": 1}, "anchor": LAST}
        settings.TASKS = {
            **settings.TASKS,
            "immediate": {**settings.TASKS["immediate"], "SCHEDULES": {"plain": definition}},
        }
        registered_tasks[tasks.noop.module_path] = tasks.noop
        tick()
        overdue(LAST)
        assert tick() == 1
        assert StoredTask.objects.get().scheduled_for is None

    def test_one_that_fails_has_had_its_turn(self, missed, run):
        missed(function=tasks.fail_at_once.func, backend="immediate")
        assert [run().scheduled, run().scheduled] == [1, 0]

    def test_what_it_leaves_behind_does_no_harm_to_the_run(self, missed, run):
        missed(function=tasks.leave_behind.func, backend="immediate", args=["open atomic"])
        tasks.write_down.enqueue("after it")
        assert run().succeeded == 1
        assert [each.note for each in Execution.objects.all()] == ["after it"]
