"""A short session in which all went well, and what the verdict says when one thing in it is different."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from ..ledger import Event
from .history import longest_wait
from .verdict import Left, judge

LEASE = 10.0
LEFT = Left(messages=0, dead=Counter(["nonsense"]), planted=Counter(["nonsense"]))


def session(*more, without=()):
    """Task ``t`` raises once, and is killed in run 1 in its second attempt; run 2 rescues it."""
    events = [
        Event(what="enqueued", at=0, tasks=("t",), attempt=2),
        Event(what="spawn", at=1, run="1"),
        Event(what="received", at=10, run="1", tasks=("t",), receipts=("r1",)),
        Event(what="start", at=11, run="1", task="t", execution="t1", attempt=1),
        Event(what="end", at=12, run="1", task="t", execution="t1", outcome="raised"),
        Event(what="sending", at=13, run="1", tasks=("t",)),
        Event(what="deleted", at=14, run="1", receipts=("r1",)),
        Event(what="received", at=15, run="1", tasks=("t",), receipts=("r2",)),
        Event(what="start", at=16, run="1", task="t", execution="t2", attempt=2),
        Event(what="kill", at=17, run="1", point="in-task", task="t"),
        Event(what="exit", at=18, run="1", code=-9),
        Event(what="spawn", at=19, run="2"),
        Event(what="received", at=30, run="2", tasks=("t",), receipts=("r3",)),
        Event(what="start", at=31, run="2", task="t", execution="t3", attempt=3),
        Event(what="end", at=32, run="2", task="t", execution="t3", outcome="returned"),
        Event(what="finished", at=33, run="2", task="t", outcome="SUCCESSFUL"),
        Event(what="deleted", at=34, run="2", receipts=("r3",)),
        Event(what="exit", at=41, run="2"),
    ]
    return [*(each for each in events if not any(is_like(each, pattern) for pattern in without)), *more]


def is_like(event, pattern):
    return all(getattr(event, name) == value for name, value in pattern.items())


def changed(events, pattern, **values):
    return [replace(each, **values) if is_like(each, pattern) else each for each in events]


def again(task="t", at=50.0, run="3", attempt=1, outcome="SUCCESSFUL"):
    """One more execution of a task, in a run of its own."""
    return [
        Event(what="received", at=at, run=run, tasks=(task,), receipts=(f"r{at}",)),
        Event(what="start", at=at + 0.1, run=run, task=task, execution=f"e{at}", attempt=attempt),
        Event(what="end", at=at + 0.2, run=run, task=task, execution=f"e{at}", outcome="returned"),
        Event(what="finished", at=at + 0.3, run=run, task=task, outcome=outcome),
        Event(what="deleted", at=at + 0.4, run=run, receipts=(f"r{at}",)),
    ]


def violations(events=None, *, faults="failures", **left):
    return judge(events or session(), replace(LEFT, **left), lease=LEASE, faults=faults).violations


def violation(events=None, **left):
    """The only one."""
    (text,) = violations(events, **left)
    return text


def test_nothing_is_wrong_with_a_kill_and_its_rescue():
    assert violations() == []


def test_the_figures_of_a_session():
    figures = judge(session(), LEFT, lease=LEASE).figures
    assert (figures.tasks, figures.executions, figures.retries, figures.repeats) == (1, 3, 1, 1)
    assert (figures.lost, figures.bodies, figures.dead, figures.kills_at_points) == (0, 1, 1, 1)


def test_a_task_that_was_never_executed_to_its_end_is_lost():
    events = session(without=[{"run": "2"}])
    assert "t is lost" in violations(events)[0]
    assert judge(events, LEFT, lease=LEASE).figures.lost == 1


def test_a_task_of_nobody_is_wrong():
    assert "u was executed, and was never enqueued" in violation(session(*again("u")))
    sent = Event(what="sending", at=49, run="2", tasks=("u",))
    assert violations(session(*again("u"), sent)) == []


def test_a_task_that_does_not_finish_is_wrong_unless_its_run_was_stopped():
    events = session(without=[{"what": "finished"}])
    assert "t never finished" in violation(events)
    killed = Event(what="kill", at=32.5, run="2", point="after-record")
    assert violations([*events, killed]) == []


def test_a_task_that_fails_is_wrong():
    assert "t ended as FAILED in run 2" in violation(changed(session(), {"what": "finished"}, outcome="FAILED"))


def test_a_repeat_needs_a_reason():
    events = session(*again(attempt=4))
    assert "t was executed again for no reason: in run 1, then in run 1, then in run 2, then in run 3" in violation(
        events
    )
    assert violations(events, faults="all") == []


@pytest.mark.parametrize(("deleted_at", "is_a_reason"), [(32.4, False), (34, True)])
def test_a_run_that_is_killed_with_an_undeleted_message_is_a_reason(deleted_at, is_a_reason):
    events = changed(session(*again(attempt=4)), {"what": "deleted", "run": "2"}, at=deleted_at)
    events.append(Event(what="kill", at=33.5, run="2", point="before-delete"))
    assert (violations(events) == []) == is_a_reason


def test_a_run_that_is_killed_is_no_reason_for_what_it_had_not_begun():
    received = Event(what="received", at=15, run="1", tasks=("u",), receipts=("u1",))
    enqueued = Event(what="enqueued", at=0, tasks=("u",), attempt=1)
    once, twice = again("u", at=50, attempt=2), again("u", at=60, attempt=3)
    assert violations(session(enqueued, received, *once)) == []
    assert "u was executed again for no reason" in violation(session(enqueued, received, *once, *twice))


def test_a_run_that_is_killed_between_a_message_and_its_successor_is_a_reason():
    events = session(
        Event(what="enqueued", at=0, tasks=("u",), attempt=1),
        Event(what="received", at=15, run="1", tasks=("u",), receipts=("u1",)),
        Event(what="sending", at=16, run="1", tasks=("u",)),
        *again("u", at=50, attempt=1),
        *again("u", at=60, attempt=2),
    )
    assert violations(events) == []


@pytest.mark.parametrize(("term_at", "is_a_reason"), [(31.5, True), (33, False)])
def test_an_interruption_is_a_reason_in_a_run_that_was_told_to_end_before(term_at, is_a_reason):
    events = changed(session(*again(attempt=4)), {"execution": "t3", "what": "end"}, outcome="interrupted")
    events = [each for each in events if not is_like(each, {"what": "finished", "run": "2"})]
    events.append(Event(what="term", at=term_at, run="2"))
    assert (violations(events) == []) == is_a_reason


def test_attempts_that_were_killed_count():
    events = changed(session(), {"execution": "t3", "what": "start"}, attempt=2)
    assert "the attempts [1, 2, 2], which do not ascend" in violation(events)


def test_a_task_that_nothing_happens_to_has_the_attempts_that_it_should_have():
    events = session(Event(what="enqueued", at=0, tasks=("u",), attempt=1))
    assert violations([*events, *again("u")]) == []
    assert "u had the attempts [2], not [1]" in violation([*events, *again("u", attempt=2)])


def test_a_run_that_was_killed_while_it_received_may_have_received_anything():
    events = session(
        Event(what="sending", at=0, tasks=("u",)),
        Event(what="enqueued", at=0, tasks=("u",), attempt=1),
        Event(what="receiving", at=40, run="4"),
        *again("u", attempt=2),
    )
    killed = Event(what="kill", at=42, run="4", point="random")
    assert "u had the attempts [2], not [1]" in violation(events)
    assert violations([*events, killed]) == []
    assert violations([*events, Event(what="received", at=41, run="4"), killed]) != []


def doomed(lives):
    events = [Event(what="enqueued", at=0, tasks=("d",), outcome="FAILED")]
    for life in range(lives):
        at, run = 50.0 + 10 * life, f"d{life}"
        events.append(Event(what="received", at=at, run=run, tasks=("d",), receipts=(f"d{life}",)))
        events.append(Event(what="start", at=at + 1, run=run, task="d", execution=f"d{life}", attempt=life + 1))
        events.append(Event(what="kill", at=at + 2, run=run, task="d", point="deadly"))
    return [*events, Event(what="finished", at=200, run="4", task="d", outcome="FAILED")]


def test_what_kills_its_process_is_given_up():
    assert violations(session(*doomed(3))) == []
    assert "d, which kills its process, was executed 4 times" in violation(session(*doomed(4)))
    assert "d ended as SUCCESSFUL" in violation(
        changed(session(*doomed(3)), {"what": "finished", "task": "d"}, outcome="SUCCESSFUL")
    )


def fires(*, killed):
    events = [Event(what="fire", at=at, run=run, schedule="s", fire_time="12:00", task=task) for at, run, task in FIRES]
    events += [*again("f", at=60), *again("g", at=70)]
    return [*events, *([Event(what="kill", at=50, run="4", point="after-send")] if killed else ())]


FIRES = [(49.0, "4", "f"), (51.0, "5", "g")]


def test_a_schedule_fires_once_unless_its_run_is_killed():
    assert violations(session(*fires(killed=True))) == []
    assert "s fired twice for 12:00, in runs 4, 5" in violation(session(*fires(killed=False)))


@pytest.mark.parametrize(("seconds", "is_late"), [(5, False), (20, True)])
def test_a_run_that_stood_still_for_longer_than_its_lease_says_nothing(seconds, is_late):
    events = changed(session(), {"what": "kill"}, what="freeze")
    events = changed(events, {"what": "exit", "run": "1"}, code=0, at=60)
    thawed = 17.0 + seconds
    events.append(Event(what="thaw", at=thawed, run="1", point="in-task", task="t"))
    events.append(Event(what="end", at=thawed + 1, run="1", task="t", execution="t2", outcome="returned"))
    events.append(Event(what="finished", at=thawed + 2, run="1", task="t", outcome="SUCCESSFUL"))
    assert violations(events) == (["Task t finished in run 1, which had lost it."] if is_late else [])


def test_malformed_messages_are_dead_letters_in_the_end():
    assert "1 of the malformed messages did not become a dead letter" in violation(dead=Counter())
    assert len(violations(dead=Counter(["nonsense "]))) == 2
    assert "1 dead letter is none of the malformed messages: 'a task'" in violation(
        dead=Counter(["nonsense", "a task"])
    )


def test_the_deletion_of_a_malformed_message_is_seen_by_what_is_missing():
    deleted = Event(what="deleted", at=35, run="2", receipts=("nonsense",))
    assert "did not become a dead letter" in violation(session(deleted), dead=Counter())


def test_no_message_is_left():
    assert violation(messages=3) == "3 messages are left in the queues."


def test_forged_messages_are_not_believed():
    assert "What a forged message says was done" in violation(believed=True)
    received = Event(what="received", at=50, run="2", tasks=("forged-1",), receipts=("f1",))
    assert "The forged message forged-1 was taken for a task" in violation(session(received))


def test_a_run_that_was_not_killed_exits_with_0():
    events = changed(session(), {"what": "exit", "run": "2"}, code=1, stderr="KeyError")
    assert "Run 2 exited with 1: KeyError" in violation(events)


def test_how_long_a_task_may_wait_in_its_queue():
    assert longest_wait(session()) == 10
    assert longest_wait(session(without=[{"what": "received"}])) == 0
