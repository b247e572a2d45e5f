"""Starts moto's server, with an SQS that does one thing at a time to a queue, and calls no function by itself."""

import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.server import main
from moto.sqs.models import Queue, SQSBackend

SECONDS_BETWEEN_LOOKS = 0.05


def one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
    """moto answers in threads, and takes its own lock for little: a deletion, which makes a new list of the others,
    loses what is sent meanwhile or brings back what is deleted meanwhile, and a message may be received twice."""

    @wraps(method)
    def locked(self: SQSBackend, queue_name: str, *args: Any, **kwargs: Any) -> Any:
        with self.get_queue(queue_name)._messages_lock:  # reentrant
            return method(self, queue_name, *args, **kwargs)

    return locked


def looking_again(receive: Callable[..., Any]) -> Callable[..., Any]:
    """Waits outside of ``receive``, which would keep the lock for as long."""

    @wraps(receive)
    def waiting(
        self: SQSBackend, queue_name: str, count: int, wait_seconds_timeout: int, *args: Any, **kwargs: Any
    ) -> Any:
        until = time.monotonic() + wait_seconds_timeout
        while not (found := receive(self, queue_name, count, 0, *args, **kwargs)) and time.monotonic() < until:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return found

    return waiting


for name in ("send_message", "receive_message", "delete_message", "change_message_visibility"):
    setattr(SQSBackend, name, one_at_a_time(getattr(SQSBackend, name)))
SQSBackend.receive_message = looking_again(SQSBackend.receive_message)
# moto would run the function of an event source mapping in Docker, while its sender waits: EventSource does that here.
Queue.lambda_event_source_mappings = property(lambda queue: {}, lambda queue, value: None)

if __name__ == "__main__":
    main(sys.argv[1:])
