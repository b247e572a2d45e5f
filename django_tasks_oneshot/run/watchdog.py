from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .deadline import Deadline
from .interrupt import Interrupter

logger = logging.getLogger("django_tasks_oneshot")

LONGEST_NAP = 0.25  # seconds: a signal may bring the end nearer at any time
SHORTEST_NAP = 0.02


@contextmanager
def watchdog(deadline: Deadline, interrupter: Interrupter, on_overrun: Callable[[], None]) -> Iterator[None]:
    """Inside, the running task is cut off when its deadline says so.

    If the run is still there when it has to be gone, ``on_overrun`` is called in the watchdog's thread. If that does
    not end the process, it goes on: there may be other tasks, with timeouts of their own.
    It asks no database and takes no lock of a log handler: that may be what the task waits for.
    """
    stopped = threading.Event()

    def watch() -> None:
        told = was_over = False
        while not stopped.wait(_nap(deadline)):
            if not threading.main_thread().is_alive():
                deadline.stop()  # Python waits for this run before it exits, and async tasks can begin no more
            interrupter.interrupt_if_due()
            is_over = deadline.until_end <= 0
            if is_over and not was_over:
                on_overrun()
            was_over = is_over
            if deadline.is_stopped and not told:
                told = True
                log_aside("A signal: no other task is started, %.3g s for the one that runs.", _grace(deadline))

    thread = threading.Thread(target=watch, name="oneshot-watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def log_aside(text: str, *args: object) -> None:
    """Logs a warning in a thread of its own: the task may be inside of a log handler, and hold its lock."""
    threading.Thread(target=logger.warning, args=(text, *args), name="oneshot-log", daemon=True).start()


def _grace(deadline: Deadline) -> float:
    return max(0.0, deadline.until_interruption)


def _nap(deadline: Deadline) -> float:
    ahead = [seconds for seconds in (deadline.until_cut_off, deadline.until_end, LONGEST_NAP) if seconds > 0]
    return max(SHORTEST_NAP, min(ahead))
