from __future__ import annotations

import pytest

from terraform import costs

from .alarms import metrics_of

pytestmark = pytest.mark.terraform


@pytest.fixture(scope="module")
def client(minimal):
    return minimal.cloud.client


def test_the_minimal_example_has_a_tick_and_no_more(client):
    functions = client("lambda").list_functions()["Functions"]
    assert [each["FunctionName"] for each in functions] == ["newsletter-tick"]
    assert [each.rpartition("/")[2] for each in client("sqs").list_queues()["QueueUrls"]] == ["newsletter-tick-dead"]


def test_its_tick_is_called_each_minute(client):
    schedule = client("scheduler").get_schedule(GroupName="newsletter", Name="tick")
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert schedule["Target"]["Input"] == '{"backend":"default","time":"<aws.scheduler.scheduled-time>"}'


def test_its_role_may_log_read_its_secrets_and_report(client):
    policy = client("iam").get_role_policy(RoleName="newsletter-tick", PolicyName="function")["PolicyDocument"]
    assert [each["Sid"] for each in policy["Statement"]] == ["Log", "ReadParameters", "ReportFailedTicks"]


def test_its_alarms_cost_what_the_page_says(client):
    alarms = client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert metrics_of(alarms) == costs.EXAMPLES["minimal"].metrics
