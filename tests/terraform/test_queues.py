from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.terraform

each_queue = pytest.mark.parametrize("name", ["tasks", "mail"])


@pytest.fixture
def mapping(aws, arn_of, name):
    (mapping,) = aws("lambda").list_event_source_mappings(EventSourceArn=arn_of(f"site-{name}"))["EventSourceMappings"]
    return mapping


@each_queue
def test_a_message_is_hidden_for_six_times_the_functions_timeout(attributes, aws, name):
    timeout = aws("lambda").get_function_configuration(FunctionName="site-queue")["Timeout"]
    assert attributes(f"site-{name}")["VisibilityTimeout"] == str(6 * timeout) == "540"


@each_queue
def test_what_was_received_ten_times_is_a_dead_letter_of_its_queue(attributes, arn_of, name):
    policy = json.loads(attributes(f"site-{name}")["RedrivePolicy"])
    assert policy == {"deadLetterTargetArn": arn_of(f"site-{name}-dead"), "maxReceiveCount": 10}


@pytest.mark.parametrize("name", ["site-tasks", "site-mail", "site-tasks-dead", "site-mail-dead"])
def test_messages_are_kept_for_a_fortnight_and_encrypted(attributes, name):
    found = attributes(name)
    assert (found["MessageRetentionPeriod"], found["SqsManagedSseEnabled"]) == ("1209600", "true")


@each_queue
def test_one_bad_message_does_not_bring_back_the_others(mapping):
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@each_queue
def test_batches_and_calls_at_a_time_are_limited(mapping):
    assert mapping["BatchSize"] == 5
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 20}
    assert mapping["State"] == "Enabled"


@each_queue
def test_the_mapping_calls_the_queue_function(mapping, aws):
    """moto keeps the version that the alias led to in place of the alias, which test_plans.py looks at."""
    version = aws("lambda").get_alias(FunctionName="site-queue", Name="live")["FunctionVersion"]
    assert mapping["FunctionArn"].endswith(f":function:site-queue:{version}")


def test_outputs_have_the_urls_and_arns_of_the_queues(outputs, aws, arn_of):
    urls = {name: aws("sqs").get_queue_url(QueueName=f"site-{name}")["QueueUrl"] for name in ("tasks", "mail")}
    dead = {name: aws("sqs").get_queue_url(QueueName=f"site-{name}-dead")["QueueUrl"] for name in (*urls, "tick")}
    assert outputs["queue_urls"] == urls
    assert outputs["dead_letter_queue_urls"] == dead
    assert outputs["queue_arns"] == {name: arn_of(f"site-{name}") for name in urls}
