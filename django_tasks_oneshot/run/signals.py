from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .deadline import Deadline

_active: list[Deadline] = []


@contextmanager
def stop_on_signals(deadline: Deadline) -> Iterator[None]:
    """Inside, the first SIGTERM or SIGINT stops the deadline, and a second one ends the process at once.

    Outside the main thread, which gets no signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    process = os.getpid()
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    # It may come in the middle of anything: it takes no lock, writes no log and raises nothing.
    def request_stop(number: int, frame: FrameType | None) -> None:
        # Not the previous handler: Python's own for SIGINT would raise inside the task. A child that a task forked,
        # as multiprocessing does, has to end when it is told to.
        if deadline.is_stopped or os.getpid() != process:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
            os._exit(128 + number)  # the first process of a container survives the signal's default
        for each in _active:  # a task may start a run of its own: then both are asked to stop
            each.stop()

    if _active:
        deadline.lie_within(_active[-1])
    _active.append(deadline)
    for number in previous:
        signal.signal(number, request_stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        _active.remove(deadline)
