from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from ..contract.schedule import EPOCH
from .fields import MICROSECOND, InstantField

_SQL = {
    "postgresql": "((EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP()) * 1000000)::bigint + %s)",
    "mysql": "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) + %s)",
    # Milliseconds: julianday() is a float. 2440587.5 is 1970-01-01.
    "sqlite": "(CAST((JULIANDAY('now') - 2440587.5) * 86400000 AS INTEGER) * 1000 + %s)",
}


class DatabaseNow(models.Expression):
    """Now by the database's clock, plus ``plus``: an instant, the same on all hosts whatever their clocks say.

    It is the start of the statement, so that it can be compared with an index.
    """

    def __init__(self, plus: timedelta = timedelta(0)) -> None:
        super().__init__(output_field=InstantField())
        self.plus = plus

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, tuple[int, ...]]:
        return _SQL[connection.vendor], (self.plus // MICROSECOND,)


def database_now(alias: str) -> datetime:
    """The clock of the database ``alias``, in UTC."""
    sql, params = DatabaseNow().as_sql(None, connections[alias])
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {sql}", params)
        microseconds: int = cursor.fetchone()[0]
        return EPOCH + microseconds * MICROSECOND
