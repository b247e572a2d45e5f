"""Puts back what a task may have changed in its process, so that it hurts only itself."""

from __future__ import annotations

import contextvars
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

STANDARD_SIGNALS = [number for number in signal.valid_signals() if number < 32]


class Surroundings:
    """The working directory, ``TZ`` and signal handlers, as they are when this is made.

    Real-time signals are left out.
    """

    def __init__(self) -> None:
        self.directory = _working_directory()
        self.time_zone = os.environ.get("TZ")
        self.handlers: dict[int, Any] = {}
        self.has_timer = False
        if threading.current_thread() is threading.main_thread():
            self.has_timer = signal.getitimer(signal.ITIMER_REAL)[0] > 0
            self.handlers = {number: signal.getsignal(number) for number in STANDARD_SIGNALS}

    def restore(self) -> None:
        if self.directory is not None and _working_directory() != self.directory:
            with suppress(OSError):  # it was removed meanwhile, by a deployment perhaps
                os.chdir(self.directory)
        if os.environ.get("TZ") != self.time_zone:
            _set_time_zone(self.time_zone)
        if self.handlers and not self.has_timer and signal.getitimer(signal.ITIMER_REAL)[0]:
            signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm that a task set would ring in another
        for number, handler in self.handlers.items():
            # None: set from C, and Python cannot set it again.
            if handler is not None and signal.getsignal(number) is not handler:
                with suppress(OSError, ValueError):
                    signal.signal(number, handler)


def in_own_context(function: Callable[..., T], *args: Any) -> T:
    """Calls it in a copy of the context: Django's active time zone and language, and every context variable."""
    return contextvars.copy_context().run(function, *args)


def _working_directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - compared as text, after every task
    except OSError:  # it was removed
        return None


def _set_time_zone(value: str | None) -> None:
    if value is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = value
    if hasattr(time, "tzset"):
        time.tzset()
