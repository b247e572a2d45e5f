"""Raises an exception inside the task that runs, from another thread."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from types import FrameType
from typing import Any, TypeAlias, cast

from asgiref.sync import async_to_sync, iscoroutinefunction

from ..compat import AnyTask
from ..contract.exceptions import TaskInterrupted, TaskTimeout
from ..db.connections import cancel_queries
from .deadline import Deadline

#: It interrupts a system call of the main thread, so that the handler can raise there. Ignored by default, so that
#: one that comes late does no harm, and hardly used by anybody: https://go.dev/src/runtime/signal_unix.go
SIGNAL = getattr(signal, "SIGURG", None)  # Windows has none

CutOff: TypeAlias = TaskTimeout | TaskInterrupted

_active: list[Interrupter] = []


class Interrupter:
    """Raises in what `call` calls what its deadline says: once `TaskTimeout`, and once `TaskInterrupted`.

    In a task in the main thread by a signal, in an async task by its cancellation, in one in another thread by an
    asynchronous exception. What cannot be interrupted is a call into C that does not return.
    """

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.timeout: TaskTimeout | None = None  # that was raised inside the latest call
        self.interruption: TaskInterrupted | None = None  # likewise
        self._thread = threading.get_ident()
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        self._is_open = False
        self._is_async = False
        self._waiting: CutOff | None = None
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

    def call(self, task: AnyTask, timeout: timedelta | None, *args: Any, **kwargs: Any) -> Any:
        """Calls the task. After it returns or raises, nothing is raised any more."""
        self._is_async = iscoroutinefunction(task.func)
        function = async_to_sync(self._cancellable(task)) if self._is_async else task.call
        self.timeout = self.interruption = self._waiting = None
        with self.deadline.attempt(timeout):
            try:
                self._is_open = True
                return function(*args, **kwargs)
            except (TaskTimeout, TaskInterrupted) as error:
                self._explain(error)
                raise
            finally:
                self._is_open = False
                self._take_in_late_ones()

    @contextmanager
    def held_off(self) -> Iterator[None]:
        """Inside, which is inside of a task too, nothing is raised. What is due is raised soon after."""
        was_open = self._is_open
        try:
            self._is_open = False
            self._take_in_late_ones()
            yield
        finally:
            self._is_open = was_open

    def interrupt_if_due(self) -> None:
        """To be called from another thread, again and again until the task is gone."""
        with self._lock:
            # Asked here, where the task that is open cannot be exchanged for the next one.
            due = self.deadline.cut_off() if self._is_open else None
            if due is None or isinstance(due, type(self._latest)) or self.interruption is not None:
                return
            if self._is_async:
                if self._cancel is not None:  # its event loop, in another thread, has begun and not ended
                    self._note(due)
                    with suppress(RuntimeError):  # it ends in this moment
                        self._cancel()
            elif self._in_main_thread and SIGNAL is not None:
                self._waiting = due
                signal.pthread_kill(self._thread, SIGNAL)
            else:
                self._note(due)
                _set_asynchronous_exception(self._thread, type(due))

    def raise_waiting(self) -> None:
        """In the handler of the signal."""
        if self._is_open and self._waiting is not None:
            due, self._waiting = self._waiting, None
            self._note(due)
            cancel_queries()
            raise due

    @property
    def _latest(self) -> CutOff | None:
        return self.interruption or self.timeout

    def _note(self, due: CutOff | None) -> None:
        if isinstance(due, TaskTimeout):
            self.timeout = due
        else:
            self.interruption = due

    def _explain(self, error: CutOff) -> None:
        """What is raised in another thread is made there, from its class alone."""
        latest = self._latest
        if not self._in_main_thread and type(error) is type(latest):
            error.args = latest.args

    def _take_in_late_ones(self) -> None:
        # What was on its way when the task was closed is raised here, where it does no harm: at the latest in the loop,
        # since Python looks for it at each turn. To clear it by the same function of CPython leaves 3.11 looking for
        # ever, and hanging under a tracer such as coverage.
        try:
            with self._lock:
                pass
            for _ in range(10):
                pass
        except TaskTimeout:
            self.timeout = None
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
                if self._latest is None:
                    raise
                raise self._latest from error
            finally:
                self._cancel = None

        return run


def _raise_in_innermost(number: int, frame: FrameType | None) -> None:
    if _active:
        _active[-1].raise_waiting()


def _set_asynchronous_exception(thread: int, kind: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))
