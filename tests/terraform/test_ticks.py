from __future__ import annotations

import pytest

pytestmark = pytest.mark.terraform


@pytest.fixture(scope="module")
def schedule(aws):
    return aws("scheduler").get_schedule(GroupName="site", Name="tick")


@pytest.fixture(scope="module")
def calls(aws):
    """What becomes of a tick that fails. (moto keeps no qualifier with it: test_plans.py looks at that.)"""
    return aws("lambda").get_function_event_invoke_config(FunctionName="site-tick", Qualifier="live")


def test_the_input_is_stored_as_scheduler_can_fill_it_in(schedule):
    text = '{"backend":"default","queues":["default"],"time":"<aws.scheduler.scheduled-time>"}'
    assert schedule["Target"]["Input"].encode() == text.encode()


def test_ticks_come_on_time(schedule):
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["State"] == "ENABLED"


def test_the_schedule_calls_the_alias(schedule, aws):
    alias = aws("lambda").get_alias(FunctionName="site-tick", Name="live")
    assert schedule["Target"]["Arn"] == alias["AliasArn"]


def test_the_schedule_has_the_role_that_may_call(schedule, aws):
    assert schedule["Target"]["RoleArn"] == aws("iam").get_role(RoleName="site-scheduler")["Role"]["Arn"]


def test_scheduler_does_not_repeat_a_tick(schedule):
    assert schedule["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}


def test_a_tick_that_scheduler_cannot_deliver_is_a_dead_letter(schedule, arn_of):
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": arn_of("site-tick-dead")}


def test_lambda_does_not_repeat_a_tick(calls):
    assert calls["MaximumRetryAttempts"] == 0


def test_a_tick_waits_for_room_until_the_next_one_comes(calls):
    assert calls["MaximumEventAgeInSeconds"] == 300


def test_a_failed_tick_is_a_dead_letter(calls, arn_of):
    assert calls["DestinationConfig"]["OnFailure"] == {"Destination": arn_of("site-tick-dead")}


def test_dead_ticks_are_kept_for_a_day_and_encrypted(attributes):
    found = attributes("site-tick-dead")
    assert (found["MessageRetentionPeriod"], found["SqsManagedSseEnabled"]) == ("86400", "true")
