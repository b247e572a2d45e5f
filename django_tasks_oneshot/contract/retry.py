"""When a failed task runs again. Spelling of https://github.com/django/new-features/issues/142."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias, TypeGuard

from ..compat import AnyResult, InvalidTask
from .exceptions import Discard, Retry, TaskInterrupted

Seconds: TypeAlias = float | timedelta
Backoff: TypeAlias = Callable[[BaseException, AnyResult], Seconds | None]
ExceptionClasses: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]

LONGEST_DELAY = timedelta(days=3650)


@dataclass(frozen=True, kw_only=True)
class _Curve:
    """A backoff whose delay depends on the number of failed attempts so far."""

    base: float
    maximum: float = math.inf
    jitter: bool = False
    on: tuple[type[BaseException], ...] = (BaseException,)
    never: tuple[type[BaseException], ...] = ()

    def __call__(self, exception: BaseException, task_result: AnyResult) -> float | None:
        wanted = isinstance(exception, self.on) and not isinstance(exception, self.never)
        if not (wanted or isinstance(exception, Retry)):
            return None
        delay = min(self.delay_after(max(1, failed_attempts(task_result))), self.maximum)
        # Half of the delay is kept, so that a crowd is spread out and still nobody hammers.
        return random.uniform(delay / 2, delay) if self.jitter else delay  # noqa: S311

    def delay_after(self, failures: int) -> float:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class _Exponential(_Curve):
    factor: float = 2

    def delay_after(self, failures: int) -> float:
        try:
            return self.base * float(self.factor) ** (failures - 1)
        except OverflowError:
            return self.maximum if self.base else 0


@dataclass(frozen=True, kw_only=True)
class _Linear(_Curve):
    def delay_after(self, failures: int) -> float:
        return self.base * failures


@dataclass(frozen=True, kw_only=True)
class _Constant(_Curve):
    def delay_after(self, failures: int) -> float:
        return self.base


def exponential(
    base: Seconds,
    factor: float = 2,
    maximum: Seconds = 3600,
    *,
    jitter: bool = False,
    on: ExceptionClasses = BaseException,
    never: ExceptionClasses = (),
) -> Backoff:
    """Waits ``base``, ``base * factor``, ``base * factor²``, … seconds, at most ``maximum``.

    ``jitter`` picks a time between half of the delay and all of it; ``on`` are the exceptions that are
    retried, ``never`` those that are not. Raises ``InvalidTask`` for a value that makes no delay.
    """
    if not _is_number(factor) or not 1 <= factor < math.inf:
        raise InvalidTask(f"factor={factor!r} is not a number of at least 1; write factor=2 to double the delay.")
    return _Exponential(factor=factor, **_common(base, maximum, jitter, on, never))


def linear(
    base: Seconds,
    maximum: Seconds = 3600,
    *,
    jitter: bool = False,
    on: ExceptionClasses = BaseException,
    never: ExceptionClasses = (),
) -> Backoff:
    """Waits ``base``, ``2 * base``, ``3 * base``, … seconds, at most ``maximum``. Options as `exponential`."""
    return _Linear(**_common(base, maximum, jitter, on, never))


def constant(
    seconds: Seconds,
    *,
    jitter: bool = False,
    on: ExceptionClasses = BaseException,
    never: ExceptionClasses = (),
) -> Backoff:
    """Waits the same time before each retry. Options as `exponential`."""
    return _Constant(**_common(seconds, LONGEST_DELAY, jitter, on, never))


def _common(
    base: Seconds, maximum: Seconds, jitter: bool, on: ExceptionClasses, never: ExceptionClasses
) -> dict[str, Any]:
    return {
        "base": duration("base", base).total_seconds(),
        "maximum": duration("maximum", maximum).total_seconds(),
        "jitter": bool(jitter),
        "on": _classes("on", on),
        "never": _classes("never", never),
    }


def _classes(name: str, value: ExceptionClasses) -> tuple[type[BaseException], ...]:
    classes = value if isinstance(value, tuple) else (value,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise InvalidTask(f"{name}={value!r} is not an exception class; write {name}=(ConnectionError, ...).")
    return classes


def duration(name: str, value: object) -> timedelta:
    """``value`` (seconds or timedelta) as a timedelta; raises ``InvalidTask`` unless 0 to ten years."""
    if isinstance(value, timedelta) and timedelta(0) <= value <= LONGEST_DELAY:
        return value
    if _is_number(value) and 0 <= value <= LONGEST_DELAY.total_seconds():
        return timedelta(seconds=value)
    raise InvalidTask(
        f"{name}={value!r} is not a time to wait; write seconds (30) or a timedelta, from 0 to ten years."
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def failed_attempts(task_result: AnyResult) -> int:
    """How many attempts ended in an exception. Interruptions are not failures: they do not count."""
    return sum(error.exception_class_path != INTERRUPTED for error in task_result.errors)


INTERRUPTED = f"{TaskInterrupted.__module__}.{TaskInterrupted.__qualname__}"
DEFAULT_BACKOFF = exponential(base=10)


def retry_delay(
    exception: BaseException, task_result: AnyResult, *, max_attempts: int, backoff: Backoff
) -> timedelta | None:
    """How long until the next attempt, ``None`` for no other. ``task_result`` counts this one already.

    What ``backoff`` itself raises is raised here, and ``InvalidTask`` where it returns no time to wait.
    """
    if isinstance(exception, Discard):
        return None
    if isinstance(exception, Retry):
        if exception.after is not None:
            return duration("after", exception.after)
    elif failed_attempts(task_result) >= max_attempts:
        return None
    delay = backoff(exception, task_result)
    if delay is None and isinstance(exception, Retry):
        delay = DEFAULT_BACKOFF(exception, task_result)
    if delay is None:
        return None
    return duration("backoff(exception, task_result)", delay)
