from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

logger = logging.getLogger("django_tasks_oneshot")


class StopRequest:
    """Set by the first SIGTERM or SIGINT of a run. The second one ends the process at once."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> None:
        """Sleeps, and wakes up early when a stop is requested."""
        self._event.wait(seconds)


_active: list[StopRequest] = []


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Inside, signals only request a stop. Outside the main thread, which gets no signals, it does nothing."""
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def request_stop(number: int, frame: FrameType | None) -> None:
        if stop.is_set:  # not the previous handler: Python's own for SIGINT would raise inside the task
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        for each in _active:  # a task may start a run of its own: then both are asked to stop
            each.set()
        logger.warning("%s: the running task is finished, then the run ends.", signal.Signals(number).name)

    _active.append(stop)
    for number in previous:
        signal.signal(number, request_stop)
    try:
        yield stop
    finally:
        _active.remove(stop)
        for number, handler in previous.items():
            signal.signal(number, handler)
