"""Raises an exception inside the task that runs, from another thread."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, cast

from asgiref.sync import async_to_sync, iscoroutinefunction

from ..compat import AnyTask
from ..contract.exceptions import TaskInterrupted
from ..db.connections import cancel_queries

#: It interrupts a system call of the main thread, so that the handler can raise there. Ignored by default, so that
#: one that comes late does no harm, and hardly used by anybody: https://go.dev/src/runtime/signal_unix.go
SIGNAL = getattr(signal, "SIGURG", None)  # Windows has none

_active: list[Interrupter] = []


class Interrupter:
    """Interrupts what `call` calls, once.

    A task in the main thread by a signal, an async task by its cancellation, one in another thread by an
    asynchronous exception. What cannot be interrupted is a call into C that does not return.
    """

    def __init__(self) -> None:
        self.interruption: TaskInterrupted | None = None  # that was raised inside the latest call
        self._thread = threading.get_ident()
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        self._is_open = False
        self._is_async = False
        self._waiting: TaskInterrupted | None = None
        self._cancel: Callable[[], object] | None = None
        self._lock = threading.Lock()

    @contextmanager
    def installed(self) -> Iterator[Interrupter]:
        """The signal handler is in place; of runs inside of each other, the innermost one's task is interrupted."""
        if SIGNAL is None or not self._in_main_thread:
            yield self
            return
        _active.append(self)
        previous = signal.signal(SIGNAL, _raise_in_innermost)
        try:
            yield self
        finally:
            signal.signal(SIGNAL, previous)
            _active.remove(self)

    def call(self, task: AnyTask, *args: Any, **kwargs: Any) -> Any:
        """Calls the task. After it returns or raises, nothing is raised any more."""
        self._is_async = iscoroutinefunction(task.func)
        function = async_to_sync(self._cancellable(task)) if self._is_async else task.call
        self.interruption = self._waiting = None
        try:
            self._is_open = True
            return function(*args, **kwargs)
        finally:
            self._close()

    def interrupt(self, interruption: TaskInterrupted) -> None:
        """To be called from another thread, again and again until the task is gone: it is raised once."""
        with self._lock:
            if not self._is_open or self.interruption is not None:
                return
            if self._is_async:
                if self._cancel is not None:  # its event loop, in another thread, has begun and not ended
                    self.interruption = interruption
                    with suppress(RuntimeError):  # it ends in this moment
                        self._cancel()
            elif self._in_main_thread and SIGNAL is not None:
                self._waiting = interruption
                signal.pthread_kill(self._thread, SIGNAL)
            else:
                self.interruption = interruption
                _set_asynchronous_exception(self._thread, TaskInterrupted)

    def raise_waiting(self) -> None:
        """In the handler of the signal."""
        if self._is_open and self._waiting is not None:
            self.interruption, self._waiting = self._waiting, None
            cancel_queries()
            raise self.interruption

    def _close(self) -> None:
        # What was on its way when the call ended is raised here, where it does no harm: at the latest in the loop,
        # since Python looks for it at each turn. To clear it by the same function of CPython leaves 3.11 looking for
        # ever, and hanging under a tracer such as coverage.
        try:
            self._is_open = False
            with self._lock:
                pass
            for _ in range(10):
                pass
        except TaskInterrupted:
            self.interruption = None

    def _cancellable(self, task: AnyTask) -> Callable[..., Any]:
        async def run(*args: Any, **kwargs: Any) -> Any:
            current = cast("asyncio.Task[Any]", asyncio.current_task())
            loop = asyncio.get_running_loop()
            self._cancel = lambda: loop.call_soon_threadsafe(current.cancel)
            try:
                return await task.acall(*args, **kwargs)
            except asyncio.CancelledError as error:
                if self.interruption is None:
                    raise
                raise self.interruption from error
            finally:
                self._cancel = None

        return run


def _raise_in_innermost(number: int, frame: FrameType | None) -> None:
    if _active:
        _active[-1].raise_waiting()


def _set_asynchronous_exception(thread: int, kind: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))
