"""Writes of one row, by plain SQL: for a short task the ORM's compiler is most of what a run would cost."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connections, models

from .clock import DatabaseNow


def update_row(alias: str, model: type[models.Model], where: dict[str, Any], changes: dict[str, Any]) -> int:
    """Sets ``changes`` in the rows that equal all of ``where``, both by field name; returns how many they were."""
    changed, params = _assignments(alias, model, changes)
    wanted, where_params = _assignments(alias, model, where)
    table = connections[alias].ops.quote_name(model._meta.db_table)
    set_ = ", ".join(f"{column} = {value}" for column, value in changed)
    conditions = " AND ".join(f"{column} = {value}" for column, value in wanted)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {set_} WHERE {conditions}", params + where_params)  # noqa: S608
        return int(cursor.rowcount)


def insert_row(alias: str, model: type[models.Model], values: dict[str, Any]) -> None:
    """Inserts a row with these fields. What is not given must have a default of the database's own."""
    assigned, params = _assignments(alias, model, values)
    table = connections[alias].ops.quote_name(model._meta.db_table)
    columns = ", ".join(column for column, _ in assigned)
    row = ", ".join(value for _, value in assigned)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({row})", params)  # noqa: S608


def _assignments(
    alias: str, model: type[models.Model], values: dict[str, Any]
) -> tuple[list[tuple[str, str]], list[Any]]:
    """Each field's column with the SQL of its value, and the parameters of all of them."""
    connection = connections[alias]
    assigned: list[tuple[str, str]] = []
    params: list[Any] = []
    for name, value in values.items():
        field, column = _column(connection.vendor, model, name)
        if isinstance(value, DatabaseNow):
            sql, extra = value.as_sql(None, connection)
            assigned.append((column, sql))
            params += extra
        else:
            assigned.append((column, "%s"))
            params.append(field.get_db_prep_save(value, connection))
    return assigned, params


@cache
def _column(vendor: str, model: type[models.Model], name: str) -> tuple[Any, str]:
    """The field, and its column quoted in the manner of this kind of database."""
    field: Any = model._meta.get_field(name)
    connection = next(each for each in connections.all() if each.vendor == vendor)
    return field, connection.ops.quote_name(field.column)
