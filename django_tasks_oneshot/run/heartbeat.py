from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from ..backends.base import Claim, Store
from ..db.connections import RunConnections

logger = logging.getLogger("django_tasks_oneshot")


class Heartbeat:
    """Renews the lease of the running task, so that one that outlives its lease is not run twice at once.

    ``interval`` is in seconds, ``None`` for never. One thread a run, asleep while tasks are shorter than that.
    """

    def __init__(self, store: Store, interval: float | None) -> None:
        self._store = store
        self._interval = interval
        self._claim: Claim | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="oneshot-heartbeat", daemon=True)

    @contextmanager
    def keeping(self, claim: Claim) -> Iterator[None]:
        if self._thread.ident is None:
            self._thread.start()
        self._claim = claim
        try:
            yield
        finally:
            self._claim = None

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _beat(self) -> None:
        last_seen = None
        with RunConnections(self._store.databases):  # of this thread
            while not self._stopped.wait(self._interval):
                claim = self._claim
                if claim is not None and claim is last_seen:  # it was already running one interval ago
                    self._extend(claim)
                last_seen = claim

    def _extend(self, claim: Claim) -> None:
        try:
            if not self._store.extend(claim):
                logger.warning("Task id=%s path=%s lost its lease while running.", claim.id, claim.path)
        except Exception:
            logger.exception("The lease of task id=%s path=%s could not be renewed.", claim.id, claim.path)
            connections.close_all()  # the next beat has a new one
