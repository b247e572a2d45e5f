from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connections, models

from .fields import EPOCH, MICROSECOND, InstantField


class DatabaseNow(models.Func):
    """Now by the database's clock, plus ``plus``: an instant, the same on all hosts whatever their clocks say.

    It is the start of the statement, so that it can be compared with an index.
    """

    output_field = InstantField()
    arity = 1

    def __init__(self, plus: timedelta = timedelta(0), **extra: Any) -> None:
        super().__init__(models.Value(plus // MICROSECOND, output_field=models.BigIntegerField()), **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        now = "(EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP()) * 1000000)::bigint"
        return self.as_sql(compiler, connection, template=f"({now} + %(expressions)s)", **context)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        now = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"
        return self.as_sql(compiler, connection, template=f"({now} + %(expressions)s)", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Milliseconds: julianday() is a float. 2440587.5 is 1970-01-01.
        now = "CAST((JULIANDAY('now') - 2440587.5) * 86400000 AS INTEGER) * 1000"
        return self.as_sql(compiler, connection, template=f"({now} + %(expressions)s)", **context)


def now_sql(alias: str) -> tuple[str, tuple[Any, ...]]:
    """`DatabaseNow` as SQL with its parameters, for statements that the ORM cannot say."""
    sql, params = models.sql.Query(None).get_compiler(using=alias).compile(DatabaseNow())
    return sql, tuple(params)


def database_now(alias: str) -> datetime:
    """The clock of the database ``alias``, in UTC."""
    sql, params = now_sql(alias)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {sql}", params)
        microseconds: int = cursor.fetchone()[0]
        return EPOCH + microseconds * MICROSECOND
