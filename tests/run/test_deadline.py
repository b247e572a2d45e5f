from __future__ import annotations

import math
from datetime import timedelta

import pytest

from django_tasks_oneshot import TaskInterrupted, TaskTimeout
from django_tasks_oneshot.run.deadline import SHORT_GRACE, WRAP_UP, Deadline
from tests.clock import Clock

LEASE = timedelta(seconds=300)


@pytest.fixture
def clock():
    return Clock()


def reason(deadline):
    """Of the interruption that is due."""
    interruption = deadline.cut_off()
    assert isinstance(interruption, TaskInterrupted)
    return interruption.reason


def test_without_limits_nothing_ends(clock):
    deadline = Deadline(clock=clock)
    clock.now += 86400
    assert (deadline.remaining, deadline.until_interruption, deadline.until_end) == (math.inf,) * 3
    assert deadline.lease(LEASE) == LEASE


def test_max_seconds_ends_the_starting_of_tasks_and_interrupts_none(clock):
    deadline = Deadline(50, clock=clock)
    assert deadline.remaining == 50
    clock.now += 60
    assert (deadline.remaining, deadline.until_interruption) == (0, math.inf)


def test_the_grace_begins_when_max_seconds_are_over(clock):
    deadline = Deadline(50, 10, clock=clock)
    assert (deadline.until_interruption, deadline.until_end) == (60, 60 + WRAP_UP)
    clock.now += 61
    assert (deadline.until_interruption, reason(deadline)) == (-1, "deadline")


def test_a_grace_of_0_interrupts_at_once(clock):
    assert Deadline(50, 0, clock=clock).until_interruption == 50


def test_a_signal_is_the_end_and_gives_its_own_grace(clock):
    deadline = Deadline(clock=clock)
    clock.now += 7
    deadline.stop()
    assert (deadline.remaining, deadline.until_interruption) == (0, SHORT_GRACE)
    assert deadline.cut_off() is None
    clock.now += SHORT_GRACE
    assert reason(deadline) == "signal"


def test_the_grace_that_was_given_holds_after_a_signal_too(clock):
    deadline = Deadline(grace_seconds=25, clock=clock)
    assert deadline.until_interruption == math.inf
    deadline.stop()
    assert deadline.until_interruption == 25


def test_a_second_stop_does_not_begin_the_grace_again(clock):
    deadline = Deadline(clock=clock)
    deadline.stop()
    clock.now += 3
    deadline.stop()
    assert deadline.until_interruption == SHORT_GRACE - 3


def test_a_signal_after_max_seconds_still_gives_the_task_a_grace(clock):
    deadline = Deadline(50, clock=clock)
    clock.now += 80
    deadline.stop()
    assert deadline.until_interruption == SHORT_GRACE


def test_a_signal_does_not_put_off_the_deadline(clock):
    deadline = Deadline(50, 10, clock=clock)
    clock.now += 58
    deadline.stop()
    assert deadline.until_interruption == 2
    clock.now += 2
    assert reason(deadline) == "deadline"


def test_default_grace_and_wrap_up_end_before_a_kill_after_10_seconds():
    assert SHORT_GRACE + 2 * WRAP_UP < 10  # the second one is for a database that does not answer


class TestTimeout:
    def test_is_of_an_attempt_alone(self, clock):
        deadline = Deadline(clock=clock)
        clock.now += 100
        with deadline.attempt(timedelta(seconds=30)):
            clock.now += 29
            assert (deadline.until_timeout, deadline.cut_off()) == (1, None)
            clock.now += 1
            assert isinstance(deadline.cut_off(), TaskTimeout)
            assert str(deadline.cut_off()) == "it took longer than its timeout of 30 s"
        assert (deadline.until_timeout, deadline.cut_off(), deadline.timed_out()) == (math.inf, None, None)

    def test_a_task_that_goes_on_after_it_is_interrupted_and_then_ended(self, clock):
        deadline = Deadline(50, 0, clock=clock)
        with deadline.attempt(timedelta(seconds=10)):
            assert (deadline.until_cut_off, deadline.until_interruption) == (10, 10 + SHORT_GRACE)
            assert deadline.until_end == 10 + SHORT_GRACE + WRAP_UP
            clock.now += 10 + SHORT_GRACE
            assert reason(deadline) == "timeout"
            assert isinstance(deadline.timed_out(), TaskTimeout)

    def test_the_end_of_the_run_does_not_wait_for_it(self, clock):
        deadline = Deadline(50, 0, clock=clock)
        clock.now += 45
        with deadline.attempt(timedelta(seconds=10)):
            assert deadline.until_cut_off == 5
            clock.now += 5
            assert (reason(deadline), deadline.timed_out()) == ("deadline", None)

    def test_a_signal_does_not_wait_for_it(self, clock):
        deadline = Deadline(clock=clock)
        with deadline.attempt(timedelta(seconds=100)):
            deadline.stop()
            clock.now += SHORT_GRACE
            assert reason(deadline) == "signal"

    def test_a_run_that_the_task_begins_ends_before_it(self, clock):
        outer, inner = Deadline(clock=clock), Deadline(clock=clock)
        with outer.attempt(timedelta(seconds=10)):
            clock.now += 4
            inner.lie_within(outer)
            assert (inner.remaining, inner.until_interruption) == (6, 6)

    def test_a_lease_is_no_longer_than_a_task_may_take(self, clock):
        deadline = Deadline(clock=clock)
        with deadline.attempt(timedelta(seconds=10)):
            assert deadline.lease(LEASE) == timedelta(seconds=10 + SHORT_GRACE + WRAP_UP)


class TestOfAHostThatKills:
    def test_what_runs_is_interrupted_a_margin_before(self, clock):
        deadline = Deadline.of_host(900, 10, clock)
        assert (deadline.until_interruption, deadline.whole_run) == (890, 890)
        assert deadline.until_end == 890 + WRAP_UP

    def test_what_can_stop_by_itself_does_so_a_moment_before_it_is_interrupted(self, clock):
        assert Deadline.of_host(900, 10, clock).remaining == 889
        deadline = Deadline.of_host(7, 5, clock)
        assert (deadline.remaining, deadline.until_interruption) == (1.8, 2)

    def test_with_less_time_than_the_margin_nothing_starts(self, clock):
        deadline = Deadline.of_host(3, 10, clock)
        assert (deadline.remaining, deadline.until_interruption) == (0, 0)


class TestLease:
    def test_is_as_long_as_the_backend_says_where_no_end_is_known(self, clock):
        assert Deadline(50, clock=clock).lease(LEASE) == LEASE

    def test_lasts_until_the_end_of_the_run_where_that_is_known(self, clock):
        deadline = Deadline(50, 10, clock=clock)
        assert deadline.lease(LEASE) == timedelta(seconds=60 + WRAP_UP)
        clock.now += 40
        assert deadline.lease(LEASE) == timedelta(seconds=20 + WRAP_UP)

    def test_is_never_longer_than_the_backend_says(self, clock):
        assert Deadline(5000, 10, clock=clock).lease(LEASE) == LEASE
        assert Deadline(50, 10, clock=clock).lease(timedelta(seconds=1)) == timedelta(seconds=1)

    def test_still_lasts_a_moment_shortly_before_the_end(self, clock):
        deadline = Deadline(50, 10, clock=clock)
        clock.now += 60 + WRAP_UP - 0.1
        assert deadline.lease(LEASE) == timedelta(seconds=WRAP_UP)

    def test_is_a_whole_one_for_a_run_that_is_still_there_after_its_end(self, clock):
        deadline = Deadline(50, 10, clock=clock)
        clock.now += 500
        assert deadline.lease(LEASE) == LEASE
