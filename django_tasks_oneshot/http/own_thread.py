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

# What a run puts back after each task (the working directory, TZ) is the whole process's; and a site all of whose
# threads run tasks answers nobody.
_one_at_a_time = threading.Lock()


def drain_aside(backend: OneshotBackend, deadline: Deadline, limits: Limits) -> Report:
    """`drain`, in a thread of its own: the server's signals, its event loop and clients that hang up are no part of it.

    While another run of this process is under way it does nothing, and the report says ``busy``.
    """
    if not _one_at_a_time.acquire(blocking=False):
        return Report(worker_id="", remaining=None, stopped_because="busy")
    ended: Future[Report] = Future()

    def run() -> None:
        try:
            report = drain(backend, deadline, limits)
        except BaseException as error:
            _one_at_a_time.release()
            ended.set_exception(error)
        else:
            _one_at_a_time.release()  # before its answer is there: who gets that may ask again
            ended.set_result(report)

    if _is_in_transaction():
        run()
    else:
        _start(run)
    return ended.result()


def _is_in_transaction() -> bool:
    """As in a TestCase, whose rows no other thread can see."""
    return any(each.in_atomic_block for each in connections.all(initialized_only=True))


def _start(run: Callable[[], None]) -> None:
    def run_and_disconnect() -> None:
        try:
            run()
        finally:
            connections.close_all()

    try:
        threading.Thread(target=run_and_disconnect, name="oneshot-run").start()
    except RuntimeError:  # there are too many
        _one_at_a_time.release()
        raise
