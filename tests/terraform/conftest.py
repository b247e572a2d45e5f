"""One configuration with all of the module, applied to a moto server of its own, which the tests read back."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .jobs import Jobs
from .terraform import MissingTerraform, Terraform, executable

HERE = Path(__file__).parent
MODULE = HERE.parents[1] / "terraform"


def pytest_collection_modifyitems(items):
    """What has to wait for the least comes first, and what destroys the stack last."""
    places = [place for place, item in enumerate(items) if HERE in item.path.parents]
    for place, item in zip(places, sorted((items[place] for place in places), key=turn), strict=True):
        items[place] = item


def turn(item):
    waits_for = ("destroyed", "plans", "stack", "complete", "minimal", "jobs")
    return [name in getattr(item, "fixturenames", ()) for name in waits_for]


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A copy of the module with its examples and tests, where terraform may leave what it likes."""
    try:
        executable()
    except MissingTerraform as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"{missing}. Under CI=true this would be an error.")
    tree = tmp_path_factory.mktemp("tree")
    leftovers = shutil.ignore_patterns(".terraform*", "*.tfstate*", "__pycache__")
    shutil.copytree(MODULE, tree / "terraform", symlinks=True, ignore=leftovers)
    shutil.copytree(HERE / "everything", tree / "tests/terraform/everything", ignore=leftovers)
    Terraform(tree / "terraform").init()
    return tree


@pytest.fixture(scope="session")
def jobs(request, tree, tmp_path_factory):
    """With the first test that needs one, all are started that any test needs."""
    needed = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    with ThreadPoolExecutor() as pool:
        jobs = Jobs(tree, tmp_path_factory.mktemp("files"), pool)
        for name in ("stack", "complete", "minimal", "module_tests", "plans"):
            if name in needed:
                jobs.start(name)
        yield jobs
    jobs.close()


@pytest.fixture(scope="session")
def stack(jobs):
    return jobs.result("stack")


@pytest.fixture(scope="session")
def minimal(jobs):
    return jobs.result("minimal")


@pytest.fixture(scope="session")
def complete(jobs):
    return jobs.result("complete")


@pytest.fixture(scope="session")
def plans(jobs):
    return jobs.result("plans")


@pytest.fixture(scope="session")
def module_tests(jobs):
    """What ``terraform test`` had to say of each run."""
    return jobs.result("module_tests")


@pytest.fixture(scope="session")
def outputs(stack):
    """Those of the module."""
    return stack.terraform.output()["oneshot"]


@pytest.fixture(scope="session")
def destroyed(stack, plans):
    stack.terraform.destroy()
    return stack


@pytest.fixture(scope="session")
def aws(stack):
    """boto3's clients of the stack's cloud."""
    clients = {}

    def aws(service):
        if service not in clients:
            clients[service] = stack.cloud.client(service)
        return clients[service]

    return aws


@pytest.fixture(scope="session")
def attributes(aws):
    """Those of a queue, by its name."""

    def attributes(name):
        url = aws("sqs").get_queue_url(QueueName=name)["QueueUrl"]
        return aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    return attributes


@pytest.fixture(scope="session")
def arn_of(attributes):
    def arn_of(queue):
        return attributes(queue)["QueueArn"]

    return arn_of
