"""The schedules as people look at them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from ..compat import InvalidTask
from ..contract.declared import Declared
from ..contract.schedule import Rule
from ..models import Schedule
from .schedules import NAME_IS_TAKEN, rows_of, rule_text, scheduled_by

State = Literal["active", "paused", "new", "removed", "broken"]


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
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        last = self.last_fire_at and self.last_fire_at.isoformat()
        return {**vars(self), "last_fire_at": last, "next_fire_at": [each.isoformat() for each in self.next_fire_at]}


def listing(alias: str, declared: Mapping[str, Declared], now: datetime, count: int) -> list[Listed]:
    """All schedules by their names, with the next ``count`` fire times of each. Writes nothing."""
    rows = {row.name: row for row in rows_of(alias)}
    listed = [_of_row(row, declared, now, count) for row in rows.values()]
    for each in declared.values():
        if each.name not in rows:
            listed.append(_of_declared(each, now, count))
        elif rows[each.name].source == Schedule.Source.ADMIN:
            listed.append(replace(_of_declared(each, now, 0), state="broken", error=NAME_IS_TAKEN))
    return sorted(listed, key=lambda each: (each.name, each.source))


def _of_row(row: Schedule, declared: Mapping[str, Declared], now: datetime, count: int) -> Listed:
    about: dict[str, Any] = {
        "name": row.name,
        "source": row.source,
        "task": row.task_path,
        "rule": row.rule,
        "last_fire_at": row.last_fire_at,
    }
    try:
        scheduled = scheduled_by(row, declared)
    except InvalidTask as error:
        return Listed(**about, state="broken", error=str(error))
    if scheduled is None:
        return Listed(**about, state="removed")
    about.update(_by_rule(scheduled.rule))
    if row.is_paused:
        return Listed(**about, state="paused")
    if row.due_at is None or row.rule != rule_text(scheduled.rule):  # the next run sees that it is back, or changed
        return Listed(**about, state="active", next_fire_at=next_fire_times(scheduled.rule, now, count))
    later = next_fire_times(scheduled.rule, row.next_fire_at, count - 1)
    return Listed(**about, state="active", next_fire_at=[row.next_fire_at, *later])


def _of_declared(declared: Declared, now: datetime, count: int) -> Listed:
    about: dict[str, Any] = {"name": declared.name, "source": declared.source, "task": declared.task_path}
    try:
        rule = declared.scheduled().rule
    except InvalidTask as error:
        return Listed(**about, rule="", state="broken", error=str(error))
    about.update(_by_rule(rule))
    return Listed(**about, state="new", next_fire_at=next_fire_times(rule, now, count))


def _by_rule(rule: Rule) -> dict[str, str]:
    zone = rule.zone_name
    return {"rule": str(rule).removesuffix(f" ({zone})"), "timezone": zone}


def next_fire_times(rule: Rule, after: datetime, count: int) -> list[datetime]:
    """At most so many: the calendar ends in the year 9999."""
    found: list[datetime] = []
    with suppress(OverflowError, ValueError):
        while len(found) < count:
            found.append(rule.next_after(found[-1] if found else after))
    return found


def in_zone(instant: datetime | None, zone_name: str) -> str:
    """A fire time as the clock on the wall shows it."""
    if instant is None:
        return "-"
    local = instant.astimezone(ZoneInfo(zone_name or "UTC"))
    return f"{local:%a %Y-%m-%d %H:%M}" + (f"{local::%S}" if local.second else "")
