from __future__ import annotations

import pytest
from django.db import IntegrityError

from django_tasks_oneshot.db.clock import DatabaseNow
from django_tasks_oneshot.db.writes import Insert, Update, commit
from django_tasks_oneshot.models import Attempt, Schedule, StoredTask
from tests.project.shop import tasks

NOBODY = "00000000-0000-0000-0000-000000000000"


def rename(name, rule, expected="r"):
    return Update(model=Schedule, where={"name": name, "rule": expected}, changes={"rule": rule})


@pytest.fixture
def schedules(rows):
    for name in ("a", "b"):
        Schedule.objects.create(name=name, rule="r", next_fire_at=DatabaseNow())


def rules():
    return dict(Schedule.objects.values_list("name", "rule"))


def test_tells_which_rows_were_there(schedules):
    assert commit("default", [rename("a", "new"), rename("gone", "new"), rename("b", "new")]) == [True, False, True]
    assert rules() == {"a": "new", "b": "new"}


def test_a_row_that_does_not_equal_all_of_where_is_left_alone(schedules):
    assert commit("default", [rename("a", "new", expected="other")]) == [False]
    assert rules() == {"a": "r", "b": "r"}


def attempt(task_id, number=1):
    moment = StoredTask.objects.values_list("enqueued_at", flat=True).get()
    values = {"number": number, "worker_id": "%s", "started_at": moment, "finished_at": moment, "outcome": "FAILED"}
    more = {"exception_class_path": "", "traceback": "100 % 'quoted' \\", "retry_at": DatabaseNow()}
    return Insert(model=Attempt, values={"task": task_id, **values, **more})


def test_a_row_is_inserted_if_the_first_write_found_its_row(rows):
    result = tasks.noop.enqueue()
    found = Update(model=StoredTask, where={"id": result.id}, changes={"worker_id": "w"})
    assert commit("default", [found, attempt(result.id)]) == [True, True]
    stored = Attempt.objects.get()
    assert (stored.worker_id, stored.traceback) == ("%s", "100 % 'quoted' \\")
    assert stored.retry_at is not None


def test_a_row_is_not_inserted_if_the_first_write_found_none(rows):
    result = tasks.noop.enqueue()
    lost = Update(model=StoredTask, where={"id": NOBODY}, changes={"worker_id": "w"})
    found = Update(model=StoredTask, where={"id": result.id}, changes={"worker_id": "w"})
    assert commit("default", [lost, attempt(result.id), found]) == [False, False, True]
    assert Attempt.objects.count() == 0


def test_all_are_written_or_none(rows):
    result = tasks.noop.enqueue()
    found = Update(model=StoredTask, where={"id": result.id}, changes={"worker_id": "w"})
    commit("default", [found, attempt(result.id)])
    again = Update(model=StoredTask, where={"id": result.id}, changes={"worker_id": "x"})
    with pytest.raises(IntegrityError):
        commit("default", [again, attempt(result.id)])
    assert StoredTask.objects.get().worker_id == "w"
