"""Which lanes have waiting tasks, found by jumping through the claim index: one probe a lane, however long it is.

The index is ``(lane, due_at, id)``. A claim from one lane therefore reads its oldest due rows in order
and nothing else: neither what is finished or far off, nor the backlog of other queues and priorities.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connections

from ..contract.schedule import EPOCH
from ..db.clock import DatabaseNow
from ..db.fields import MICROSECOND
from ..models import StoredTask
from .lanes import parse_lane

# A "loose index scan" (https://wiki.postgresql.org/wiki/Loose_indexscan): none of the three databases' planners
# makes one from SELECT DISTINCT.
_LANES = """
WITH RECURSIVE lanes (lane) AS (
    SELECT MIN(lane) FROM {table}
    UNION ALL
    SELECT (SELECT MIN(task.lane) FROM {table} task WHERE task.lane > lanes.lane)
    FROM lanes WHERE lanes.lane IS NOT NULL
)
SELECT lane, (SELECT MIN(task.due_at) FROM {table} task WHERE task.lane = lanes.lane), {now}
FROM lanes WHERE lane IS NOT NULL
"""


@dataclass(frozen=True, kw_only=True)
class Lane:
    name: str
    backend_name: str
    queue_name: str
    priority: int
    state: str
    first_due_at: datetime
    is_due: bool


def occupied_lanes(alias: str) -> list[Lane]:
    """The lanes that have a task, in no particular order."""
    connection = connections[alias]
    table = connection.ops.quote_name(StoredTask._meta.db_table)
    now, params = DatabaseNow().as_sql(None, connection)
    with connection.cursor() as cursor:
        cursor.execute(_LANES.format(table=table, now=now), params)
        # No due time: its last task was taken while the statement looked.
        return [_lane(*row) for row in cursor.fetchall() if row[1] is not None]


def _lane(name: str, due_at: int, now: int) -> Lane:
    backend_name, queue_name, priority, state = parse_lane(name)
    return Lane(
        name=name,
        backend_name=backend_name,
        queue_name=queue_name,
        priority=priority,
        state=state,
        first_due_at=EPOCH + due_at * MICROSECOND,
        is_due=due_at <= now,
    )
