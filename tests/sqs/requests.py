"""How many requests tasks cost, counted at the endpoint, and what that comes to.

The table of requests in docs/lambda.md is printed by

ONESHOT_REQUESTS=1000 python -m tests.servers sqlite -- python -m pytest tests/sqs/test_requests.py -s
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from terraform import costs

#: Batches of runs grow to their full size at first: of few tasks, these would be too many requests.
TASKS = {"run": 1000, "Lambda": int(os.environ.get("ONESHOT_REQUESTS", "100"))}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A way to enqueue tasks, and a way to run them."""

    name: str
    enqueue: str
    by_lambda: bool
    options: Mapping[str, Any]

    @property
    def tasks(self) -> int:
        return TASKS["Lambda" if self.by_lambda else "run"]


CASES = [
    Case(name="SQSBackend, `enqueue_many` or one transaction, a run", enqueue="many", by_lambda=False, options={}),
    Case(name="SQSBackend, `enqueue_many` or one transaction, Lambda", enqueue="many", by_lambda=True, options={}),
    Case(name="SQSBackend, each enqueued by itself, Lambda", enqueue="each", by_lambda=True, options={}),
    Case(name="DatabaseBackend with dispatch, one transaction, Lambda", enqueue="many", by_lambda=True,
         options={"dispatch": True}),
]  # fmt: skip


def measure(case: Case, use: Callable[..., Any], endpoint: Any, queue: Any, run: Callable[..., Any]) -> Counter[str]:
    """The requests of so many no-ops, by action; ``use`` makes the backend of these options the default one."""
    from tests.project.shop import tasks

    backend = use(**case.options)
    endpoint.reset()
    if case.enqueue == "many":
        backend.enqueue_many([(tasks.noop, (), {})] * case.tasks)
    else:
        for _ in range(case.tasks):
            tasks.noop.enqueue()
    if case.by_lambda:
        poll(endpoint, queue)
    else:
        run(backend=backend, clock=lambda: 0.0)  # however slow this machine is, its batches grow
    return endpoint.requests


def poll(endpoint: Any, queue: Any) -> None:
    """What Lambda does, with the handler in this process."""
    import boto3

    from django_tasks_oneshot.handlers.queue import handler
    from local_aws import EventSource

    client = boto3.client("sqs", endpoint_url=endpoint.url)
    source = EventSource(client, queue.url, queue.arn, lambda event: handler(event, Context()), wait_seconds=0)
    while source.poll_once():
        pass
    client.close()


class Context:
    aws_request_id = "a-request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def table_of_requests(counted: Mapping[str, Counter[str]]) -> Iterator[str]:
    yield "| tasks | send | receive | delete | requests per 1,000 |"
    yield "|---|---:|---:|---:|---:|"
    for name, requests in counted.items():
        actions = [requests[each] for each in ("SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch")]
        yield "| " + " | ".join([name, *map(str, actions), f"**{sum(requests.values())}**"]) + " |"


def table_of_costs(requests: Mapping[str, int]) -> Iterator[str]:
    """For a million tasks; ``requests`` are those of a thousand."""
    yield "| tasks | SQS | Lambda, tasks of 10 ms | of 100 ms | of 1 s |"
    yield "|---|---:|---:|---:|---:|"
    for case in CASES:
        sqs = requests[case.name] / 1000 * costs.REQUEST_PRICE * costs.MILLION
        compute = [costs.tasks_by_messages(costs.MILLION, each, requests=0) for each in (0.01, 0.1, 1)]
        cells = [f"${each:.2f}" if case.by_lambda else "-" for each in compute]
        yield f"| {case.name} | ${sqs:.2f} | {' | '.join(cells)} |"
