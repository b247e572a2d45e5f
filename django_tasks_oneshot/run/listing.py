"""The schedules as people look at them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from django.db.models import ExpressionWrapper, F, QuerySet, TextField

from ..compat import InvalidTask
from ..contract.declared import Declared, Scheduled
from ..contract.schedule import Rule
from ..contract.walls import zone_of
from ..models import Schedule
from .schedules import NAME_IS_TAKEN, plan, rows_of, rule_text, scheduled_by

State = Literal["active", "paused", "new", "removed", "broken"]

#: No rule has more years in between: where one finds no fire time from here on, the calendar ends.
NEAR_THE_END = 9900


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The field names are the keys of ``--format json``."""

    name: str
    state: State  # new: no run has seen it; removed: the project does not have it any more; broken: it cannot fire
    source: str
    task: str
    rule: str
    timezone: str = ""
    last_fire_at: datetime | None = None
    next_fire_at: list[datetime] = field(default_factory=list)
    due_at: datetime | None = None  # when a run looks at it next
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            **vars(self),
            "last_fire_at": self.last_fire_at and self.last_fire_at.isoformat(),
            "next_fire_at": [each.isoformat() for each in self.next_fire_at],
            "due_at": self.due_at and self.due_at.isoformat(),
        }


def readable(rows: QuerySet[Schedule]) -> QuerySet[Schedule]:
    """Has `state_of` read what operators wrote: a definition that is no JSON is not in the way of the other rows."""
    return rows.defer("definition").annotate(written=ExpressionWrapper(F("definition"), TextField()))


def state_of(row: Schedule, declared: Mapping[str, Declared]) -> tuple[State, Scheduled | None, str]:
    """Of a row of `readable`. What it stands for, if it can fire, and else why it cannot, if it is broken."""
    if "definition" in row.get_deferred_fields():
        with suppress(ValueError):
            row.definition = json.loads(vars(row)["written"] or "null")
    try:
        scheduled = scheduled_by(row, declared)
    except InvalidTask as error:
        return "broken", None, str(error)
    if scheduled is None:
        return "removed", None, ""
    return "paused" if row.is_paused else "active", scheduled, ""


def listing(alias: str, declared: Mapping[str, Declared], now: datetime, count: int) -> list[Listed]:
    """All schedules by their names, with the next ``count`` fire times of each. Writes nothing."""
    rows = {row.name: row for row in readable(rows_of(alias))}
    listed = [_of_row(row, declared, now, count) for row in rows.values()]
    for each in declared.values():
        if each.name not in rows:
            listed.append(_of_declared(each, now, count))
        elif rows[each.name].source == Schedule.Source.ADMIN:
            taken = _of_declared(each, now, count)
            listed.append(replace(taken, state="broken", error=NAME_IS_TAKEN, next_fire_at=[], due_at=None))
    return sorted(listed, key=lambda each: (each.name, each.source))


def _of_row(row: Schedule, declared: Mapping[str, Declared], now: datetime, count: int) -> Listed:
    about: dict[str, Any] = {
        "name": row.name,
        "source": row.source,
        "task": row.task_path,
        "last_fire_at": row.last_fire_at,
        "due_at": row.due_at,
    }
    state, scheduled, error = state_of(row, declared)
    if scheduled is None:
        return Listed(**about, **_by_text(row.rule), state=state, error=error)
    about.update(_by_rule(scheduled.rule))
    if state == "paused":
        return Listed(**about, state=state)
    if row.due_at is None or row.rule != rule_text(scheduled.rule):  # the next run sees that it is back, or changed
        return Listed(**about | _from(now, row.name, scheduled.rule, count), state=state)
    later = next_fire_times(scheduled.rule, row.next_fire_at, count - 1)
    return Listed(**about, state=state, next_fire_at=[row.next_fire_at, *later])


def _of_declared(declared: Declared, now: datetime, count: int) -> Listed:
    about: dict[str, Any] = {"name": declared.name, "source": declared.source, "task": declared.task_path}
    try:
        rule = declared.scheduled().rule
    except InvalidTask as error:
        return Listed(**about, rule="", state="broken", error=str(error))
    return Listed(**about, **_by_rule(rule), **_from(now, declared.name, rule, count), state="new")


def _from(now: datetime, name: str, rule: Rule, count: int) -> dict[str, Any]:
    """When it fires, if a run sees it now."""
    planned = plan(name, rule, now)
    first = planned["next_fire_at"]
    return {"next_fire_at": [first, *next_fire_times(rule, first, count - 1)], "due_at": planned["due_at"]}


def _by_rule(rule: Rule) -> dict[str, Any]:
    zone = rule.zone_name
    return {"rule": str(rule).removesuffix(f" ({zone})"), "timezone": zone}


def _by_text(text: str) -> dict[str, Any]:
    """As `_by_rule`, where of the rule no more is left than its text."""
    found = re.fullmatch(r"(.+) \((.+)\)", text)
    rule, zone = found.groups() if found else (text, "UTC")
    try:
        zone_of(zone)
    except InvalidTask:  # another host knows it
        return {"rule": text, "timezone": ""}
    return {"rule": rule, "timezone": zone}


def next_fire_times(rule: Rule, after: datetime, count: int) -> list[datetime]:
    """At most so many: the calendar ends in the year 9999."""
    found: list[datetime] = []
    while len(found) < count:
        try:
            found.append(rule.next_after(after))
        except (OverflowError, ValueError):
            if after.year < NEAR_THE_END:
                raise
            break
        after = found[-1]
    return found


def in_zone(instant: datetime | None, zone_name: str) -> str:
    """A fire time as the clock on the wall shows it."""
    if instant is None:
        return "-"
    local = instant.astimezone(ZoneInfo(zone_name or "UTC"))
    return f"{local:%a %Y-%m-%d %H:%M}" + (f"{local::%S}" if local.second else "")
