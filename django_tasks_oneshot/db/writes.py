"""Writes of single rows in one commit: for a short task, they are most of what a run costs.

Plain SQL from the fields of the model: the ORM takes longer to compile such a statement than a database to run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .clock import DatabaseNow


@dataclass(frozen=True, kw_only=True)
class Update:
    """Sets ``changes`` in the row that equals all of ``where``, both by field name."""

    model: type[models.Model]
    where: dict[str, Any]
    changes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Insert:
    """Inserts a row with these fields, if the first write of the commit found its row."""

    model: type[models.Model]
    values: dict[str, Any]


def commit(alias: str, writes: Sequence[Update | Insert]) -> list[bool]:
    """Makes all of ``writes`` in one transaction; returns which of them wrote."""
    connection = connections[alias]
    if connection.vendor == "postgresql":
        return _in_one_statement(connection, writes)
    with transaction.atomic(using=alias):
        return _one_by_one(connection, writes)


def _one_by_one(connection: BaseDatabaseWrapper, writes: Sequence[Update | Insert]) -> list[bool]:
    wrote: list[bool] = []
    with connection.cursor() as cursor:
        for write in writes:
            if isinstance(write, Insert) and not wrote[0]:
                wrote.append(False)
                continue
            sql, params = _update(connection, write) if isinstance(write, Update) else _insert(connection, write)
            cursor.execute(sql, params)
            wrote.append(cursor.rowcount == 1)
    return wrote


def _in_one_statement(connection: BaseDatabaseWrapper, writes: Sequence[Update | Insert]) -> list[bool]:
    """One trip to the server and back instead of one each, and two more for BEGIN and COMMIT."""
    parts: list[str] = []
    params: list[Any] = []
    for number, write in enumerate(writes):
        if isinstance(write, Update):
            sql, more = _update(connection, write)
        else:
            sql, more = _insert(connection, write, rows="SELECT {} FROM write0")
        parts.append(f"write{number} AS ({sql} RETURNING 1)")
        params += more
    counts = ", ".join(f"(SELECT COUNT(*) FROM write{number})" for number in range(len(writes)))  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(parts)} SELECT {counts}", params)
        return [count == 1 for count in cursor.fetchone()]


def _update(connection: BaseDatabaseWrapper, write: Update) -> tuple[str, list[Any]]:
    changes, params = _assignments(connection, write.model, write.changes)
    where, where_params = _assignments(connection, write.model, write.where)
    set_ = ", ".join(f"{column} = {value}" for column, value in changes)
    condition = " AND ".join(f"{column} = {value}" for column, value in where)
    return f"UPDATE {_table(connection, write.model)} SET {set_} WHERE {condition}", params + where_params  # noqa: S608


def _insert(connection: BaseDatabaseWrapper, write: Insert, rows: str = "VALUES ({})") -> tuple[str, list[Any]]:
    assignments, params = _assignments(connection, write.model, write.values)
    columns, values = (", ".join(each) for each in zip(*assignments, strict=True))
    return f"INSERT INTO {_table(connection, write.model)} ({columns}) {rows.format(values)}", params


def _table(connection: BaseDatabaseWrapper, model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _assignments(
    connection: BaseDatabaseWrapper, model: type[models.Model], values: dict[str, Any]
) -> tuple[list[tuple[str, str]], list[Any]]:
    """Each field's column with the SQL of its value, and the parameters of all of them."""
    assignments: list[tuple[str, str]] = []
    params: list[Any] = []
    for name, value in values.items():
        field = _field(model, name)
        if isinstance(value, DatabaseNow):
            sql, more = value.as_sql(None, connection)
            params += more
        else:
            sql = "%s"
            params.append(field.get_db_prep_save(value, connection))
        assignments.append((connection.ops.quote_name(field.column), sql))
    return assignments, params


@cache
def _field(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name)
