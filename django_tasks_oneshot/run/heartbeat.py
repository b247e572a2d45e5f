from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connections

from ..backends.base import Claim, Store
from ..db.connections import RunConnections

logger = logging.getLogger("django_tasks_oneshot")

LONGEST_NAP = 1.0  # seconds


class Heartbeat:
    """Renews the lease of the running task, so that one that outlives its lease is not run twice at once.

    ``lease`` tells how long one that begins now lasts, ``None`` that none is renewed. One thread a run, begun
    with its first task.
    """

    def __init__(self, store: Store, lease: Callable[[], timedelta] | None) -> None:
        self._store = store
        self._lease = lease
        self._claim: Claim | None = None
        self._lost: Claim | None = None
        self._host_clock = _host_clock()  # before the first lease: its thread may begin late
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="oneshot-heartbeat", daemon=True)

    @contextmanager
    def keeping(self, claim: Claim | None) -> Iterator[None]:
        if claim is not None and self._lease is not None and self._thread.ident is None:
            self._thread.start()
        self._claim = claim
        try:
            yield
        finally:
            self._claim = None

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(LONGEST_NAP)  # no longer: its database may not answer

    def _beat(self) -> None:
        seen: Claim | None = None
        renew_at = math.inf
        with RunConnections(self._store.databases):  # of this thread
            while not self._stopped.wait(min(self._interval / 2, LONGEST_NAP)):
                claim = self._claim
                if claim is None or claim is self._lost:
                    continue
                if claim is not seen:
                    seen, renew_at = claim, time.monotonic() + self._first_interval
                else:
                    self._flush()  # what ended before this task waits no longer for its end
                # A signal makes leases shorter: the end of the run is known then.
                renew_at = min(renew_at, time.monotonic() + self._interval)
                # SQLite has no clock but the host's: leases move with it when it is set.
                before, self._host_clock = self._host_clock, _host_clock()
                if time.monotonic() >= renew_at or abs(self._host_clock - before) > 1:
                    renew_at = self._renew(claim)

    @property
    def _interval(self) -> float:
        """Seconds between renewals: one that fails is made again before the lease ends."""
        return self._lease().total_seconds() / 3 if self._lease else math.inf

    @property
    def _first_interval(self) -> float:
        first = self._store.first_lease
        return first.total_seconds() / 3 if first else math.inf

    def _flush(self) -> None:
        try:
            self._store.flush()
        except Exception as error:
            logger.warning("What has ended could not be written yet (%s).", error)

    def _renew(self, claim: Claim) -> float:
        """Returns when to renew it next: after an error, with the next beat."""
        try:
            if self._store.extend(claim):
                return time.monotonic() + self._interval
            if self._claim is claim:  # else it was recorded meanwhile
                logger.warning("Task id=%s path=%s lost its lease while running.", claim.id, claim.path)
            self._lost = claim
            return math.inf
        except Exception as error:
            logger.warning("The lease of task id=%s path=%s could not be renewed (%s).", claim.id, claim.path, error)
            connections.close_all()  # the next beat has a new one
            return time.monotonic()


def _host_clock() -> float:
    """What the host's clock says above a clock that is never set; it changes when the clock is."""
    return time.time() - time.monotonic()
