from __future__ import annotations

import pytest

pytestmark = pytest.mark.terraform

# What the module creates, and moto lists: client, call, and where in its answer.
LISTS = [
    ("lambda", "list_functions", "Functions"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings"),
    ("sqs", "list_queues", "QueueUrls"),
    ("scheduler", "list_schedules", "Schedules"),
    ("iam", "list_roles", "Roles"),
    ("logs", "describe_log_groups", "logGroups"),
    ("cloudwatch", "describe_alarms", "MetricAlarms"),
    ("cloudformation", "describe_stacks", "Stacks"),
]


@pytest.mark.parametrize(("service", "call", "key"), LISTS)
def test_nothing_is_left_behind(destroyed, aws, service, call, key):
    assert getattr(aws(service), call)().get(key, []) == []


def test_no_group_of_schedules_is_left_behind(destroyed, aws):
    groups = aws("scheduler").list_schedule_groups()["ScheduleGroups"]
    assert [each["Name"] for each in groups] == ["default"]
