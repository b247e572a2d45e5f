"""A short task that all went well with, and what the verdict says when one thing in it is different."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from ..ledger import Event
from .diary import Line
from .history import Story
from .verdict import judge

EVERY = 0.5
STEP = 0.3  # seconds between two lines of the same run


def lines(attempt, text):
    """``r1 r2 c2 c0``: rows that were done, and checkpoints; the last one when the loop was over."""
    return [
        Line(each[0], f"t-{attempt}", attempt, int(each[1:]) or None, 10 * attempt + STEP * index)
        for index, each in enumerate(text.split())
    ]


def story(first="r1 r2 r3 c3 r4", second="r4 r5 c5", third="r6 c0", *, more=(), without=(), **changes):
    """Run 1 is killed in the task, run 2 told to end, and run 3 comes to its end."""
    events = [
        Event(what="spawn", at=9, run="t-1"),
        Event(what="start", at=10, run="t-1", execution="1"),
        Event(what="kill", at=18, run="t-1"),
        Event(what="exit", at=18, run="t-1", code=-signal.SIGKILL),
        Event(what="spawn", at=19, run="t-2"),
        Event(what="start", at=20, run="t-2", execution="2"),
        Event(what="term", at=27, run="t-2"),
        Event(what="end", at=28, run="t-2", execution="2", outcome="continued"),
        Event(what="exit", at=28.5, run="t-2"),
        Event(what="spawn", at=29, run="t-3"),
        Event(what="start", at=30, run="t-3", execution="3"),
        Event(what="end", at=38, run="t-3", execution="3", outcome="returned"),
        Event(what="exit", at=38.5, run="t-3"),
    ]
    values = {
        "name": "t",
        "rows": 6,
        "checkpoint_every": EVERY,
        "events": [*(each for each in events if (each.what, each.run) not in without), *more],
        "lines": [*lines(1, first), *lines(2, second), *lines(3, third)],
        "status": "SUCCESSFUL",
        "attempts": {1: "INTERRUPTED", 2: "CONTINUED", 3: "SUCCEEDED"},
    }
    return Story(**{**values, **changes})


def after_each_row(first="r1 c1 r2 c2 r3", second="r3 c3 r4 c4 r5 c5", third="r6 c6 c0", **changes):
    return story(first, second, third, checkpoint_every=0, **changes)


def violations(story):
    by_rule, _ = judge(story)
    return {rule: found for rule, found in by_rule.items() if found}


def violation(story, rule):
    """The only one."""
    found = violations(story)
    assert list(found) == [rule]
    (text,) = found[rule]
    return text


def test_nothing_is_wrong_with_a_kill_that_repeats_what_no_checkpoint_covers():
    assert violations(story()) == {}
    assert violations(after_each_row()) == {}


def test_the_figures():
    _, figures = judge(story())
    assert (figures.rows, figures.runs, figures.kills, figures.terms, figures.attempts) == (6, 3, 1, 1, 3)
    assert (figures.checkpoints, figures.repeated_by_kill, figures.most_by_one_kill) == (3, 1, 1)
    assert (figures.repeated_without_kill, figures.seconds) == (0, 29.5)


@pytest.mark.parametrize("status", ["FAILED", "READY", "GONE"])
def test_a_task_that_does_not_succeed_is_wrong(status):
    assert violation(story(status=status), "rows not done") == f"The task ended as {status}."


def test_rows_that_were_never_done_are_wrong():
    found = violations(story(third="c0"))
    assert found["rows not done"] == ["1 rows were not done, the first of them 6."]


def test_an_execution_that_begins_after_the_next_row_is_wrong():
    found = violations(story(second="r4 c4"))
    assert "began with row 6, and 4 was the last" in found["rows skipped"][0]
    assert "rows repeated" not in found


def test_an_execution_that_leaves_a_row_out_is_wrong():
    assert "left some out" in violations(story(second="r4 r6 c6"))["rows skipped"][0]


def test_to_go_on_further_than_the_last_known_checkpoint_is_right():
    """It became durable, and the run was killed before it could write that down."""
    assert violations(story(second="r5 c5")) == {}


def test_to_repeat_a_row_that_a_checkpoint_covers_is_wrong():
    text = violation(story(second="r3 r4 c4 r5 c5"), "rows repeated")
    assert "Attempt 2 in run t-2 did 1 rows again, from 3 on; up to 3" in text


def test_to_repeat_a_row_without_a_kill_is_wrong():
    text = violation(story(third="r5 r6 c0"), "rows repeated")
    assert "Attempt 3 in run t-3 did 1 rows again, from 5 on; up to 5" in text
    assert judge(story(third="r5 r6 c0"))[1].repeated_without_kill == 1


def test_a_kill_explains_a_repeat_however_many_executions_later():
    again = {
        "more": [
            Event(what="kill", at=28, run="t-2"),
            Event(what="exit", at=28, run="t-2", code=-signal.SIGKILL),
        ],
        "without": [("term", "t-2"), ("end", "t-2"), ("exit", "t-2")],
        "attempts": {1: "INTERRUPTED", 2: "INTERRUPTED", 3: "SUCCEEDED"},
    }
    one = story(second="", third="r4 r5 c5 r6 c0", **again)
    assert violations(one) == {}
    assert judge(one)[1].repeated_by_kill == 1


def test_with_a_checkpoint_after_each_row_a_kill_repeats_no_two_of_them():
    found = violations(after_each_row(first="r1 c1 r2 r3", second="r2 c2 r3 c3 r4 c4 r5 c5"))
    assert found["rows repeated"] == [
        "2 rows were done again after kill 1, and there was to be a checkpoint after each."
    ]


@pytest.mark.parametrize("first", ["r1 r2 c3 r3 c3 r4", "r1 r2 r3 c2 r4", "c0 r1 r2 r3 c3 r4", "r1 r2 r3 c0 r4"])
def test_a_checkpoint_that_is_not_at_the_last_row_is_wrong(first):
    assert "Attempt 1 in run t-1 had a checkpoint" in violations(story(first))["wrong checkpoints"][0]


def test_the_end_of_a_loop_whose_rows_were_all_done_before_is_right():
    assert violations(story(second="r4 r5 c5 r6 c6", third="c0")) == {}


def test_a_checkpoint_that_was_due_and_not_made_is_wrong():
    text = violation(story("r1 r2 r3 r4"), "missing checkpoints")
    assert text == "Attempt 1 in run t-1 made no checkpoint after row 3, when one was due."


def test_the_checkpoint_that_a_kill_forestalled_is_not_missed():
    assert violations(story("r1 r2 r3", second="r1 r2 r3 c3 r4 r5 c5")) == {}


def test_who_was_not_killed_makes_its_last_checkpoint():
    text = violation(story(second="r4 r5 r6", third="c0"), "missing checkpoints")
    assert "Attempt 2 in run t-2 made no checkpoint after row 6" in text


@pytest.mark.parametrize("stored", [{}, {1: "CONTINUED"}, {1: "FAILED"}, {2: "INTERRUPTED"}, {3: "CONTINUED"}])
def test_an_attempt_that_is_stored_as_another_one_is_wrong(stored):
    right = {1: "INTERRUPTED", 2: "CONTINUED", 3: "SUCCEEDED"}
    attempts = {**right, **stored} if stored else {2: "CONTINUED", 3: "SUCCEEDED"}
    assert "is stored as" in violation(story(attempts=attempts), "attempts")


def test_an_execution_that_was_interrupted_without_a_kill_is_wrong():
    end = Event(what="end", at=28, run="t-2", execution="2", outcome="interrupted")
    attempts = {1: "INTERRUPTED", 2: "INTERRUPTED", 3: "SUCCEEDED"}
    one = story(more=[end], without=[("end", "t-2")], attempts=attempts)
    assert violation(one, "attempts") == "Attempt 2 in run t-2 ended (interrupted), and is stored as INTERRUPTED."


def test_an_attempt_that_is_executed_twice_is_wrong():
    more = [
        Event(what="start", at=39, run="t-4", execution="3"),
        Event(what="end", at=40, run="t-4", execution="3", outcome="returned"),
    ]
    assert violation(story(more=more), "attempts") == "Attempt 3 was executed 2 times."


def test_a_checkpoint_of_another_attempt_than_the_one_that_runs_is_wrong():
    one = story()
    strayed = Line("c", "t-3", 7, 6, 35)
    found = violations(replace(one, lines=[*one.lines, strayed]))
    assert found["attempts"] == ["Attempt 7 in run t-3 ended (without a word), and is stored as None."]


def test_an_attempt_without_an_execution_is_right_after_a_kill_and_else_wrong():
    kill = Event(what="kill", at=19, run="t-0")
    attempts = {0: "INTERRUPTED", 1: "INTERRUPTED", 2: "CONTINUED", 3: "SUCCEEDED"}
    assert violations(story(more=[kill], attempts=attempts)) == {}
    assert "1 attempts were not executed" in violation(story(attempts=attempts), "attempts")
    failed = story(more=[kill], attempts={**attempts, 0: "FAILED"})
    assert "1 attempts were not executed" in violation(failed, "attempts")


def test_a_kill_after_the_end_explains_a_repeat_only_if_that_was_not_recorded():
    kill = Event(what="kill", at=28.2, run="t-2")
    ended = {"second": "r4 r5", "more": [kill], "without": [("term", "t-2"), ("exit", "t-2")]}
    recorded = story(third="r6 c0", **ended)
    assert violations(recorded) == {}
    assert "up to 5 they were done for good" in violation(story(third="r5 r6 c0", **ended), "rows repeated")
    attempts = {1: "INTERRUPTED", 2: "INTERRUPTED", 3: "SUCCEEDED"}
    assert violations(story(third="r5 r6 c0", **ended, attempts=attempts)) == {}


def test_a_run_that_was_not_killed_exits_with_0():
    exit_ = Event(what="exit", at=28.5, run="t-2", code=1, stderr="no database\n")
    assert violation(story(more=[exit_]), "exits") == "Run t-2 exited with 1: no database"


def test_a_sigterm_that_comes_when_the_task_is_over_is_right_and_else_wrong():
    def told(run):
        return Event(what="exit", at=38.5, run=run, code=-signal.SIGTERM)

    assert violations(story(more=[told("t-2")], without=[("exit", "t-2")])) == {}
    assert "exited with -15" in violation(story(more=[told("t-3")]), "exits")
    under_way = story(more=[told("t-2")], without=[("end", "t-2"), ("exit", "t-2")])
    assert "exited with -15" in violations(under_way)["exits"][0]
