"""What AWS charges for what this module creates: US dollars, in us-east-1, without any free tier.

https://aws.amazon.com/lambda/pricing/, and so on: /sqs/, /eventbridge/, /cloudwatch/, /privatelink/
"""

from __future__ import annotations

from dataclasses import dataclass

MILLION = 1_000_000
HOURS = 720  # in a month of 30 days
MINUTES = HOURS * 60

SCHEDULER_PRICE = 1.00 / MILLION  # a call of EventBridge Scheduler
CALL_PRICE = 0.20 / MILLION  # a call of Lambda
GB_SECOND_PRICE = 0.0000133334  # of Lambda on arm64
REQUEST_PRICE = 0.40 / MILLION  # a request to a standard queue
ALARM_PRICE = 0.10  # a month, for each metric that an alarm looks at
LOG_PRICE = 0.50  # a GB of logs that comes in
ENDPOINT_PRICE = 0.01  # an hour of an interface endpoint in one zone

# What is taken for granted of a project.
MEMORY = 0.5  # GB of a function
TICK_SECONDS = 0.5  # of a tick that finds nothing to do
TICK_LOG = 600 / 10**9  # GB that Lambda writes of a call
BATCH = 10  # messages of a call

# What Lambda does by itself: five pollers, each of which waits 20 seconds for messages.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLS = 5 * 3 * MINUTES


@dataclass(frozen=True, kw_only=True)
class Example:
    """What of an example there is to pay for."""

    memory: float  # GB of a function
    metrics: int  # that its alarms look at
    queues: int
    endpoints: int  # of its VPC, in each zone
    zones: int


EXAMPLES = {
    "minimal": Example(memory=MEMORY, metrics=6, queues=0, endpoints=0, zones=0),
    "complete": Example(memory=1, metrics=14, queues=1, endpoints=3, zones=2),
}


def idle_month(example: Example) -> dict[str, float]:
    """Of a tick each minute, with no tasks at all."""
    return {
        "EventBridge Scheduler: 43,200 calls": MINUTES * SCHEDULER_PRICE,
        "Lambda: as many ticks of 0.5 s": MINUTES * (CALL_PRICE + TICK_SECONDS * example.memory * GB_SECOND_PRICE),
        "CloudWatch: their logs": MINUTES * TICK_LOG * LOG_PRICE,
        "CloudWatch: alarms": example.metrics * ALARM_PRICE,
        "SQS: Lambda asks an empty queue": example.queues * POLLS * REQUEST_PRICE,
        "VPC endpoints for SQS and secrets": example.endpoints * example.zones * HOURS * ENDPOINT_PRICE,
    }


def tasks_as_rows(tasks: int, seconds: float) -> float:
    """Of tasks that ticks run. The ticks are there anyway, and are counted as an idle month."""
    return tasks * seconds * MEMORY * GB_SECOND_PRICE


def tasks_by_messages(tasks: int, seconds: float, requests: float) -> float:
    """Of tasks that the queue function runs, with so many requests to SQS for each of them."""
    return tasks * (requests * REQUEST_PRICE + CALL_PRICE / BATCH + seconds * MEMORY * GB_SECOND_PRICE)
