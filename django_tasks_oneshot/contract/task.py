"""``@task`` with retry, timeout and schedule, on any backend."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, make_dataclass, replace
from datetime import timedelta
from functools import cache
from inspect import signature
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, overload

from django.utils.module_loading import import_string

from ..compat import (
    DEFAULT_TASK_BACKEND_ALIAS,
    DEFAULT_TASK_PRIORITY,
    DEFAULT_TASK_QUEUE_NAME,
    AnyTask,
    InvalidTask,
    Task,
    task_backends,
)
from .context import TaskContext
from .exceptions import ContinueLater
from .retry import DEFAULT_BACKOFF, Backoff, Seconds, constant, duration, exponential, linear
from .schedule import Rule, schedules
from .straight import StraightThrough, lacks_progress

P = ParamSpec("P")
R = TypeVar("R")

Schedule = Rule | list[Rule] | tuple[Rule, ...]

#: Every task of the project that was made with policy fields, by its import path.
registered_tasks: dict[str, AnyTask] = {}

_BACKOFF_FACTORIES: dict[str, object] = {"constant": constant, "exponential": exponential, "linear": linear}


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How the attempts of a task end. Raises ``InvalidTask`` for what cannot be meant."""

    max_attempts: int = 1
    backoff: Backoff = DEFAULT_BACKOFF
    timeout: timedelta | None = None
    max_interruptions: int = 3

    def __post_init__(self) -> None:
        _whole_number("max_attempts", self.max_attempts, 1, "1 to never retry")
        _whole_number("max_interruptions", self.max_interruptions, 0, "0 to run at most once")
        for name, factory in _BACKOFF_FACTORIES.items():
            if self.backoff is factory:
                raise InvalidTask(f"backoff={name} makes a backoff and is none itself; write backoff={name}(10).")
        if not callable(self.backoff):
            raise InvalidTask(
                f"backoff={self.backoff!r} is not callable; write backoff=constant(10), "
                "or a function of (exception, task_result) that returns seconds."
            )
        if self.timeout is not None:
            object.__setattr__(self, "timeout", duration("timeout", self.timeout))
            if not self.timeout:
                raise InvalidTask("timeout=0 would let no attempt run; write the seconds one may take, or None.")

    @classmethod
    def of(cls, task: AnyTask, default: Policy | None = None) -> Policy:
        """What ``task`` says, and ``default`` where it says nothing.

        Its class may come from another backend and lack any of the fields.
        """
        return _policy({name: getattr(task, name, None) for name in _POLICY_NAMES}, default or cls())

    @classmethod
    def from_settings(cls, params: Mapping[str, Any]) -> Policy:
        """MAX_ATTEMPTS, BACKOFF (callable or import path), TIMEOUT and MAX_INTERRUPTIONS of ``TASKS[alias]``."""
        values = {name: params.get(name.upper()) for name in _POLICY_NAMES}
        if isinstance(values["backoff"], str):
            values["backoff"] = import_string(values["backoff"])
        return _policy(values, cls())


def _policy(values: dict[str, Any], default: Policy) -> Policy:
    return replace(default, **{name: value for name, value in values.items() if value is not None})


_POLICY_NAMES = tuple(f.name for f in fields(Policy))
_TASK_FIELDS = [(name, Any, field(default=None)) for name in (*_POLICY_NAMES, "schedule")]


@cache
def with_policy(base: type[AnyTask]) -> type[AnyTask]:
    """``base`` with those of the policy fields that it lacks."""
    present = {f.name for f in fields(base)}
    missing = [each for each in _TASK_FIELDS if each[0] not in present]
    if not missing:
        return base

    def __post_init__(self: AnyTask) -> None:  # noqa: N807
        Policy.of(self)
        rules = schedules(getattr(self, "schedule", None))
        object.__setattr__(self, "schedule", rules)
        for rule in rules:
            check_schedule_arguments(self, rule)
        # Not super(): a dataclass with slots is a copy of the class that super() knows.
        base.__post_init__(self)
        known = registered_tasks.get(self.module_path)
        if known is None or known.func is not self.func:  # not a copy made by using()
            registered_tasks[self.module_path] = self

    def call(self: AnyTask, *args: Any, **kwargs: Any) -> Any:
        if not lacks_progress(self, args):
            return base.call(self, *args, **kwargs)
        straight = StraightThrough(self, args[0])
        while True:
            try:
                return base.call(self, straight.context, *args[1:], **kwargs)
            except ContinueLater as later:
                straight.go_on(later)

    async def acall(self: AnyTask, *args: Any, **kwargs: Any) -> Any:
        if not lacks_progress(self, args):
            return await base.acall(self, *args, **kwargs)
        straight = StraightThrough(self, args[0])
        while True:
            try:
                return await base.acall(self, straight.context, *args[1:], **kwargs)
            except ContinueLater as later:
                straight.go_on(later)

    def __reduce__(self: AnyTask) -> tuple[Any, ...]:  # noqa: N807
        # The task is its import path: a policy may hold what cannot be pickled, and Django 6.0 pickles no task.
        declared = _import_task(self.module_path)
        if not isinstance(declared, Task) or declared.func is not self.func:
            raise pickle.PicklingError(f"{self.module_path} is not this task; decorate the function with @task.")
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        changed = {name: value for name, value in values.items() if value != getattr(declared, name, None)}
        return _unpickle, (self.module_path, changed)

    def copy(self: AnyTask, memo: object = None) -> AnyTask:
        return self  # it is frozen; pickling, which copies go by, would refuse one that its path does not lead to

    return make_dataclass(
        base.__name__,
        missing,
        bases=(base,),
        namespace={
            "__post_init__": __post_init__,
            "call": call,
            "acall": acall,
            "__reduce__": __reduce__,
            "__copy__": copy,
            "__deepcopy__": copy,
            # A backoff or a rule need not be hashable for its task to be.
            "__hash__": base.__hash__,
            "__module__": __name__,
        },
        frozen=True,
        slots=True,
        kw_only=True,
    )


def _import_task(path: str) -> object:
    try:
        return import_string(path)
    except ImportError:
        return None


def _unpickle(path: str, changed: dict[str, Any]) -> AnyTask:
    task: AnyTask = import_string(path)
    return replace(task, **changed)


def check_schedule_arguments(task: AnyTask, rule: Rule) -> None:
    """Raises ``InvalidTask`` where the task does not take what its schedule enqueues it with."""
    context = (None,) if task.takes_context else ()
    try:
        signature(task.func).bind(*context, *rule.args, **rule.kwargs)
    except TypeError as error:
        raise InvalidTask(
            f"{task.module_path} does not take what its schedule gives it ({error}); write args= or kwargs= in the "
            "rule, or give its arguments defaults."
        ) from error


def _whole_number(name: str, value: object, least: int, meaning: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidTask(f"{name}={value!r} is not a whole number of at least {least}; write {name}={meaning}.")


# The overloads say what Django's own decorator says, and add the policy fields.
@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    priority: int = ...,
    queue_name: str = ...,
    backend: str = ...,
    takes_context: Literal[False] = ...,
    max_attempts: int | None = ...,
    backoff: Backoff | None = ...,
    timeout: Seconds | None = ...,
    max_interruptions: int | None = ...,
    schedule: Schedule | None = ...,
    **options: Any,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
@overload
def task(
    *,
    priority: int = ...,
    queue_name: str = ...,
    backend: str = ...,
    takes_context: Literal[True],
    max_attempts: int | None = ...,
    backoff: Backoff | None = ...,
    timeout: Seconds | None = ...,
    max_interruptions: int | None = ...,
    schedule: Schedule | None = ...,
    **options: Any,
) -> Callable[[Callable[Concatenate[TaskContext, P], R]], Task[P, R]]: ...
def task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Makes a function a task: Django's decorator, plus retry, timeout and schedule on any backend.

    ``max_attempts``: how many executions may end in an exception (1: never retried).
    ``backoff``: ``(exception, task_result) -> seconds | timedelta | None``, the wait before a retry; ``None`` stops.
    ``timeout``: how long one attempt may take (seconds or timedelta).
    ``max_interruptions``: how often its process may die under it before it fails (3; 0: at most once).
    ``schedule``: a rule, or several, by which it is enqueued.

    What is not given comes from ``TASKS[alias]``. Raises ``InvalidTask`` for a bad policy. Spelling of
    django/new-features #142 (retry), #144 (timeout) and #181 (schedule).
    """
    if "run_after" in options:
        raise TypeError("run_after cannot be given to @task; write task.using(run_after=...).enqueue().")
    values: dict[str, Any] = {
        "priority": DEFAULT_TASK_PRIORITY,
        "queue_name": DEFAULT_TASK_QUEUE_NAME,
        "backend": DEFAULT_TASK_BACKEND_ALIAS,
        **options,
    }

    def decorate(func: Callable[..., Any]) -> AnyTask:
        backend: Any = task_backends[values["backend"]]
        task_class = with_policy(backend.task_class)
        # Django 6.0's Task has no default for run_after.
        return task_class(func=func, **{"run_after": None, "takes_context": False, **values})

    return decorate(function) if function is not None else decorate
