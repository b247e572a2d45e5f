"""A schedule as settings and operators write it: a dict of plain values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..compat import InvalidTask
from .cron import Cron
from .every import Every
from .retry import duration
from .schedule import Rule

RULE_OPTIONS = ("missed", "max_missed", "start_within", "jitter", "overlap", "args", "kwargs")
KEYS = ("task", "cron", "every", "anchor", "timezone", *RULE_OPTIONS)


def rule_of(definition: object) -> Rule:
    """The rule that ``definition`` says; raises ``InvalidTask``.

    ``task`` is the import path of a task. Either ``cron``, a crontab line, or ``every``: seconds, a timedelta, or a
    dict such as ``{"minutes": 45}``. The other keys are those of `Cron`, `Every` and `Rule`.
    """
    if not isinstance(definition, Mapping):
        raise InvalidTask(f"{definition!r} is not a dict; write {{'task': 'shop.tasks.restock', 'cron': '0 7 * * *'}}.")
    if unknown := sorted(set(map(str, definition)) - set(KEYS)):
        raise InvalidTask(f"{', '.join(map(repr, unknown))} is not known; write one of: {', '.join(KEYS)}.")
    if not isinstance(definition.get("task"), str):
        raise InvalidTask("the task is missing; write 'task': 'shop.tasks.restock', its import path.")
    if ("cron" in definition) == ("every" in definition):
        raise InvalidTask("write either 'cron': '0 7 * * *' or 'every': {'minutes': 45}.")
    options = {name: definition[name] for name in ("timezone", *RULE_OPTIONS) if name in definition}
    if "cron" not in definition:
        return Every(anchor=definition.get("anchor"), **_interval(definition["every"]), **options)
    if "anchor" in definition:
        raise InvalidTask("'anchor' is for 'every'; leave it out.")
    return Cron(definition["cron"], **options)


def _interval(every: object) -> dict[str, Any]:
    if isinstance(every, Mapping) and (misplaced := [repr(each) for each in every if each in KEYS]):
        raise InvalidTask(
            f"write {' and '.join(misplaced)} beside 'every', not in it: "
            "'every': {'days': 1}, 'anchor': '2026-01-01 07:00', 'timezone': 'Europe/London'."
        )
    if isinstance(every, Mapping) and set(every) <= {"weeks", "days", "hours", "minutes", "seconds"}:
        return dict(every)
    if isinstance(every, int | float | timedelta):
        return {"seconds": duration("every", every).total_seconds()}
    raise InvalidTask(f"'every': {every!r} is not an interval; write 'every': {{'minutes': 45}}.")
