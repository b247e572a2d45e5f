"""What a run has to know of the process that it is in."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

LAST_WORDS_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Host:
    """``exit_now`` ends the process: for a task that cannot be interrupted. Without it such a task is waited for.

    ``worker_id``: the host's own name for the run, of 64 characters at most; without it, a random one.
    ``outlives_runs``: there will be other runs in this process, and database connections are kept for them as long as
    CONN_MAX_AGE says.
    """

    exit_now: Callable[[int], None] | None = None
    worker_id: str = ""
    outlives_runs: bool = False


def exit_now(code: int) -> None:
    """Ends the process in the middle of whatever it does, inside of a log handler too."""
    flush = threading.Thread(target=logging.shutdown, daemon=True)
    try:
        flush.start()
    except RuntimeError:  # Python is ending and starts no thread; no task is inside of a handler then
        logging.shutdown()
    else:
        flush.join(LAST_WORDS_SECONDS)
    os._exit(code)
