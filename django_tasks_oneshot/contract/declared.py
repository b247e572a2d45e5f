"""The schedules that are deployed with the project: those of its tasks, and those of its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from django.conf import settings
from django.utils.module_loading import import_string

from ..compat import AnyTask, InvalidTask, Task, task_backends
from .definition import rule_of
from .schedule import Rule, check_name
from .task import check_schedule_arguments, registered_tasks

Source = Literal["code", "settings"]


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """A schedule, ready to fire."""

    task: AnyTask
    rule: Rule


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A schedule as the release has it; what it says is looked at when it is needed."""

    name: str
    source: Source
    task_path: str
    text: str  # another one where the rule may be another one
    scheduled: Callable[[], Scheduled]  # raises InvalidTask


def declared_schedules() -> dict[str, Declared]:
    """All of them by their names. Of several with one name, the first is meant; a system check tells of the others."""
    unique: dict[str, Declared] = {}
    for each in (*_of_tasks(), *_of_settings()):
        unique.setdefault(each.name, each)
    return unique


def problems() -> Iterator[tuple[str, str]]:
    """What is wrong with which of them."""
    seen: set[str] = set()
    for each in (*_of_tasks(), *_of_settings()):
        if each.name in seen:
            yield each.name, f"another one has this name; give this one, of the {each.source}, another."
        seen.add(each.name)
        try:
            each.scheduled()
        except InvalidTask as error:
            yield each.name, str(error)


def _of_tasks() -> Iterator[Declared]:
    for path, task in registered_tasks.items():
        for number, rule in enumerate(getattr(task, "schedule", None) or (), start=1):
            yield Declared(
                name=rule.name or (path if number == 1 else f"{path}#{number}"),
                source="code",
                task_path=path,
                text=f"{rule} {rule.jitter}",
                scheduled=partial(Scheduled, task=task, rule=rule),
            )


def _of_settings() -> Iterator[Declared]:
    for alias, backend in task_backends.settings.items():
        definitions = backend.get("SCHEDULES") or {}
        if not isinstance(definitions, Mapping):
            definitions = {f"TASKS[{alias!r}]['SCHEDULES']": definitions}  # which is no definition either, and says so
        for name, definition in definitions.items():
            yield Declared(
                name=str(name),
                source="settings",
                task_path=(path := str(definition.get("task")) if isinstance(definition, Mapping) else ""),
                text=f"{alias} {definition!r} {settings.TIME_ZONE} {_is_there(path)}",
                scheduled=partial(_from_settings, alias, name, definition),
            )


def _from_settings(alias: str, name: object, definition: Any) -> Scheduled:
    check_name(name)
    rule = rule_of(definition)
    return scheduled(imported_task(definition["task"]), rule, alias)


def scheduled(task: AnyTask, rule: Rule, alias: str) -> Scheduled:
    """``task`` by ``rule``, on the backend ``alias``. Raises ``InvalidTask`` where one does not suit the other."""
    check_schedule_arguments(task, rule)
    return Scheduled(task=task if task.backend == alias else task.using(backend=alias), rule=rule)


def _is_there(path: str) -> bool:
    """A release may bring the task of a schedule that is in the settings already."""
    try:
        imported_task(path)
    except InvalidTask:
        return False
    return True


def imported_task(path: str) -> AnyTask:
    try:
        task = import_string(path)
    except Exception as error:  # a project's module may raise anything
        raise InvalidTask(f"{path!r} cannot be imported ({type(error).__name__}: {error}).") from error
    if not isinstance(task, Task):
        raise InvalidTask(f"{path!r} is not a task; decorate the function with @task.")
    return task
