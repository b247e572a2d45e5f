"""What a function does not have in its configuration, from moto's Systems Manager and Secrets Manager."""

from __future__ import annotations

import json
import os

import boto3
import pytest
from django.conf import settings

from django_tasks_oneshot.handlers.secrets import LARGEST_BATCH, VARIABLE, load_secrets
from local_aws import FunctionError
from tests.project.shop import tasks as shop

PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter"
NO_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:none-AbCdEf"


@pytest.fixture
def aws():
    """A client of a service, which is closed at the end."""
    clients = []

    def aws(service, region="eu-west-1"):
        clients.append(boto3.client(service, region_name=region))
        return clients[-1]

    yield aws
    for each in clients:
        each.close()


@pytest.fixture
def parameter(aws):
    """Stores one, and returns its ARN."""
    stored = []

    def parameter(name, value, region="eu-west-1"):
        client = aws("ssm", region)
        client.put_parameter(Name=name, Value=value, Type="SecureString")
        stored.append((client, name))
        return str(client.get_parameter(Name=name)["Parameter"]["ARN"])

    yield parameter
    for client, name in stored:
        client.delete_parameter(Name=name)


@pytest.fixture
def secret(aws):
    """Stores one, and returns its ARN."""
    stored = []

    def secret(**value):
        stored.append(aws("secretsmanager").create_secret(Name="site", **value)["ARN"])
        return stored[-1]

    yield secret
    for arn in stored:
        aws("secretsmanager").delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def loaded(**references):
    environment = {VARIABLE: json.dumps(references)}
    load_secrets(environment)
    del environment[VARIABLE]
    return environment


def test_parameters_become_variables(parameter):
    assert loaded(A=parameter("/site/a", "1"), B=parameter("plain", "two")) == {"A": "1", "B": "two"}


def test_many_parameters_are_asked_for_in_batches(parameter):
    arns = {f"V{number}": parameter(f"/site/{number}", str(number)) for number in range(LARGEST_BATCH + 1)}
    assert loaded(**arns) == {name: name.removeprefix("V") for name in arns}


def test_each_is_asked_for_in_its_region(parameter):
    assert loaded(A=parameter("a", "near"), B=parameter("a", "far", "us-east-1")) == {"A": "near", "B": "far"}


def test_two_variables_may_have_one_parameter(parameter):
    arn = parameter("a", "1")
    assert loaded(A=arn, B=arn) == {"A": "1", "B": "1"}


def test_a_secret_becomes_a_variable_as_it_is(secret):
    assert loaded(A=secret(SecretString="it")) == {"A": "it"}


def test_of_a_secret_that_is_json_one_key_may_be_asked_for(secret):
    arn = secret(SecretString='{"user": "me", "port": 5432}')
    assert loaded(USER=f"{arn}:user::", PORT=f"{arn}:port") == {"USER": "me", "PORT": "5432"}


def test_what_is_no_text_there_stays_json(secret):
    arn = secret(SecretString='{"debug": false, "hosts": ["a", "b"]}')
    assert loaded(DEBUG=f"{arn}:debug", HOSTS=f"{arn}:hosts") == {"DEBUG": "false", "HOSTS": '["a", "b"]'}


def test_a_version_of_a_secret_may_be_asked_for(secret, aws):
    arn = secret(SecretString="old")
    new = aws("secretsmanager").put_secret_value(SecretId=arn, SecretString="new")["VersionId"]
    assert loaded(OLD=f"{arn}::AWSPREVIOUS:", NEW=f"{arn}:::{new}") == {"OLD": "old", "NEW": "new"}


def test_without_any_nothing_is_done():
    environment = {"SECRET_KEY": "x"}
    load_secrets(environment)
    assert environment == {"SECRET_KEY": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SECRET_KEY",
        "arn:aws:s3:::bucket",
        "arn:aws:ssm:eu-west-1:123456789012:document/x",
        f"{NO_SECRET}:key:stage:version:more",
        7,
        None,
    ],
)
def test_anything_else_than_such_an_arn_is_refused_by_name(text):
    with pytest.raises(RuntimeError, match="ONESHOT_SECRETS has to be like"):
        loaded(A=text)


@pytest.mark.parametrize("text", ["arn:aws:ssm:x", "[1]", '"x"', "7", "null"])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(RuntimeError, match="ONESHOT_SECRETS has to be like"):
        load_secrets({VARIABLE: text})


def test_a_parameter_that_is_not_there_is_told_by_name(parameter):
    there = parameter("a", "1")
    with pytest.raises(RuntimeError) as caught:
        loaded(A=there, B=f"{PARAMETER}/none")
    assert str(caught.value) == f"ONESHOT_SECRETS: there is no parameter for B ({PARAMETER}/none)."


def test_a_secret_that_is_not_there_is_told_by_name():
    with pytest.raises(RuntimeError, match=r"ONESHOT_SECRETS: A cannot be fetched: .*ResourceNotFoundException"):
        loaded(A=NO_SECRET)


def test_a_binary_secret_is_refused(secret):
    with pytest.raises(RuntimeError, match=r"A .* is binary"):
        loaded(A=secret(SecretBinary=b"x"))


@pytest.mark.parametrize("text", ["no json, and hidden", '["hidden"]', '{"hidden": 1}'])
def test_a_key_that_a_secret_has_not_is_told_and_not_what_it_has(secret, text):
    with pytest.raises(RuntimeError) as caught:
        loaded(A=f"{secret(SecretString=text)}:password::")
    assert "the secret of A is no JSON object with the key 'password'" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_function_has_them_before_its_settings_are_read(function, parameter):
    result = shop.add.enqueue(1, 2)
    references = {"ONESHOT_TASKS": parameter("/site/tasks", json.dumps(settings.TASKS))}
    tick = function(
        "tick",
        ONESHOT_TASKS="no settings",
        ONESHOT_SECRETS=json.dumps(references),
        AWS_ENDPOINT_URL=os.environ["AWS_ENDPOINT_URL"],
    )
    assert tick.invoke({})["succeeded"] == 1
    result.refresh()
    assert result.return_value == 3


def test_a_function_that_cannot_have_them_says_why(function):
    references = {"SECRET_KEY": f"{PARAMETER}/none"}
    tick = function("tick", ONESHOT_SECRETS=json.dumps(references), AWS_ENDPOINT_URL=os.environ["AWS_ENDPOINT_URL"])
    with pytest.raises(FunctionError, match="there is no parameter for SECRET_KEY"):
        tick.invoke({})
