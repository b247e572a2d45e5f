from __future__ import annotations

import re

import pytest

from local_aws import FunctionError, Scheduler
from local_aws.scheduler import ARN

LONG = 600  # seconds; no test waits for the second one


class Calls:
    """Fails so often, and then no more."""

    def __init__(self, failures=0):
        self.failures = failures
        self.events = []

    def __call__(self, event):
        self.events.append(event)
        if len(self.events) <= self.failures:
            raise FunctionError("Sandbox.Timedout", "too late", {})
        return "done"


def test_an_event_says_when_it_was_scheduled():
    calls = Calls()
    assert Scheduler(calls, LONG).fire() == "done"
    [event] = calls.events
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
    assert (event["source"], event["detail-type"]) == ("aws.scheduler", "Scheduled Event")
    assert event["resources"] == [ARN]


def test_an_input_of_ones_own_may_have_the_context_filled_in():
    calls = Calls()
    given = {"at": ["<aws.scheduler.scheduled-time>"], "n": "<aws.scheduler.attempt-number>", "mine": 1}
    Scheduler(calls, LONG, event=given).fire()
    [event] = calls.events
    assert re.fullmatch(r"\d{4}-.*Z", event["at"][0])
    assert (event["n"], event["mine"]) == ("1", 1)
    assert given["n"] == "<aws.scheduler.attempt-number>"


def test_an_input_may_be_empty():
    calls = Calls()
    Scheduler(calls, LONG, event={}).fire()
    assert calls.events == [{}]


def test_a_failed_invocation_is_not_retried_of_itself():
    calls = Calls(failures=1)
    with pytest.raises(FunctionError):
        Scheduler(calls, LONG).fire()
    assert len(calls.events) == 1


def test_a_retry_is_the_same_execution_again():
    calls = Calls(failures=2)
    attempt = {"id": "<aws.scheduler.execution-id>", "number": "<aws.scheduler.attempt-number>"}
    assert Scheduler(calls, LONG, event=attempt, retries=2).fire() == "done"
    assert [event["number"] for event in calls.events] == ["1", "2", "3"]
    assert len({event["id"] for event in calls.events}) == 1


def test_no_more_retries_than_allowed():
    calls = Calls(failures=10)
    with pytest.raises(FunctionError, match="too late"):
        Scheduler(calls, LONG, retries=2).fire()
    assert len(calls.events) == 3


def test_the_first_call_comes_at_once_and_none_after_the_stop(eventually):
    calls = Calls()
    with Scheduler(calls, LONG):
        eventually(lambda: calls.events)
    assert len(calls.events) == 1


def test_calls_go_on_after_one_that_failed_which_is_logged(eventually, caplog):
    calls = Calls(failures=1)
    with Scheduler(calls, 0.01):
        eventually(lambda: len(calls.events) > 2)
    assert "too late" in caplog.text
