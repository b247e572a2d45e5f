"""A fire time becomes one task: with several runs at once, when they are killed, and when clocks are set back."""

from __future__ import annotations

import json
import signal
from collections import Counter

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from django_tasks_oneshot import Every
from django_tasks_oneshot.models import DeclaredSchedules, FireTime, Schedule, StoredTask
from django_tasks_oneshot.run.fire import LEASE
from django_tasks_oneshot.run.schedules import define
from django_tasks_oneshot.run.tick import Ticker
from tests.project.shop import tasks
from tests.project.shop.models import Execution

from .every_day import DAILY, DAY, LAST

# Runs due tasks when all that were started are ready.
TOGETHER = """
import pathlib, time
from django.core.management import call_command
from django.db import connection
connection.ensure_connection()
pathlib.Path({ready!r}).touch()
while not pathlib.Path({go!r}).exists():
    time.sleep(0.005)
call_command("run_due_tasks", format="json")
"""

# Runs due tasks, and kills its process before or after the nth call of a function.
KILLED = """
import signal
from django.core.management import call_command
from django.db import models
from django_tasks_oneshot.models import StoredTask
from django_tasks_oneshot.run import fire, tick
from tests.project.foreign import TableBackend

owner = {owner}
original, calls = getattr(owner, {name!r}), []

def killed(*args, **kwargs):
    calls.append(1)
    if len(calls) == {nth} and {when!r} == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = original(*args, **kwargs)
    if len(calls) == {nth}:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, {name!r}, killed)
call_command("run_due_tasks")
"""

POINTS = {
    "before the row is moved": ("before", "fire.Firing", "move", 1),
    "between the UPDATE and the enqueue": ("before", "fire.Firing", "to_enqueue", 1),
    "inside enqueue, before its INSERT": ("before", "StoredTask", "save", 1),
    "inside enqueue, after its INSERT": ("after", "StoredTask", "save", 1),
    "between two tasks": ("before", "StoredTask", "save", 2),
    "between the enqueue and the fire time": ("before", "fire.Firing", "keep", 1),
    "between the fire time and the commit": ("after", "fire.Firing", "keep", 1),
    "after the commit": ("after", "tick", "fire", 1),
}


# The last number: how often it is enqueued in the end.
POINTS_ELSEWHERE = {
    "before it enqueues": ("before", "TableBackend", "enqueue", 1, 1),
    "after it has enqueued": ("after", "TableBackend", "enqueue", 1, 2),
    "before that is committed": ("after", "fire.Firing", "keep", 1, 2),
    "before the row is moved on": ("before", "fire.Firing", "move", 2, 1),
}


def daily():
    pass


def tick():
    return Ticker().tick()


@pytest.fixture
def operator(rows):
    """Adds a daily schedule of a task that is given its name, and writes that down."""

    def operator(name, task=tasks.write_down, **options):
        definition = {"task": task.module_path, **DAILY, "args": [name], **options}
        define("default", name, definition, is_paused=False, now=timezone.now())

    return operator


class TestSeveralAtOnce:
    def test_ticks_make_one_task_of_a_fire_time(self, schedule, overdue, in_threads):
        schedule(Every(days=1, anchor=LAST), daily)
        tick()
        for count in range(1, 6):
            overdue(LAST)
            in_threads(8, tick)
            assert (StoredTask.objects.count(), FireTime.objects.count()) == (count, 1)
            FireTime.objects.all().delete()

    def test_ticks_make_one_task_of_each_missed_fire_time(self, schedule, overdue, in_threads):
        schedule(Every(days=1, anchor=LAST, missed="all"), daily)
        tick()
        overdue(LAST - DAY * 9)
        in_threads(8, tick)
        kept = list(StoredTask.objects.order_by("scheduled_for").values_list("scheduled_for", flat=True))
        assert kept == [LAST - DAY * number for number in range(9, -1, -1)]

    def test_ticks_enqueue_one_task_of_a_schedule_that_may_not_overlap_with_itself(self, schedule, overdue, in_threads):
        schedule(Every(days=1, anchor=LAST, overlap="skip"), daily)
        tick()
        overdue(LAST)
        in_threads(8, tick)
        assert StoredTask.objects.count() == 1

    def test_ticks_see_a_schedule_for_the_first_time_once(self, schedule, in_threads):
        schedule([Every(days=1, anchor=LAST), Every(days=2, anchor=LAST)], daily)
        in_threads(8, tick)
        assert (Schedule.objects.count(), StoredTask.objects.count()) == (2, 0)

    def test_runs_fire_each_of_many_schedules_once(self, operator, overdue, manage, eventually, tmp_path):
        """Half of them on a backend that is not ours."""
        names = [f"operator {number}" for number in range(25)]
        for name in names:
            operator(name)
            operator(f"{name} elsewhere", tasks.send_elsewhere)
        overdue(LAST)
        go = tmp_path / "go"
        ready = [tmp_path / f"ready {number}" for number in range(8)]
        runs = [manage.start_code(TOGETHER.format(ready=str(each), go=str(go))) for each in ready]
        eventually(lambda: all(each.exists() for each in ready))
        go.touch()
        reports = []
        for run in runs:
            stdout, stderr = run.communicate(timeout=120)
            assert run.returncode == 0, stderr
            reports.append(json.loads(stdout))
        assert sum(report["scheduled"] for report in reports) == 50
        elsewhere = Execution.objects.filter(note__startswith=tasks.send_elsewhere.module_path)
        here = Execution.objects.exclude(pk__in=elsewhere.values("pk"))
        assert Counter(here.values_list("note", flat=True)) == Counter(names)
        assert (elsewhere.count(), StoredTask.objects.count(), FireTime.objects.count()) == (25, 25, 50)


class TestKilled:
    @pytest.mark.parametrize("point", POINTS)
    def test_a_run_leaves_each_fire_time_to_be_fired_once(self, operator, overdue, manage, point):
        when, owner, name, nth = POINTS[point]
        operator("nightly", missed="all")
        overdue(LAST - 2 * DAY)
        killed = manage.start_code(KILLED.format(when=when, owner=owner, name=name, nth=nth))
        _, stderr = killed.communicate(timeout=120)
        assert killed.returncode == -signal.SIGKILL, stderr
        scheduled = [manage.run_due_tasks()["scheduled"], manage.run_due_tasks()["scheduled"]]
        assert scheduled == ([0, 0] if point == "after the commit" else [3, 0])
        assert Execution.objects.count() == StoredTask.objects.count() == FireTime.objects.count() == 3
        assert Schedule.objects.get(pk="nightly").due_at == LAST + DAY

    @pytest.mark.parametrize("point", POINTS_ELSEWHERE)
    def test_a_run_loses_nothing_of_a_foreign_backend(self, operator, overdue, manage, point):
        """What it may have enqueued is enqueued again, when its lease ends."""
        when, owner, name, nth, times = POINTS_ELSEWHERE[point]
        operator("nightly", tasks.send_elsewhere)
        overdue(LAST)
        killed = manage.start_code(KILLED.format(when=when, owner=owner, name=name, nth=nth))
        _, stderr = killed.communicate(timeout=120)
        assert killed.returncode == -signal.SIGKILL, stderr
        assert manage.run_due_tasks()["scheduled"] == 0
        row = Schedule.objects.get(pk="nightly")
        assert row.next_fire_at == LAST < timezone.now() < row.due_at < timezone.now() + LEASE
        Schedule.objects.filter(pk="nightly").update(due_at=LAST)
        manage.run_due_tasks()
        assert manage.run_due_tasks()["scheduled"] == 0
        assert (Execution.objects.count(), FireTime.objects.count()) == (times, 1)
        assert Schedule.objects.get(pk="nightly").due_at == LAST + DAY

    def test_a_run_follows_a_changed_rule_wholly_or_not_at_all(self, manage):
        """Else the other release, that has the old rule, would not see that it has changed."""
        manage.run_due_tasks()
        digest = Schedule.objects.filter(name=tasks.digest.module_path)
        rule = digest.get().rule
        digest.update(rule="of the other release")
        DeclaredSchedules.objects.update(digest="of the other release")
        killed = manage.start_code(KILLED.format(when="before", owner="models.QuerySet", name="bulk_create", nth=1))
        killed.communicate(timeout=120)
        assert killed.returncode == -signal.SIGKILL
        assert digest.get().rule == DeclaredSchedules.objects.get().digest == "of the other release"
        manage.run_due_tasks()
        assert digest.get().rule == rule
        assert not DeclaredSchedules.objects.filter(digest="of the other release").exists()


class TestAClockThatIsSetBack:
    @pytest.mark.parametrize("missed", ["latest", "all"])
    def test_fires_nothing_twice_and_the_schedule_moves_on(self, schedule, overdue, missed):
        schedule(Every(days=1, anchor=LAST, missed=missed), daily)
        tick()
        overdue(LAST)
        assert tick() == 1
        overdue(LAST)
        assert tick() == 0
        assert Schedule.objects.get().due_at == LAST + DAY
        assert StoredTask.objects.count() == 1

    def test_fires_what_was_not_fired_yet(self, schedule, overdue):
        schedule(Every(days=1, anchor=LAST, missed="all"), daily)
        tick()
        overdue(LAST - DAY)
        tick()
        FireTime.objects.filter(fire_at=LAST).delete()
        overdue(LAST - 2 * DAY)
        assert tick() == 2
        assert FireTime.objects.count() == 3


def test_the_database_itself_refuses_a_second_task_for_a_fire_time(schedule, overdue):
    schedule(Every(days=1, anchor=LAST), daily)
    tick()
    overdue(LAST)
    tick()
    kept = FireTime.objects.get()
    kept.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        kept.save(force_insert=True)
