from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.models import Attempt, FireTime, Schedule, StoredTask
from tests.project.shop import tasks


@pytest.fixture
def finished_long_ago(run, rows):
    ids = [tasks.noop.enqueue().id for _ in range(7)]
    run()
    StoredTask.objects.update(finished_at=timezone.now() - timedelta(days=15))
    return ids


@pytest.fixture
def kept(finished_long_ago, run):
    """A task that finished today, one that waits, one that is running for a month."""
    today = tasks.fail_at_once.enqueue()
    run()
    running = tasks.noop.enqueue()
    tasks.noop.get_result(running.id).task.get_backend().open_store(Claimant(worker_id="busy")).claim(1)
    StoredTask.objects.filter(pk=running.id).update(started_at=timezone.now() - timedelta(days=30))
    waiting = tasks.noop.using(run_after=timezone.now() + timedelta(days=1)).enqueue()
    return {today.id, running.id, waiting.id}


def prune(capsys, *arguments):
    call_command("prune_tasks", *arguments)
    return capsys.readouterr().out


def stored():
    return {str(pk) for pk in StoredTask.objects.values_list("pk", flat=True)}


def test_deletes_what_finished_long_ago_with_its_attempts(kept, capsys):
    assert prune(capsys, "--older-than", "14d") == "7 finished tasks deleted.\n"
    assert stored() == kept
    assert Attempt.objects.count() == 3


def test_works_in_batches(kept, capsys):
    assert prune(capsys, "--older-than", "2w", "--batch-size", "3") == "7 finished tasks deleted.\n"
    assert stored() == kept


def test_keeps_what_is_not_old_enough(kept, capsys):
    assert prune(capsys, "--older-than", "16d") == "0 finished tasks deleted.\n"
    assert len(stored()) == 10


def test_a_dry_run_deletes_nothing(kept, capsys):
    assert prune(capsys, "--older-than", "14d", "--dry-run") == "7 finished tasks would be deleted.\n"
    assert len(stored()) == 10


def test_verbosity_0_is_silent(kept, capsys):
    assert prune(capsys, "--older-than", "14d", "-v", "0") == ""
    assert stored() == kept


@pytest.mark.parametrize("age", ["14", "d", "-1d", "1.5d", "two weeks", "14y", ""])
def test_an_age_has_a_number_and_a_unit(db, age):
    with pytest.raises(CommandError, match="is not an age; write a number and one of s, m, h, d, w"):
        call_command("prune_tasks", f"--older-than={age}")


@pytest.mark.parametrize("size", ["0", "10001"])
def test_a_batch_has_a_reasonable_size(db, size):
    with pytest.raises(CommandError, match="is not a batch size"):
        call_command("prune_tasks", "--older-than=14d", f"--batch-size={size}")


def test_an_age_must_be_given(db):
    with pytest.raises(CommandError, match="--older-than"):
        call_command("prune_tasks")


def fire_time(schedule, task_id, ago):
    FireTime.objects.create(
        schedule=schedule,
        fire_at=timezone.now() - ago,
        task_id=task_id,
        backend_name="default",
        enqueued_at=timezone.now(),
    )


def test_deletes_old_fire_times_but_not_those_of_unfinished_tasks(kept, capsys):
    schedule = Schedule.objects.create(name="nightly", rule="r", next_fire_at=timezone.now())
    unfinished = tasks.noop.enqueue()
    fire_time(schedule, unfinished.id, timedelta(days=20))
    fire_time(schedule, "of-another-backend", timedelta(days=19))
    fire_time(schedule, "cc8f0f0c-7d60-4e53-8f4e-3a2f9c1f6f5a", timedelta(days=18))
    fire_time(schedule, "young", timedelta(days=1))
    prune(capsys, "--older-than", "14d", "--batch-size", "1", "-v", "0")
    left = FireTime.objects.order_by("pk").values_list("task_id", flat=True)
    assert list(left) == [unfinished.id, "young"]


def test_a_dry_run_leaves_the_fire_times(kept, capsys):
    schedule = Schedule.objects.create(name="nightly", rule="r", next_fire_at=timezone.now())
    fire_time(schedule, "old", timedelta(days=20))
    prune(capsys, "--older-than", "14d", "--dry-run")
    assert FireTime.objects.count() == 1
