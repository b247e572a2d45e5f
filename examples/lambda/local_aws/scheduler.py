import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from .cloud import ACCOUNT, REGION

logger = logging.getLogger(__name__)

ARN = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/local"


class Scheduler:
    """A schedule of EventBridge Scheduler: calls ``invoke`` when it is started, and then ``every`` so many seconds.

    ``event`` is the schedule's input, in which ``<aws.scheduler.scheduled-time>`` and its like are filled in; without
    one the function gets what EventBridge sends of itself. A failed call is made again at most ``retries`` times.

    On AWS a call that takes longer than ``every`` overlaps with the next one. Here the fire times in between pass.
    """

    def __init__(
        self,
        invoke: Callable[[dict[str, Any]], Any],
        every: float,
        *,
        event: Mapping[str, Any] | None = None,
        retries: int = 0,
    ) -> None:
        self._invoke = invoke
        self._every = every
        self._event = DEFAULT_EVENT if event is None else event
        self._retries = retries
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def fire(self) -> Any:
        """One fire time, now. Returns what ``invoke`` returned; raises what the last retry raised."""
        now = datetime.now(UTC)
        execution_id = str(uuid.uuid4())
        for attempt in range(1, self._retries + 1):
            try:
                return self._invoke(filled_in(self._event, now, execution_id, attempt))
            except Exception:
                logger.warning("Attempt %d of a scheduled invocation failed, it is retried", attempt, exc_info=True)
        return self._invoke(filled_in(self._event, now, execution_id, self._retries + 1))

    def start(self) -> None:
        self._stopped.clear()
        self._thread = threading.Thread(target=self._run, name="Scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Waits for the call that is under way."""
        self._stopped.set()
        if self._thread:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _run(self) -> None:
        started = time.monotonic()
        while not self._stopped.is_set():
            try:
                self.fire()
            except Exception:
                logger.exception("A scheduled invocation failed")
            passed = time.monotonic() - started
            self._stopped.wait(self._every - passed % self._every)


DEFAULT_EVENT = {
    "version": "0",
    "id": "<aws.scheduler.execution-id>",
    "detail-type": "Scheduled Event",
    "source": "aws.scheduler",
    "account": ACCOUNT,
    "time": "<aws.scheduler.scheduled-time>",
    "region": REGION,
    "resources": [ARN],
    "detail": "{}",
}


def filled_in(event: Mapping[str, Any], at: datetime, execution_id: str, attempt: int) -> dict[str, Any]:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""
    text = json.dumps(event)
    for keyword, value in {
        "schedule-arn": ARN,
        "scheduled-time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "execution-id": execution_id,
        "attempt-number": str(attempt),
    }.items():
        text = text.replace(f"<aws.scheduler.{keyword}>", value)
    result: dict[str, Any] = json.loads(text)
    return result
