"""What every store promises a run. A store's tests subclass this and provide the two fixtures that raise here.

A test that needs what a backend says it has not is skipped for that one: results (``supports_get_result``), an order
(``keeps_order``), durable checkpoints (``keeps_checkpoints``), knowing which of a dead run's claims had begun
(``knows_what_began``), priorities.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from django_tasks_oneshot.backends.base import (
    KILLED,
    Claimant,
    Continued,
    Duration,
    Failed,
    Interrupted,
    RetryLater,
    Succeeded,
)
from django_tasks_oneshot.compat import TaskError, TaskResultStatus
from tests.project.shop import tasks

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ERROR = TaskError(exception_class_path="builtins.ValueError", traceback="ValueError: no")
SUCCESS = Succeeded(ended_at=NOW, return_value=3)
FAILURE = Failed(ended_at=NOW, error=ERROR)
INTERRUPTION = Interrupted(
    ended_at=NOW,
    error=TaskError(
        exception_class_path="django_tasks_oneshot.contract.exceptions.TaskInterrupted",
        traceback="TaskInterrupted: signal: its run was told to stop.",
    ),
)


def continued(seconds=0):
    return Continued(ended_at=NOW, delay=timedelta(seconds=seconds))


def retry(seconds):
    return RetryLater(ended_at=NOW, error=ERROR, delay=timedelta(seconds=seconds))


class StoreContract:
    @pytest.fixture
    def backend(self):
        raise NotImplementedError

    @pytest.fixture
    def let_lease_end(self):
        """A function of a task id: the time of its lease or hold has passed."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, backend):
        return backend.open_store(Claimant(worker_id="first"))

    @pytest.fixture
    def other(self, backend):
        return backend.open_store(Claimant(worker_id="second"))

    @pytest.fixture
    def has_order(self, backend):
        if not backend.keeps_order:
            pytest.skip("the store keeps no order")

    @pytest.fixture
    def has_results(self, backend):
        if not backend.supports_get_result:
            pytest.skip("the store keeps no results")

    @pytest.fixture
    def has_checkpoints(self, backend):
        if not backend.keeps_checkpoints:
            pytest.skip("a checkpoint of this store dies with its process")

    def ids(self, claims):
        return [claim.id for claim in claims]

    def claim_all(self, store):
        """Stores may claim fewer at a time than there are."""
        claims = []
        while more := store.claim(10):
            claims += more
        return claims

    def assert_result(self, result, **expected):
        """What the project is told, where it is told anything."""
        if result.task.get_backend().supports_get_result:
            result.refresh()
            assert {name: getattr(result, name) for name in expected} == expected

    # Claiming

    def test_an_empty_store_gives_no_claims(self, store):
        assert list(store.claim(10)) == []
        assert store.count_due() == 0

    def test_a_claim_has_all_that_the_task_was_enqueued_with(self, store):
        result = tasks.add.enqueue(1, b=2)
        (claim,) = store.claim(10)
        assert claim.id == result.id
        assert claim.result.task == tasks.add
        assert (claim.result.args, claim.result.kwargs) == ([1], {"b": 2})

    def test_a_task_is_claimed_by_one_run_only(self, store, other):
        tasks.noop.enqueue()
        assert len(store.claim(10)) == 1
        assert list(other.claim(10)) == []

    def test_no_more_are_claimed_than_asked_for(self, store):
        for _ in range(5):
            tasks.noop.enqueue()
        assert len(store.claim(3)) == 3

    def test_older_tasks_come_first(self, store, has_order):
        ids = [tasks.add.enqueue(number).id for number in range(5)]
        assert self.ids(store.claim(10)) == ids

    def test_a_higher_priority_comes_first_however_late_it_was_enqueued(self, store, backend):
        if not backend.supports_priority:
            pytest.skip("the store has no priorities")
        low, high, usual = (tasks.noop.using(priority=priority).enqueue().id for priority in (-50, 50, 0))
        claimed = [self.ids(store.claim(1)) for _ in range(3)]
        assert claimed == [[high], [usual], [low]]

    def test_a_task_is_not_claimed_before_its_time(self, store):
        tasks.noop.using(run_after=timezone.now() + timedelta(hours=1)).enqueue()
        assert list(store.claim(10)) == []
        assert store.count_due() == 0

    def test_a_task_is_claimed_after_its_time(self, store):
        tasks.noop.using(run_after=timezone.now() - timedelta(seconds=1)).enqueue()
        assert len(store.claim(10)) == 1

    def test_a_run_for_some_queues_leaves_the_others_alone(self, backend):
        tasks.noop.enqueue()
        mail = tasks.noop.using(queue_name="mail").enqueue()
        store = backend.open_store(Claimant(worker_id="mail", queues={"mail"}))
        assert self.ids(store.claim(10)) == [mail.id]
        assert list(store.claim(10)) == []

    # Starting

    def test_the_first_claim_is_started_and_the_others_are_not(self, store, backend):
        results = {result.id: result for result in (tasks.noop.enqueue() for _ in range(2))}
        claims = store.claim(10)
        assert [claim.result.worker_ids for claim in claims] == [["first"], []]
        first, second = (results[claim.id] for claim in claims)
        self.assert_result(first, status=TaskResultStatus.RUNNING, attempts=1)
        self.assert_result(second, status=TaskResultStatus.READY, attempts=0, started_at=None)
        for result in (claims[0].result, first if backend.supports_get_result else claims[0].result):
            assert result.started_at == result.last_attempted_at != None  # noqa: E711

    def test_recording_an_outcome_starts_the_next_claim(self, store):
        results = {result.id: result for result in (tasks.noop.enqueue() for _ in range(2))}
        one, two = store.claim(10)
        recorded = store.record(one, SUCCESS, start=two)
        assert (recorded.kept, recorded.started) == (True, True)
        assert two.result.worker_ids == ["first"]
        self.assert_result(results[two.id], status=TaskResultStatus.RUNNING, worker_ids=["first"])

    def test_a_claim_that_another_run_took_meanwhile_is_not_started(self, store, other, let_lease_end):
        results = {result.id: result for result in (tasks.noop.enqueue() for _ in range(2))}
        one, two = store.claim(10)
        let_lease_end(two.id)
        assert self.ids(other.claim(10)) == [two.id]
        recorded = store.record(one, SUCCESS, start=two)
        assert (recorded.kept, recorded.started) == (True, False)
        self.assert_result(results[two.id], worker_ids=["second"])

    # Recording

    def test_a_success_is_final(self, store, other, let_lease_end):
        result = tasks.add.enqueue(1, 2)
        (claim,) = store.claim(10)
        assert store.record(claim, SUCCESS, start=None).kept
        store.release([])
        self.assert_result(result, status=TaskResultStatus.SUCCESSFUL, errors=[], finished_at=NOW)
        self.assert_result(result, return_value=3)
        let_lease_end(claim.id)
        assert list(other.claim(10)) == []

    def test_a_failure_is_final_and_says_why(self, store, other, let_lease_end):
        result = tasks.add.enqueue(1, 2)
        (claim,) = store.claim(10)
        assert store.record(claim, FAILURE, start=None).kept
        store.release([])
        self.assert_result(result, status=TaskResultStatus.FAILED, errors=[ERROR])
        let_lease_end(claim.id)
        assert list(other.claim(10)) == []

    def test_a_retry_is_ready_and_waits(self, store, other):
        result = tasks.add.enqueue(1, 2)
        (claim,) = store.claim(10)
        assert store.record(claim, retry(3600), start=None).kept
        self.assert_result(result, status=TaskResultStatus.READY, errors=[ERROR], finished_at=None)
        assert list(other.claim(10)) == []

    def test_a_retry_says_when_it_is_due(self, store, has_results):
        result = tasks.add.enqueue(1, 2)
        store.record(store.claim(10)[0], retry(3600), start=None)
        assert result.task.get_result(result.id).task.run_after > timezone.now() + timedelta(minutes=55)

    def test_each_attempt_adds_a_worker_and_each_failure_an_error(self, store, other):
        result = tasks.add.enqueue(1, 2)
        store.record(store.claim(10)[0], retry(0), start=None)
        (again,) = other.claim(10)
        for seen in (again.result, result):
            assert again.result.errors == [ERROR]
            assert again.result.worker_ids == ["first", "second"]
            assert again.result.started_at < again.result.last_attempted_at
            self.assert_result(seen, worker_ids=["first", "second"], attempts=2, errors=[ERROR])

    def test_an_interrupted_task_is_due_at_once_in_its_old_place_and_counts_as_interrupted(
        self, store, other, has_order
    ):
        result, younger = (tasks.noop.enqueue() for _ in range(2))
        claim, held = store.claim(10)
        assert store.record(claim, INTERRUPTION, start=None).kept
        store.release([held])
        self.assert_result(result, status=TaskResultStatus.READY, errors=[INTERRUPTION.error], finished_at=None)
        again, next_one = other.claim(10)
        assert (again.id, next_one.id) == (result.id, younger.id)
        assert (again.interruptions, again.result.attempts) == (1, 2)

    def test_an_interrupted_task_is_due_at_once_and_counts_as_interrupted(self, store, other):
        result = tasks.noop.enqueue()
        store.record(store.claim(10)[0], INTERRUPTION, start=None)
        self.assert_result(result, status=TaskResultStatus.READY, errors=[INTERRUPTION.error], finished_at=None)
        (again,) = other.claim(10)
        assert (again.interruptions, again.result.attempts, again.rescued) == (1, 2, False)
        assert again.result.errors == [INTERRUPTION.error]

    def test_an_interrupted_task_that_was_rescued_keeps_its_place_before_what_waits(
        self, store, other, let_lease_end, has_order
    ):
        waiting = tasks.noop.using(run_after=timezone.now() - timedelta(hours=1)).enqueue()
        rescued = tasks.noop.using(run_after=timezone.now() - timedelta(hours=2)).enqueue()
        let_lease_end(store.claim(1)[0].id)
        (claim,) = other.claim(1)
        assert (claim.id, claim.rescued, claim.interruptions) == (rescued.id, True, 1)
        other.record(claim, INTERRUPTION, start=None)
        claims = other.claim(1) + other.claim(1)
        assert self.ids(claims) == [rescued.id, waiting.id]
        assert [(claim.rescued, claim.interruptions) for claim in claims] == [(False, 2), (False, 0)]

    # Leases

    def test_a_lease_lasts_as_long_as_the_run_says(self, backend, other, eventually):
        store = backend.open_store(Claimant(worker_id="short", lease=lambda: timedelta(seconds=1)))
        tasks.noop.enqueue()
        (claim,) = store.claim(10)
        assert list(other.claim(10)) == []
        eventually(lambda: self.ids(other.claim(10)) == [claim.id])

    def test_what_a_dead_run_left_behind_goes_before_what_waits(self, store, other, let_lease_end, has_order):
        """However long that has waited: a rescue need not queue behind a backlog."""
        an_hour_ago = timezone.now() - timedelta(hours=1)
        waiting = [tasks.noop.using(run_after=an_hour_ago).enqueue().id for _ in range(4)]
        left_behind = self.ids(store.claim(2))
        for each in left_behind:
            let_lease_end(each)
        assert self.ids(other.claim(10)) == left_behind
        assert self.ids(other.claim(10)) == waiting[2:]

    def test_what_a_dead_run_left_behind_goes_after_what_is_more_urgent(self, store, backend, other, let_lease_end):
        if not (backend.supports_priority and backend.keeps_order):
            pytest.skip("the store has no priorities, or no order")
        killed = tasks.noop.enqueue()
        store.claim(1)
        let_lease_end(killed.id)
        urgent = tasks.noop.using(priority=1).enqueue()
        assert [self.ids(other.claim(10)) for _ in range(2)] == [[urgent.id], [killed.id]]

    def test_a_killed_task_is_claimed_again_as_an_interruption(self, store, other, let_lease_end):
        result = tasks.noop.enqueue()
        (claim,) = store.claim(10)
        let_lease_end(claim.id)
        (again,) = other.claim(10)
        assert (again.id, again.interruptions) == (claim.id, 1)
        assert again.rescued
        # Who it was may not be known; how often there was somebody is.
        assert again.result.worker_ids[-1] == "second"
        assert again.result.attempts == 2
        self.assert_result(result, worker_ids=["first", "second"], attempts=2, errors=[KILLED])
        assert again.result.errors == [KILLED]

    def test_interruptions_are_counted_in_a_row(self, store, other, let_lease_end):
        tasks.noop.enqueue()
        for expected in (0, 1, 2):
            (claim,) = store.claim(10)
            assert claim.interruptions == expected
            let_lease_end(claim.id)
        (claim,) = other.claim(10)
        other.record(claim, retry(0), start=None)
        (claim,) = other.claim(10)
        assert claim.interruptions == 0

    def test_what_was_held_and_not_started_is_claimed_again_with_nothing_spent(
        self, store, other, let_lease_end, backend
    ):
        if not backend.knows_what_began:
            pytest.skip("the store does not know what had begun")
        results = {result.id: result for result in (tasks.noop.enqueue() for _ in range(2))}
        _, two = store.claim(10)
        let_lease_end(two.id)
        (again,) = other.claim(10)
        assert (again.id, again.interruptions, again.result.attempts) == (two.id, 0, 1)
        self.assert_result(results[two.id], errors=[], worker_ids=["second"])

    @pytest.mark.parametrize("outcome", [SUCCESS, FAILURE, retry(0), INTERRUPTION, continued()])
    def test_a_late_answer_changes_nothing(self, store, other, let_lease_end, outcome):
        result = tasks.noop.enqueue()
        (late,) = store.claim(10)
        let_lease_end(late.id)
        (claim,) = other.claim(10)
        assert not store.record(late, outcome, start=None).kept
        store.release([])
        assert list(store.claim(10)) == []
        self.assert_result(result, status=TaskResultStatus.RUNNING, errors=[KILLED], worker_ids=["first", "second"])
        let_lease_end(claim.id)
        (again,) = store.claim(10)
        assert (again.id, again.result.attempts) == (late.id, 3)

    def test_an_answer_after_the_task_is_finished_changes_nothing(self, store, other, let_lease_end):
        result = tasks.noop.enqueue()
        (late,) = store.claim(10)
        let_lease_end(late.id)
        other.record(other.claim(10)[0], SUCCESS, start=None)
        assert not store.record(late, FAILURE, start=None).kept
        for each in (store, other):
            each.release([])
        self.assert_result(result, status=TaskResultStatus.SUCCESSFUL, attempts=2)
        assert list(store.claim(10)) == []

    def test_an_answer_is_kept_as_long_as_nobody_else_has_the_task(self, store, let_lease_end, has_results):
        tasks.noop.enqueue()
        (claim,) = store.claim(10)
        let_lease_end(claim.id)
        assert store.record(claim, SUCCESS, start=None).kept

    def test_a_lease_that_is_extended_does_not_end(self, store, other, let_lease_end, has_results):
        tasks.noop.enqueue()
        (claim,) = store.claim(10)
        let_lease_end(claim.id)
        assert store.extend(claim)
        assert list(other.claim(10)) == []

    def test_a_lease_that_was_lost_is_not_extended(self, store, other, let_lease_end):
        tasks.noop.enqueue()
        (claim,) = store.claim(10)
        let_lease_end(claim.id)
        other.claim(10)
        assert not store.extend(claim)

    # Going on

    def test_a_checkpoint_is_there_for_the_next_claim_also_after_a_kill(
        self, store, other, let_lease_end, has_checkpoints
    ):
        tasks.noop.enqueue()
        (claim,) = store.claim(10)
        assert claim.checkpoint.value is None
        claim.checkpoint.value = {"page": 7}
        assert store.checkpoint(claim)
        let_lease_end(claim.id)
        (again,) = other.claim(10)
        assert again.checkpoint.value == {"page": 7}

    @pytest.mark.parametrize("outcome", [retry(0), INTERRUPTION, continued()])
    def test_how_far_a_task_has_come_is_kept_with_its_outcome(self, store, other, outcome):
        tasks.noop.enqueue()
        (claim,) = store.claim(10)
        claim.checkpoint.cursor = 57
        store.record(claim, outcome, start=None)
        (again,) = other.claim(10)
        assert again.checkpoint.cursor == 57

    def test_a_checkpoint_renews_the_lease(self, store, other, let_lease_end, has_checkpoints):
        tasks.noop.enqueue()
        (claim,) = store.claim(10)
        let_lease_end(claim.id)
        claim.checkpoint.value = 1
        assert store.checkpoint(claim)
        assert list(other.claim(10)) == []

    def test_a_late_checkpoint_changes_nothing(self, store, other, let_lease_end, has_checkpoints):
        tasks.noop.enqueue()
        (late,) = store.claim(10)
        let_lease_end(late.id)
        (claim,) = other.claim(10)
        claim.checkpoint.value = "mine"
        assert other.checkpoint(claim)
        late.checkpoint.value = "late"
        assert not store.checkpoint(late)
        let_lease_end(claim.id)
        (again,) = store.claim(10)
        assert again.checkpoint.value == "mine"

    def test_interruptions_are_counted_anew_from_an_attempt_that_came_further(
        self, store, let_lease_end, has_checkpoints
    ):
        tasks.noop.enqueue()
        for page, expected in ((0, 0), (1, 1), (0, 1), (0, 2), (2, 3), (0, 1), (0, 2)):
            (claim,) = store.claim(10)
            assert claim.interruptions == expected
            if page:
                claim.checkpoint.value = page
                store.checkpoint(claim)
            let_lease_end(claim.id)

    def test_a_checkpoint_that_says_what_the_one_before_said_is_no_progress(self, store, let_lease_end):
        tasks.noop.enqueue()
        for expected in (0, 1, 2, 3):
            (claim,) = store.claim(10)
            assert claim.interruptions == expected
            claim.checkpoint.value = "the beginning"
            store.checkpoint(claim)
            let_lease_end(claim.id)

    def test_a_task_that_continues_is_ready_with_no_error_and_counts_as_started(self, store, other):
        result = tasks.noop.enqueue()
        (claim,) = store.claim(10)
        assert store.record(claim, continued(), start=None).kept
        self.assert_result(result, status=TaskResultStatus.READY, errors=[], finished_at=None)
        (again,) = other.claim(10)
        assert (again.interruptions, again.rescued) == (0, False)
        assert again.result.worker_ids == ["first", "second"]

    def test_a_task_that_continues_goes_behind_what_is_due_already(self, store, other, has_order):
        long, waiting = (tasks.noop.enqueue().id for _ in range(2))
        store.record(store.claim(1)[0], continued(), start=None)
        assert [self.ids(other.claim(1)) for _ in range(2)] == [[waiting], [long]]

    def test_a_task_that_continues_after_a_time_waits_for_it(self, store, other):
        result = tasks.noop.enqueue()
        store.record(store.claim(1)[0], continued(3600), start=None)
        assert list(other.claim(10)) == []
        if result.task.get_backend().supports_get_result:
            assert result.task.get_result(result.id).task.run_after > timezone.now() + timedelta(minutes=55)

    # Choosing

    def test_a_claim_may_be_for_some_tasks_only(self, store):
        tasks.noop.enqueue()
        add = tasks.add.enqueue(1)
        assert self.ids(store.claim(10, only={tasks.add.module_path})) == [add.id]
        assert list(store.claim(10, only={tasks.add.module_path})) == []

    def test_a_claim_may_leave_some_tasks_to_others(self, store):
        noop, add = tasks.noop.enqueue(), tasks.add.enqueue(1)
        assert self.ids(store.claim(10, leaving={tasks.noop.module_path})) == [add.id]
        assert self.ids(store.claim(10)) == [noop.id]

    def test_durations_are_kept_for_the_next_run(self, store, other, has_results):
        assert store.durations() == {}
        durations = {"a.b": Duration(seconds=1.5), "c.d": Duration(seconds=60, passed_over=True)}
        store.keep_durations(durations)
        other.keep_durations({"a.b": Duration(seconds=2.5)})
        assert store.durations() == {**durations, "a.b": Duration(seconds=2.5)}

    # Giving back

    def test_what_is_released_has_its_old_place(self, store, other, has_order):
        ids = [tasks.noop.enqueue().id for _ in range(4)]
        store.release(store.claim(3)[1:])
        assert self.ids(other.claim(10)) == ids[1:]

    def test_what_is_released_is_due_at_once_with_nothing_spent(self, store, other):
        ids = [tasks.noop.enqueue().id for _ in range(4)]
        started, *held = store.claim(3)
        store.release(held)
        claims = self.claim_all(other)
        assert sorted(self.ids(claims)) == sorted({*ids} - {started.id})
        assert {(each.interruptions, each.rescued) for each in claims} == {(0, False)}

    def test_what_was_started_and_not_executed_is_released_as_it_was(self, store, other):
        result = tasks.noop.enqueue()
        store.record(store.claim(1)[0], retry(0), start=None)
        names = ("status", "worker_ids", "started_at", "last_attempted_at", "errors")
        if result.task.get_backend().supports_get_result:
            result.refresh()
        before = {name: getattr(result, name) for name in names}
        other.release(other.claim(1))
        self.assert_result(result, **before)
        (again,) = store.claim(1)
        assert (again.interruptions, again.result.attempts, again.result.errors) == (0, 2, [ERROR])

    def test_what_another_run_has_is_not_released(self, store, other, let_lease_end):
        for _ in range(2):
            tasks.noop.enqueue()
        _, two = store.claim(10)
        let_lease_end(two.id)
        other.claim(10)
        store.release([two])
        assert store.count_due() == 0

    # Looking

    def test_looking_takes_nothing(self, store, has_results):
        mail = tasks.noop.using(queue_name="mail").enqueue()
        time.sleep(0.002)  # SQLite's clock has milliseconds: of two in the same one, either queue may be first
        other = tasks.noop.enqueue()
        tasks.noop.using(run_after=timezone.now() + timedelta(hours=1)).enqueue()
        assert [task.id for task in store.due(10)] == [mail.id, other.id]
        assert [task.id for task in store.due(1)] == [mail.id]
        assert store.count_due() == 2
        assert len(store.claim(10)) == 1
