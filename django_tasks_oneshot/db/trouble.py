"""What a run does when its database fails: it tries again, on a new connection, as long as that makes sense."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, repeat
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connections

T = TypeVar("T")

logger = logging.getLogger("django_tasks_oneshot")

#: How long a run waits for its database before it has begun a task, in seconds. The next run is a minute away.
PATIENCE = 10.0

# Restarts, lost connections, deadlocks, locks, full disks, and (InternalError) PostgreSQL's read-only state.
PASSING = (OperationalError, InterfaceError, InternalError)
# By the same classes SQLite, and MySQL as its errors 1366, 1054 and 1153, report what another try does not change.
LASTING = ("no such ", "has no column", "Incorrect string value", "Unknown column", "max_allowed_packet")


def insist(
    alias: str,
    function: Callable[[], T],
    patience: float = PATIENCE,
    remaining: Callable[[], float] = lambda: math.inf,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Calls ``function`` until the database ``alias`` lets it succeed: twice at least, and for ``patience`` seconds.

    ``remaining`` tells how many seconds it still makes sense, for as long as that is known.

    ``function`` has to be one transaction that does no harm when it is made twice: a connection may break
    between a commit and its answer. Errors that do not pass by themselves are raised at once; so is any
    inside a transaction of somebody else's, which cannot go on after one.
    """
    failing_since: float | None = None
    # None before the second try: mostly it is an idle connection that the other side has dropped.
    for pause in chain((0, 0.1, 0.2, 0.5), repeat(1.0)):
        try:
            return function()
        except PASSING as error:
            if connections[alias].in_atomic_block or not _may_pass(error):
                raise
            if failing_since is None:
                failing_since = clock()
            elif (left := min(failing_since + patience - clock(), remaining())) <= 0:
                raise
            elif pause == 0.1:
                logger.warning("The database fails (%s); it is tried again for %.0f s.", _in_one_line(error), left)
            with suppress(DatabaseError, InterfaceError):
                connections[alias].close()
            sleep(pause)
    raise AssertionError("the pauses never end")


def _may_pass(error: Exception) -> bool:
    return not any(text in str(error) for text in LASTING)


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
