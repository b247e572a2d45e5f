from __future__ import annotations

import pytest

from terraform import costs

from .alarms import metrics_of

pytestmark = pytest.mark.terraform


@pytest.fixture(scope="module")
def client(complete):
    return complete.cloud.client


def test_all_functions_are_in_the_examples_own_subnets(client):
    functions = client("lambda").list_functions()["Functions"]
    assert {each["FunctionName"].rpartition("-")[2] for each in functions} == {"tick", "queue", "web"}
    (vpc,) = client("ec2").describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["newsletter-production"]}])["Vpcs"]
    subnets = client("ec2").describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    for each in functions:
        assert sorted(each["VpcConfig"]["SubnetIds"]) == sorted(subnet["SubnetId"] for subnet in subnets)


def test_what_functions_call_of_aws_has_an_endpoint_there(client):
    endpoints = client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    assert {each["ServiceName"].rpartition(".")[2] for each in endpoints} == {"s3", "secretsmanager", "sqs", "ssm"}


def test_alarms_are_mailed(client):
    (topic,) = client("sns").list_topics()["Topics"]
    assert {alarm["AlarmActions"][0] for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]} == {
        topic["TopicArn"]
    }


def test_its_outputs_say_where_it_is(complete):
    outputs = complete.terraform.output()
    assert outputs["web_url"].startswith("https://")
    assert set(outputs["queue_urls"]) == {"tasks"}
    assert outputs["functions_security_group_id"].startswith("sg-")


def test_it_costs_what_the_page_says(client):
    example = costs.EXAMPLES["complete"]
    assert metrics_of(client("cloudwatch").describe_alarms()["MetricAlarms"]) == example.metrics
    assert {each["MemorySize"] for each in client("lambda").list_functions()["Functions"]} == {example.memory * 1024}
    endpoints = client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    assert sum(each["VpcEndpointType"] == "Interface" for each in endpoints) == example.endpoints
