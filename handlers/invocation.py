"""What the calls of Lambda have in common."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import connections

from ..conf import setting
from ..db.connections import replace_stale
from ..run.deadline import Deadline
from ..run.host import Host, exit_now

logger = logging.getLogger("django_tasks_oneshot")


class LambdaContext(Protocol):
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Invocation:
    deadline: Deadline
    host: Host


def no_time() -> RuntimeError:
    margin = setting("LAMBDA_MARGIN_SECONDS")
    return RuntimeError(
        f"This call had no time for any task: give the function a timeout that is longer than the {margin} seconds of "
        "ONESHOT['LAMBDA_MARGIN_SECONDS'] by what its tasks take. Lambda's own default is 3 seconds."
    )


@contextmanager
def invocation(context: LambdaContext) -> Iterator[Invocation]:
    """Between two calls the process is frozen, for hours perhaps: connections may be dead, and nothing tells so."""
    deadline = Deadline.of_host(context.get_remaining_time_in_millis() / 1000, setting("LAMBDA_MARGIN_SECONDS"))
    host = Host(exit_now=exit_now, worker_id=context.aws_request_id, outlives_runs=True)
    for connection in connections.all(initialized_only=True):
        replace_stale(connection)
    with request_id_in_logs(context.aws_request_id):
        try:
            yield Invocation(deadline=deadline, host=host)
        finally:
            for connection in connections.all(initialized_only=True):
                connection.close_if_unusable_or_obsolete()


@contextmanager
def request_id_in_logs(request_id: str) -> Iterator[None]:
    """Inside, every log record has ``aws_request_id``, of all threads and in whatever format LOGGING has."""
    make_record = logging.getLogRecordFactory()

    def make_record_with_id(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        record.aws_request_id = request_id
        return record

    logging.setLogRecordFactory(make_record_with_id)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make_record)
