"""A run beside a web server's own work: one at a time in each process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from django.db import connections

from ..backends.base import OneshotBackend
from ..run.deadline import Deadline
from ..run.drain import Limits, drain
from ..run.report import Report


class Overrun(Exception):
    """The run of this process has to be gone, and is not: what it waits for cannot be interrupted."""


class _OneAtATime:
    """What a run puts back after each task (the working directory, TZ) is the whole process's; and a site all of whose
    threads run tasks answers nobody.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadline: Deadline | None = None  # of the run that is under way

    def take(self, deadline: Deadline) -> bool:
        is_free = self._lock.acquire(blocking=False)
        if is_free:
            self._deadline = deadline
        return is_free

    def give_back(self) -> None:
        self._deadline = None
        self._lock.release()

    @property
    def is_overrun(self) -> bool:
        deadline = self._deadline
        return deadline is not None and deadline.until_end <= 0


_place = _OneAtATime()


def drain_aside(backend: OneshotBackend, deadline: Deadline, limits: Limits) -> Report:
    """`drain`, in a thread of its own: the server's signals, its event loop and clients that hang up are no part of it.

    While another run of this process is under way it does nothing, and the report says ``busy``. Raises `Overrun` where
    a run, this or that one, has to be gone and is not: it goes on, and what it does is recorded.
    """
    if not _place.take(deadline):
        if _place.is_overrun:
            raise Overrun
        return Report(worker_id="", remaining=None, stopped_because="busy")
    ended: Future[Report] = Future()

    def run() -> None:
        try:
            report = drain(backend, deadline, limits)
        except BaseException as error:
            _place.give_back()
            ended.set_exception(error)
        else:
            _place.give_back()  # before its answer is there: who gets that may ask again
            ended.set_result(report)

    try:
        run() if _is_in_transaction() else _start(run)
    except BaseException:  # there are too many threads
        _place.give_back()
        raise
    try:
        return ended.result(timeout=max(0.0, deadline.until_end))
    except TimeoutError:
        if ended.done():  # its own
            raise
        raise Overrun from None


def _is_in_transaction() -> bool:
    """As in a TestCase, whose rows no other thread can see."""
    return any(each.in_atomic_block for each in connections.all(initialized_only=True))


def _start(run: Callable[[], None]) -> None:
    def run_and_disconnect() -> None:
        try:
            run()
        finally:
            connections.close_all()

    # Not a daemon, whatever the thread of the request is: Python waits for it before it exits.
    threading.Thread(target=run_and_disconnect, name="oneshot-run", daemon=False).start()
