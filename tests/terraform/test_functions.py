from __future__ import annotations

import base64
import hashlib
import json

import pytest

from tests.bundle.image import ARCHITECTURE, PYTHON

pytestmark = pytest.mark.terraform

TIMEOUTS = {"tick": 90, "queue": 90, "web": 20}
each_function = pytest.mark.parametrize("name", TIMEOUTS)


@pytest.fixture
def configuration(aws, name):
    return aws("lambda").get_function_configuration(FunctionName=f"site-{name}", Qualifier="live")


def test_there_are_three(aws):
    functions = aws("lambda").list_functions()["Functions"]
    assert {each["FunctionName"] for each in functions} == {f"site-{name}" for name in TIMEOUTS}


@each_function
def test_a_function_has_the_handler_of_its_name(configuration, name):
    assert configuration["Handler"] == f"django_tasks_oneshot.handlers.{name}.handler"


@each_function
def test_a_function_runs_what_the_bundle_was_built_for(configuration):
    assert configuration["Runtime"] == f"python{PYTHON}"
    assert configuration["Architectures"] == [ARCHITECTURE]


@each_function
def test_a_function_has_the_bundle(configuration, stack):
    digest = hashlib.sha256(stack.bundle.read_bytes()).digest()
    assert configuration["CodeSha256"] == base64.b64encode(digest).decode()


@each_function
def test_a_function_has_its_time_and_memory(configuration, name):
    assert configuration["Timeout"] == TIMEOUTS[name]
    assert configuration["MemorySize"] == 1024


@each_function
def test_a_function_has_the_environment(configuration, outputs, stack):
    assert configuration["Environment"]["Variables"] == outputs["environment"]
    assert configuration["Environment"]["Variables"] == {
        **stack.variables["environment"],
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "ONESHOT_SECRETS": json.dumps(stack.variables["secrets"], sort_keys=True, separators=(",", ":")),
        "ONESHOT_QUEUE_URLS": json.dumps(outputs["queue_urls"], sort_keys=True, separators=(",", ":")),
    }


@each_function
def test_a_function_is_in_the_vpc(configuration, stack):
    vpc = configuration["VpcConfig"]
    assert sorted(vpc["SubnetIds"]) == stack.variables["vpc"]["subnet_ids"]
    assert vpc["SecurityGroupIds"] == stack.variables["vpc"]["security_group_ids"]


@each_function
def test_a_function_is_traced(configuration):
    assert configuration["TracingConfig"] == {"Mode": "Active"}


@each_function
def test_a_function_has_a_role_of_its_own(configuration, aws, name):
    assert configuration["Role"] == aws("iam").get_role(RoleName=f"site-{name}")["Role"]["Arn"]


@each_function
def test_the_alias_is_at_the_first_release(aws, outputs, name):
    alias = aws("lambda").get_alias(FunctionName=f"site-{name}", Name="live")
    assert alias["FunctionVersion"] == "1"
    assert outputs["function_arns"][name] == alias["AliasArn"]


def test_concurrency_is_reserved_for_ticks_only(aws):
    found = {name: aws("lambda").get_function_concurrency(FunctionName=f"site-{name}") for name in TIMEOUTS}
    assert {name: each.get("ReservedConcurrentExecutions") for name, each in found.items()} == {
        "tick": 1,
        "queue": None,
        "web": None,
    }


@each_function
def test_logs_are_kept_for_as_long_as_is_asked_for(aws, name):
    (group,) = aws("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/site-{name}")["logGroups"]
    assert group["retentionInDays"] == 14


@each_function
def test_a_function_has_the_tags(aws, name):
    assert aws("lambda").get_function(FunctionName=f"site-{name}")["Tags"] == {"site": "newsletter"}


def test_the_url_is_open(aws, outputs):
    """moto keeps no qualifier with a URL: test_plans.py looks at that."""
    config = aws("lambda").get_function_url_config(FunctionName="site-web", Qualifier="live")
    assert config["AuthType"] == "NONE"
    assert outputs["web_url"] == config["FunctionUrl"]


def test_everybody_may_call_the_url_and_nothing_but_the_url(aws):
    policy = json.loads(aws("lambda").get_policy(FunctionName="site-web", Qualifier="live")["Policy"])
    # What AWS makes a condition of, moto keeps as it was sent. The provider has sent one itself, of no FunctionName.
    own = {each["Action"]: each for each in policy["Statement"] if "FunctionName" in each}
    assert set(own) == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
    assert own["lambda:InvokeFunctionUrl"]["FunctionUrlAuthType"] == "NONE"
    assert own["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True
    for each in policy["Statement"]:
        assert (each["Effect"], each["Principal"]) == ("Allow", "*")
        assert each.get("FunctionName", each["Resource"]).endswith(":function:site-web:live")
        assert each["Action"] == "lambda:InvokeFunctionUrl" or each["InvokedViaFunctionUrl"]


@pytest.mark.parametrize("name", ["tick", "queue"])
def test_nobody_else_is_let_in(aws, name):
    client = aws("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_policy(FunctionName=f"site-{name}", Qualifier="live")
