"""What starts in the time that is left of a run."""

from __future__ import annotations

import signal
from datetime import UTC, datetime

import pytest
from django.db import OperationalError

from django_tasks_oneshot.backends.base import Claimant, Continued, Duration, Failed, Interrupted, Succeeded
from django_tasks_oneshot.backends.database_store import DatabaseStore
from django_tasks_oneshot.compat import TaskError, TaskResultStatus, task_backends
from django_tasks_oneshot.models import TaskDuration
from django_tasks_oneshot.run.admission import usual_seconds
from tests.clock import Clock
from tests.project.shop import tasks
from tests.project.shop.models import Execution
from tests.run.test_resume import parcel

TAKE, TAKE_MORE = tasks.take.module_path, tasks.take_more.module_path
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ERROR = TaskError(exception_class_path="", traceback="")


@pytest.fixture
def clock(monkeypatch):
    """Time passes only when a task takes it."""

    clock = Clock()
    monkeypatch.setattr(tasks, "take_seconds", lambda seconds: setattr(clock, "now", clock.now + seconds))
    return clock


@pytest.fixture
def bounded(run, clock):
    """A run of 60 seconds, in which tasks are interrupted after 10 more."""
    return lambda **options: run(**{"max_seconds": 60, "grace_seconds": 10, "clock": clock, **options})


@pytest.fixture
def usually(rows):
    """Says how long a task usually takes, by its path."""

    def usually(**seconds):
        for name, each in seconds.items():
            TaskDuration.objects.create(path=getattr(tasks, name).module_path, seconds=each)

    return usually


def taken():
    return [each.note.removeprefix("took ") for each in Execution.objects.order_by("pk")]


def known():
    return {each.path: (each.seconds, each.passed_over) for each in TaskDuration.objects.all()}


@pytest.fixture
def parcels(rows, monkeypatch):
    """Four to deliver, each in 25 seconds."""
    for number in range(4):
        tasks.Parcel.objects.create(**parcel(number))
    monkeypatch.setattr(tasks, "after_each_parcel", lambda parcel: tasks.take_seconds(25))


class TestATimeout:
    def test_that_does_not_fit_any_more_leaves_the_task_to_the_next_run(self, bounded):
        tasks.take.enqueue(45)
        result = tasks.take_with_timeout.enqueue(1)
        report = bounded()
        assert (taken(), report.stopped_because, report.remaining) == (["45"], "nothing_fits", 1)
        result.refresh()
        assert (result.status, result.attempts) == (TaskResultStatus.READY, 0)
        bounded()
        assert taken() == ["45", "1 of 30"]

    def test_that_fits_into_what_is_left_starts(self, bounded):
        tasks.take.enqueue(40)
        tasks.take_with_timeout.enqueue(1)
        assert bounded().succeeded == 2

    def test_lets_shorter_tasks_go_before(self, bounded):
        tasks.take.enqueue(45)
        tasks.take_with_timeout.enqueue(1)
        tasks.write_down.enqueue("shorter")
        assert bounded().succeeded == 2
        assert taken() == ["45", "shorter"]

    def test_is_asked_within_a_batch_too(self, bounded):
        for seconds in (0, 45):  # the second one is claimed together with what is behind it
            tasks.take.enqueue(seconds)
        result = tasks.take_with_timeout.enqueue(1)
        tasks.write_down.enqueue("shorter")
        assert bounded().succeeded == 3
        assert taken() == ["0", "45", "shorter"]
        result.refresh()
        assert result.attempts == 0

    def test_does_not_matter_where_nothing_bounds_what_runs(self, run, clock):
        """As under a crontab: a backup of twenty minutes just ends, and the next minute's run goes on beside it."""
        tasks.take.enqueue(50)
        tasks.take_with_long_timeout.enqueue(400)
        assert run(max_seconds=60, clock=clock).succeeded == 2

    def test_of_the_settings_tells_nothing_of_a_task(self, bounded, settings):
        """One that is about as long as a run would let a run start a single task."""
        settings.TASKS = {**settings.TASKS, "default": {**settings.TASKS["default"], "TIMEOUT": 69}}
        for _ in range(3):
            tasks.take.enqueue(5)
        assert bounded(backend=task_backends["default"]).succeeded == 3

    def test_counts_more_than_what_the_task_usually_takes(self, bounded, usually):
        usually(take_with_timeout=100)
        tasks.take.enqueue(40)
        tasks.take_with_timeout.enqueue(1)
        assert bounded().succeeded == 2

    def test_longer_than_a_run_starts_first_in_a_run_and_is_warned_of(self, bounded, caplog):
        tasks.take.using(priority=1).enqueue(1)
        tasks.take_with_long_timeout.enqueue(2)
        assert bounded().stopped_because == "nothing_fits"
        tasks.take.using(priority=1).enqueue(3)
        assert "may take" not in caplog.text
        bounded()
        assert taken() == ["1", "2 of 500", "3"]
        assert "take_with_long_timeout may take 500 s, and a whole run has 70 s." in caplog.text

    def test_longer_than_a_run_says_nothing_once_the_task_was_seen(self, bounded, caplog):
        """Else a run would start a single one of them, however short they are."""
        for seconds in (0.01, 0.02, 0.03):
            tasks.take_with_long_timeout.enqueue(seconds)
        assert bounded().succeeded == 3
        tasks.take.enqueue(60)
        tasks.take_with_long_timeout.enqueue(0.04)
        assert bounded().succeeded == 1
        assert bounded().succeeded == 1
        assert caplog.text.count("may take 500 s") == 1

    def test_longer_than_a_run_starts_where_it_is_the_first_one_anyway(self, bounded, caplog):
        tasks.take_with_long_timeout.enqueue(2)
        assert bounded().succeeded == 1
        assert "may take 500 s" in caplog.text


class TestTheUsualDuration:
    def test_is_learned_from_what_tasks_took(self, bounded):
        tasks.take.enqueue(50)
        bounded()
        assert known() == {TAKE: (50, False)}
        tasks.take_more.enqueue(30)
        tasks.take.enqueue(1)
        bounded()
        assert taken() == ["50", "30 more"]

    def test_is_learned_in_runs_without_an_end_too(self, run, clock):
        tasks.take.enqueue(1000)
        run(clock=clock)
        assert known() == {TAKE: (1000, False)}

    def test_is_not_asked_where_there_is_a_timeout(self, run, clock):
        tasks.take_with_long_timeout.enqueue(100)
        run(clock=clock)
        assert known() == {}

    def test_is_not_that_of_a_task_which_could_have_continued(self, run, clock, parcels):
        tasks.deliver_all.enqueue()
        assert run(clock=clock).succeeded == 1
        assert known() == {}

    def test_of_short_tasks_is_not_kept(self, bounded):
        tasks.take.enqueue(0.9)
        bounded()
        assert known() == {}

    def test_that_hardly_changed_is_not_written_again(self, bounded, usually, monkeypatch):
        usually(take=20)
        monkeypatch.setattr(DatabaseStore, "keep_durations", lambda self, durations: pytest.fail(str(durations)))
        tasks.take.enqueue(21)
        bounded()

    def test_of_a_task_that_goes_on_over_several_runs_is_that_of_a_step(self, bounded, parcels):
        tasks.deliver_all.enqueue()
        assert [bounded().continued for _ in range(2)] == [1, 0]
        assert known() == {tasks.deliver_all.module_path: (25, False)}

    def test_of_a_step_counts_more_than_the_timeout_of_a_task_that_continues(self, bounded, parcels, caplog):
        tasks.deliver_all_with_long_timeout.enqueue()
        bounded()
        tasks.take.using(priority=10).enqueue(1)
        caplog.clear()
        assert bounded().succeeded == 2
        assert "may take" not in caplog.text

    def test_of_a_step_that_does_not_fit_behind_others_is_passed_over(self, bounded, parcels):
        tasks.deliver_all.enqueue()
        bounded()
        tasks.take.using(priority=10).enqueue(50)
        bounded()
        tasks.write_down.using(priority=10).enqueue("urgent")
        bounded()
        assert taken() == ["a", "b", "50", "c", "d", "urgent"]

    def test_after_an_interruption_is_longer_than_what_it_had(self, bounded, monkeypatch, clock):
        def take_until_interrupted(seconds):
            clock.now += seconds
            tasks.time.sleep(60)

        monkeypatch.setattr(tasks, "take_seconds", take_until_interrupted)
        tasks.take.enqueue(80)
        assert bounded().interrupted == 1
        assert known() == {TAKE: (100, False)}

    def test_of_a_task_that_continues_at_its_own_will_is_that_of_an_attempt(self, bounded, clock, monkeypatch):
        monkeypatch.setattr(tasks, "after_each_number", lambda: tasks.take_seconds(25))
        tasks.count_to.enqueue(4)
        assert [bounded().continued for _ in range(3)] == [2, 1, 0]

    def test_is_asked_for_after_the_outcome_is_recorded(self, run, clock, monkeypatch):
        """A database that fails in between must not lose it."""

        def durations(self):
            raise OperationalError("gone")

        monkeypatch.setattr(DatabaseStore, "durations", durations)
        result = tasks.take.enqueue(20)
        with pytest.raises(OperationalError):
            run(clock=clock)
        result.refresh()
        assert result.status == TaskResultStatus.SUCCESSFUL

    def test_is_not_learned_from_failures(self, bounded, monkeypatch, clock):
        def take_and_fail(seconds):
            clock.now += seconds
            raise ValueError

        monkeypatch.setattr(tasks, "take_seconds", take_and_fail)
        tasks.take.enqueue(20)
        bounded()
        assert known() == {}

    def test_that_cannot_be_written_does_not_hurt_the_run(self, bounded, monkeypatch, caplog):
        def keep_durations(self, durations):
            raise OperationalError("gone")

        monkeypatch.setattr(DatabaseStore, "keep_durations", keep_durations)
        tasks.take.enqueue(20)
        assert bounded().succeeded == 1
        assert "gone" in caplog.text

    @pytest.mark.parametrize(
        ("outcome", "usual", "seconds", "expected"),
        [
            (Succeeded(ended_at=NOW, return_value=None), 0, 10, 10),
            (Succeeded(ended_at=NOW, return_value=None), 10, 30, 30),
            (Succeeded(ended_at=NOW, return_value=None), 30, 10, 26),
            (Continued(ended_at=NOW, delay=0), 30, 10, 26),
            (Interrupted(ended_at=NOW, error=ERROR), 10, 40, 50),
            (Interrupted(ended_at=NOW, error=ERROR), 60, 40, 60),
            (Failed(ended_at=NOW, error=ERROR), 60, 1, 60),
        ],
    )
    def test_rises_at_once_and_falls_by_and_by(self, outcome, usual, seconds, expected):
        assert usual_seconds(usual, outcome, seconds) == expected


class TestWhatIsPassedOver:
    def test_is_what_the_next_run_starts_with_before_anything_more_urgent(self, bounded, usually):
        """Else more urgent tasks that leave too little time in each run would starve it."""
        usually(take_more=40)
        tasks.take_more.enqueue(35)
        for seconds in (1, 45):
            tasks.take.using(priority=10).enqueue(seconds)
        bounded()
        assert known()[TAKE_MORE] == (40, True)
        tasks.write_down.using(priority=10).enqueue("urgent")
        bounded()
        assert taken() == ["1", "45", "35 more", "urgent"]
        assert known()[TAKE_MORE] == (40, False)

    def test_is_nothing_behind_which_something_else_is_next(self, bounded, usually):
        """It waits for its turn, and not for its time."""
        usually(take_more=40)
        tasks.take.using(priority=10).enqueue(45)
        for _ in range(3):
            tasks.write_down.using(priority=10).enqueue("urgent")
        tasks.take_more.enqueue(35)
        bounded(max_tasks=4)
        assert (len(taken()), known()[TAKE_MORE]) == (4, (40, False))

    def test_is_not_forgotten_by_runs_that_do_not_see_it(self, bounded, usually):
        """It may be in another queue, or of another backend."""
        usually(take_more=40)
        TaskDuration.objects.update(passed_over=True)
        assert bounded(queues={"mail"}).claimed == 0
        assert bounded().claimed == 0
        assert known()[TAKE_MORE] == (40, True)
        tasks.take.using(priority=10).enqueue(1)
        tasks.take_more.enqueue(2)
        bounded()
        assert taken() == ["2 more", "1"]
        assert not known()[TAKE_MORE][1]

    def test_is_asked_for_in_runs_that_have_an_end_only(self, run, usually, django_assert_num_queries, backend):
        usually(take=40)
        store = backend.open_store(Claimant(worker_id="idle"))
        with django_assert_num_queries(1):
            store.claim(1)
        assert store.durations() == {TAKE: Duration(seconds=40)}

    def test_by_a_run_that_waits_is_left_for_others(self, bounded, usually, clock, monkeypatch):
        usually(take_more=40)
        tasks.take.using(priority=10).enqueue(45)
        tasks.take_more.enqueue(35)
        monkeypatch.setattr("django_tasks_oneshot.run.drain.time.sleep", lambda seconds: signal.raise_signal(2))
        assert bounded(wait=True).remaining == 1
        assert known()[TAKE_MORE] == (40, True)
