from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import override_settings

from django_tasks_oneshot.compat import task_backends
from tests.project.settings import SQS

from .endpoint import Endpoint
from .requests import CASES, measure, table_of_costs, table_of_requests

PAGE = Path(__file__).parents[2] / "docs/lambda.md"
MOST_IN_BATCHES = 310  # requests for 1,000 tasks


def promised():
    """The requests for 1,000 tasks that the page tells, by its cases."""
    found = re.findall(r"^\| ([^|]+) \| *\d+ \| *\d+ \| *\d+ \| \*\*(\d+)\*\* \|$", PAGE.read_text(), re.MULTILINE)
    return {name: int(count) for name, count in found}


@pytest.fixture
def endpoint():
    with Endpoint(SQS) as endpoint:
        yield endpoint


@pytest.fixture
def use_counted(use, queues, endpoint):
    """Makes the default backend one whose requests are counted; all cases have one queue."""
    overrides = []

    def use_counted(*, dispatch=False):
        url = queues["default"].url.replace(SQS, endpoint.url)
        if not dispatch:
            return use(queue_urls=url, endpoint_url=endpoint.url)
        options = {"dispatch": {"sqs_queue_url": url, "region": "eu-west-1", "endpoint_url": endpoint.url}}
        backend = {"BACKEND": "django_tasks_oneshot.backends.database.DatabaseBackend", "OPTIONS": options}
        overrides.append(override_settings(TASKS={"default": backend}))
        overrides[-1].enable()
        return task_backends["default"]

    yield use_counted
    for override in overrides:
        task_backends["default"].dispatch.client.close()
        override.disable()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_tasks_cost_no_more_requests_than_the_page_says(case, use_counted, endpoint, queues, run, rows, count):
    requests = measure(case, use_counted, endpoint, queues["default"], run)
    print("", *table_of_requests({case.name: requests}), sep="\n")
    assert count(queues["default"].url) == 0
    # The last look finds nothing, and a batch may be cut in two by the clock.
    assert sum(requests.values()) <= promised()[case.name] * case.tasks / 1000 + 3


def test_tasks_in_batches_cost_three_tenths_of_a_request():
    in_batches = {case.name for case in CASES if case.enqueue == "many"}
    assert in_batches
    assert all(promised()[name] <= MOST_IN_BATCHES for name in in_batches)


def test_the_costs_are_computed_from_the_requests():
    for line in table_of_costs(promised()):
        assert line in PAGE.read_text()
