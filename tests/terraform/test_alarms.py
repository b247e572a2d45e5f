from __future__ import annotations

import pytest

pytestmark = pytest.mark.terraform

FUNCTIONS = ("tick", "queue", "web")
QUEUES = ("tasks", "mail")


@pytest.fixture(scope="module")
def alarms(aws):
    return {each["AlarmName"]: each for each in aws("cloudwatch").describe_alarms()["MetricAlarms"]}


def watched(alarm):
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    return alarm["Namespace"], alarm["MetricName"], alarm["Statistic"], dimensions


def limit(alarm):
    return alarm["ComparisonOperator"], alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]


def test_there_is_one_of_each_kind(alarms):
    of_functions = {f"site-{name}-{kind}" for name in FUNCTIONS for kind in ("errors", "throttles", "duration")}
    of_queues = {f"site-{name}-{kind}" for name in QUEUES for kind in ("age", "dead")}
    assert set(alarms) == {"site-no-tick", "site-tick-dead"} | of_functions | of_queues


def test_each_of_them_tells_when_it_goes_off_and_when_it_is_over(alarms):
    actions = ["arn:aws:sns:eu-west-1:123456789012:alarms"]
    for name, alarm in alarms.items():
        assert (alarm["AlarmActions"], alarm["OKActions"]) == (actions, actions), name
        assert alarm["ActionsEnabled"], name


def test_silence_is_an_alarm_of_ticks_only(alarms):
    silent = {name for name, alarm in alarms.items() if alarm["TreatMissingData"] != "notBreaching"}
    assert silent == {"site-no-tick"}
    assert alarms["site-no-tick"]["TreatMissingData"] == "breaching"


def test_three_intervals_without_a_tick_that_succeeded_are_an_alarm(alarms):
    alarm = alarms["site-no-tick"]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1.0)
    assert alarm["EvaluationPeriods"] == 4  # and one for those under way


def test_ticks_that_succeeded_are_calls_without_errors(alarms):
    metrics = {each["Id"]: each for each in alarms["site-no-tick"]["Metrics"]}
    assert {name for name, each in metrics.items() if each["ReturnData"]} == {"succeeded"}
    assert metrics["succeeded"]["Expression"] == "FILL(calls, 0) - FILL(errors, 0)"
    dimensions = [{"Name": "FunctionName", "Value": "site-tick"}]
    for name, metric in {"calls": "Invocations", "errors": "Errors"}.items():
        assert metrics[name]["MetricStat"] == {
            "Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions},
            "Period": 300,
            "Stat": "Sum",
        }


@pytest.mark.parametrize("queue", [*QUEUES, "tick"])
def test_one_dead_letter_is_an_alarm(alarms, queue):
    alarm = alarms[f"site-{queue}-dead"]
    dimensions = {"QueueName": f"site-{queue}-dead"}
    assert watched(alarm) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", dimensions)
    assert limit(alarm) == ("GreaterThanThreshold", 0.0, 60, 1)


@pytest.mark.parametrize("queue", QUEUES)
def test_a_message_that_waits_for_long_is_an_alarm(alarms, queue):
    alarm = alarms[f"site-{queue}-age"]
    dimensions = {"QueueName": f"site-{queue}"}
    assert watched(alarm) == ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", dimensions)
    assert limit(alarm) == ("GreaterThanThreshold", 600.0, 60, 1)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("kind", "metric"), [("errors", "Errors"), ("throttles", "Throttles")])
def test_one_call_that_failed_or_was_refused_is_an_alarm(alarms, function, kind, metric):
    alarm = alarms[f"site-{function}-{kind}"]
    assert watched(alarm) == ("AWS/Lambda", metric, "Sum", {"FunctionName": f"site-{function}"})
    assert limit(alarm) == ("GreaterThanThreshold", 0.0, 300, 1)


@pytest.mark.parametrize(("function", "milliseconds"), [("tick", 87_000), ("queue", 87_000), ("web", 18_000)])
def test_a_call_that_takes_almost_all_of_its_time_is_an_alarm(alarms, function, milliseconds):
    alarm = alarms[f"site-{function}-duration"]
    assert watched(alarm) == ("AWS/Lambda", "Duration", "Maximum", {"FunctionName": f"site-{function}"})
    assert limit(alarm) == ("GreaterThanThreshold", milliseconds, 300, 1)
