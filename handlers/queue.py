"""For an event source mapping of an SQS queue: the tasks of its messages. It needs ReportBatchItemFailures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..backends.sqs_event import deliveries_in
from ..run.drain import Limits, drain
from .invocation import LambdaContext, invocation, logger, no_time


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Runs tasks of SQSBackend, and rows that DatabaseBackend has dispatched, as long as the function may.

    What there is no time for is sent anew, and comes to another call as if this one had not been. Returns what Lambda
    is not to delete: messages that no task can be made of, and what could not be sent. Failed tasks are dealt with:
    their retry policies have decided.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    with invocation(context) as call:
        if call.deadline.remaining <= 0:
            raise no_time()  # the messages count as received: SQS gives up at some time, and so does the bill
        if not isinstance(event, Mapping) or "Records" not in event:
            raise ValueError(f"{event!r} is no event of an event source mapping of SQS.")
        by_backend = deliveries_in(event)
        for backend, deliveries in by_backend.items():
            try:
                report = drain(backend, call.deadline, Limits(deliveries=deliveries), call.host)
                logger.info("%s", report.as_text())
            except Exception:  # a database, or SQS itself: what was done before is done
                logger.exception("The run ended early. No task is lost: SQS has those that were not recorded.")
        settled = {each.id for deliveries in by_backend.values() for each in deliveries if each.is_settled}
        left = [record["messageId"] for record in event["Records"] if record["messageId"] not in settled]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in left]}
