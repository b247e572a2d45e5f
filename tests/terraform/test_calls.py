"""The functions as they are stored, in AWS's runtime client: their bundle, handler, environment and timeout."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from local_aws import EventSource, LambdaFunction
from local_aws.scheduler import filled_in
from tests.bundle.image import make_image

from .bundle import manage_py, unzip
from .jobs import SECRET

pytestmark = pytest.mark.terraform


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return make_image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def task_root(stack, image, tmp_path_factory):
    """Where Lambda unzips the bundle; the database has its tables."""
    root = unzip(stack.bundle, tmp_path_factory.mktemp("task"))
    database = stack.variables["environment"]["SITE_DATABASE"]
    manage_py(root, image / "python/bin/python", "migrate", "-v0", SITE_DATABASE=database)
    return root


@pytest.fixture(scope="module")
def function(stack, aws, image, task_root):
    started = {}

    def function(name):
        if name not in started:
            stored = aws("lambda").get_function_configuration(FunctionName=name, Qualifier="live")
            started[name] = LambdaFunction(
                stored["Handler"],
                environment={
                    **stack.cloud.environment,
                    **stored["Environment"]["Variables"],
                    "PYTHONPATH": str(image / "runtime"),
                },
                timeout=stored["Timeout"],
                name=name,
                directory=task_root,
                python=str(image / "python/bin/python"),
            )
        return started[name]

    yield function
    for each in started.values():
        each.close()


@pytest.fixture
def get(function, aws):
    """What the site answers: function URLs send such events."""

    def get(path):
        url = aws("lambda").get_function_url_config(FunctionName="site-web", Qualifier="live")["FunctionUrl"]
        host = url.removeprefix("https://").rstrip("/")
        http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""}
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"host": host},
            "requestContext": {"http": http, "domainName": host},
            "isBase64Encoded": False,
        }
        answer = function("site-web").invoke(event)
        assert answer["statusCode"] == 200, answer
        return json.loads(answer["body"])

    return get


@pytest.fixture
def tick(aws, function):
    """One call of the tick, as the schedule is stored."""

    def tick():
        text = aws("scheduler").get_schedule(GroupName="site", Name="tick")["Target"]["Input"]
        event = filled_in(json.loads(text), datetime(2026, 3, 1, 12, tzinfo=UTC), "execution", 1)
        return function("site-tick").invoke(event)

    return tick


@pytest.fixture
def poll(aws, function):
    """What the mapping of this queue does, once."""

    def poll(name):
        url = aws("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        (mapping,) = aws("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
        invoke = function("site-queue").invoke
        return EventSource(aws("sqs"), url, arn, invoke, batch_size=mapping["BatchSize"]).poll_once()

    return poll


def test_the_site_answers_and_knows_its_secrets(get):
    assert get("/") == SECRET


def test_the_schedules_input_makes_a_tick(tick, function):
    assert tick()["stopped_because"] == "empty"
    assert "Tick of 2026-03-01T12:00:00Z. " in function("site-tick").logs()


@pytest.mark.parametrize(("backend", "queue"), [("default", "site-tasks"), ("mail", "site-mail")])
def test_what_the_site_enqueues_runs_in_the_queue_function(get, poll, backend, queue):
    written = get(f"/write/{backend}/Ada")
    assert poll(queue) == 1
    assert get(f"/read/{backend}/{written['id']}") == {"status": "SUCCESSFUL", "errors": []}
    assert poll(queue) == 0
