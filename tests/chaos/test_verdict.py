"""A short session in which all went well, and what the verdict says when one thing in it is different."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .ledger import Event
from .results import Final
from .verdict import judge

LEASE = 10.0
STARTED_AGAIN = 35.0  # in run 2, when run 1 was killed at 30.0


def session(*more, without=()):
    """Task ``t`` is killed in run 1 and rescued by run 2; a schedule fires task ``f``, which run 2 executes."""
    events = [
        Event(what="enqueued", at=0, tasks=("t",)),
        Event(what="spawn", at=1, run="1"),
        Event(what="spawn", at=20, run="2"),
        Event(what="claimed", at=21, run="1", tasks=("t",)),
        Event(what="start", at=22, run="1", task="t", execution="t1"),
        Event(what="kill", at=30, run="1", point="in-task", task="t"),
        Event(what="exit", at=30.1, run="1", code=-9),
        Event(what="fire", at=31, run="2", schedule="s", fire_time="12:00", task="f"),
        Event(what="claimed", at=34, run="2", tasks=("t", "f")),
        Event(what="start", at=STARTED_AGAIN, run="2", task="t", execution="t2"),
        Event(what="end", at=36, run="2", task="t", execution="t2", outcome="returned"),
        Event(what="finished", at=37, run="2", task="t", outcome="SUCCESSFUL"),
        Event(what="start", at=38, run="2", task="f", execution="f1"),
        Event(what="end", at=39, run="2", task="f", execution="f1", outcome="returned"),
        Event(what="finished", at=40, run="2", task="f", outcome="SUCCESSFUL"),
        Event(what="exit", at=41, run="2"),
    ]
    return [*(each for each in events if not any(is_like(each, pattern) for pattern in without)), *more]


def is_like(event, pattern):
    return all(getattr(event, name) == value for name, value in pattern.items())


def changed(events, pattern, **values):
    return [replace(each, **values) if is_like(each, pattern) else each for each in events]


RESULTS = {"t": Final(status="SUCCESSFUL", value="t2"), "f": Final(status="SUCCESSFUL", value="f1")}


def verdict(events=None, **results):
    return judge(session() if events is None else events, {**RESULTS, **results}, lease=LEASE)


def violation(events=None, **results):
    """The only one."""
    (text,) = verdict(events, **results).violations
    return text


def test_nothing_is_wrong_with_a_kill_and_its_rescue():
    assert verdict().violations == []


def test_the_figures_of_a_session():
    figures = verdict().figures
    assert (figures.tasks, figures.executions, figures.fires, figures.lost) == (2, 3, 1, 0)
    assert figures.kills_at_points == {"in-task": 1}
    assert figures.repeats == {"kill": 1}
    assert (figures.slowest_rescue, figures.rescue_bound) == (5.0, LEASE + 21)


def test_a_task_whose_row_is_gone_is_lost():
    assert "t is lost: its row is gone" in violation(t=None)
    assert verdict(t=None).figures.lost == 1


@pytest.mark.parametrize("status", ["READY", "RUNNING"])
def test_a_task_that_is_not_final_is_lost(status):
    assert f"t is lost: it is still {status}" in violation(t=Final(status=status))


def test_a_task_that_failed_is_wrong():
    assert "t ended as FAILED" in violation(t=Final(status="FAILED"))


def test_a_task_that_was_recorded_and_never_executed_is_lost():
    events = session(without=[{"task": "f", "what": "start"}, {"task": "f", "what": "end"}])
    assert "never executed to its end" in violation(events)


def test_an_execution_of_a_task_that_was_rolled_back_is_wrong():
    assert "f was executed, and was never enqueued" in violation(f=None)


def test_a_repeat_that_no_kill_explains_is_wrong():
    events = changed(session(without=[{"what": "kill"}]), {"what": "exit", "run": "1"}, code=0)
    ended = Event(what="end", at=29, run="1", task="t", execution="t1", outcome="returned")
    assert "t was executed again for no reason: in run 1, then in run 2" in violation([*events, ended])
    assert "t was executed twice at the same time" in violation(events)


def test_a_kill_explains_only_the_task_that_was_under_way():
    ended = Event(what="end", at=23, run="1", task="t", execution="t1", outcome="returned")
    other = [Event(what="start", at=24, run="1", task="u", execution="u1")]
    other += [Event(what="start", at=50, run="2", task="u", execution="u2")]
    other += [Event(what="end", at=51, run="2", task="u", execution="u2", outcome="returned")]
    events = [Event(what="enqueued", at=0, tasks=("u",)), ended, *other]
    events += changed(session(), {"what": "kill"}, point="random", task="")
    assert "t was executed again for no reason" in violation(events, u=Final(status="SUCCESSFUL", value="u2"))


def test_a_kill_at_random_does_not_explain_the_repeat_of_what_had_finished():
    told = Event(what="finished", at=24, run="1", task="t", outcome="SUCCESSFUL")
    violations = verdict([*changed(session(), {"what": "kill"}, point="random", task=""), told]).violations
    assert any("t was executed twice" in each for each in violations)


def test_a_kill_explains_no_repeat_that_began_before_it():
    assert "twice at the same time" in violation(changed(session(), {"what": "kill"}, at=35.5))


@pytest.mark.parametrize("outcome", ["returned", "raised", "interrupted"])
def test_a_repeat_after_an_execution_that_raised_is_a_retry(outcome):
    events = changed(session(without=[{"what": "kill"}]), {"what": "exit", "run": "1"}, code=0)
    events.append(Event(what="end", at=29, run="1", task="t", execution="t1", outcome=outcome))
    assert bool(verdict(events).violations) == (outcome != "raised")


@pytest.mark.parametrize(("term_at", "explains"), [(25, True), (29.5, False)])
def test_an_interruption_explains_a_repeat_in_a_run_that_was_told_to_end_before(term_at, explains):
    events = changed(session(without=[{"what": "kill"}]), {"what": "exit", "run": "1"}, code=0)
    events.append(Event(what="end", at=29, run="1", task="t", execution="t1", outcome="interrupted"))
    events.append(Event(what="term", at=term_at, run="1"))
    assert (verdict(events).violations == []) == explains


def frozen(*, thawed_at=38.5):
    """Run 1 is frozen in the task instead of killed, and goes on after run 2 has finished it."""
    events = changed(session(without=[{"what": "exit", "run": "1"}]), {"what": "kill"}, what="freeze")
    return [
        *events,
        Event(what="thaw", at=thawed_at, run="1", point="in-task", task="t"),
        Event(what="end", at=thawed_at + 0.1, run="1", task="t", execution="t1", outcome="returned"),
        Event(what="exit", at=thawed_at + 1, run="1"),
    ]


def test_a_freeze_explains_a_repeat_and_is_counted_apart():
    assert verdict(frozen()).violations == []
    assert (verdict(frozen()).figures.freezes, verdict(frozen()).figures.repeats) == (1, {"freeze": 1})


def test_a_late_answer_that_is_stored_is_wrong():
    assert "the return value of another execution" in violation(frozen(), t=Final(status="SUCCESSFUL", value="t1"))


def test_a_late_answer_that_is_announced_is_wrong():
    late = Event(what="finished", at=39, run="1", task="t", outcome="SUCCESSFUL")
    assert "t finished 2 times, in runs 2, 1" in violation([*frozen(), late])


def test_a_run_that_cannot_bear_to_have_been_frozen_is_wrong():
    events = changed(frozen(), {"what": "exit", "run": "1"}, code=1, stderr="IntegrityError")
    assert "Run 1 exited with 1: IntegrityError" in violation(events)


def test_an_execution_after_the_end_is_wrong():
    again = [Event(what="start", at=50, run="3", task="f", execution="f2")]
    again += [Event(what="end", at=51, run="3", task="f", execution="f2", outcome="returned")]
    violations = verdict(session(*again), f=Final(status="SUCCESSFUL", value="f2")).violations
    assert "Task f was executed after it had finished, in runs 3." in violations


def test_a_fire_with_two_tasks_is_doubled():
    twin = [Event(what="fire", at=31, run="3", schedule="s", fire_time="12:00", task="g")]
    twin += [Event(what="start", at=50, run="2", task="g", execution="g1")]
    twin += [Event(what="end", at=51, run="2", task="g", execution="g1", outcome="returned")]
    assert "s fired 2 times for 12:00" in violation(session(*twin), g=Final(status="SUCCESSFUL", value="g1"))


def test_a_fire_that_was_rolled_back_is_not_counted():
    twin = Event(what="fire", at=31, run="3", schedule="s", fire_time="12:00", task="g")
    assert verdict(session(twin), g=None).violations == []
    assert verdict(session(twin), g=None).figures.fires == 1


def test_a_schedule_that_moved_on_without_a_task_is_wrong():
    event = Event(what="unfired", at=32, schedule="s", fire_time="11:00")
    assert "s moved past 11:00, and no task was enqueued" in violation(session(event))


def later(seconds):
    """The session with a rescue that comes this much later."""
    return [
        replace(each, at=each.at + seconds) if each.at >= 34 and each.what != "exit" else each for each in session()
    ]


def test_a_rescue_takes_at_most_a_lease_and_the_longest_run():
    assert verdict(later(36)).violations == []
    assert "t was rescued 41.5 s after its run 1 was stopped" in violation(later(36.5))


def test_a_rescuer_that_was_stopped_before_it_began_has_rescued_when_it_claimed():
    claimed = Event(what="claimed", at=33, run="3", tasks=("x", "t"))
    killed = Event(what="kill", at=33.5, run="3", point="in-task", task="x")
    assert verdict([*later(50), claimed, killed]).violations == []


def test_a_run_that_was_not_killed_exits_with_0():
    events = changed(session(), {"what": "exit", "run": "2"}, code=1, stderr="OperationalError")
    assert "Run 2 exited with 1: OperationalError" in violation(events)


def test_a_sigterm_may_come_too_late_for_a_run_that_is_over():
    events = changed(session(), {"what": "exit", "run": "2"}, code=-15)
    assert "Run 2 exited with -15" in violation(events)
    assert verdict([*events, Event(what="term", at=40.5, run="2")]).violations == []
