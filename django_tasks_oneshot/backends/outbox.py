"""Sends when a transaction is committed, and what it sends in a row, together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db import connections, transaction

T = TypeVar("T")


@dataclass(eq=False)
class Series(Generic[T]):
    """Items that one transaction registered one after the other: all of them are committed, or none."""

    send: Callable[[Sequence[T]], Any]
    last: Posting[T] | None = None
    committed: list[T] = field(default_factory=list)


@dataclass(eq=False)
class Posting(Generic[T]):
    item: T
    series: Series[T]

    def __call__(self) -> None:
        """The transaction is committed. The last of a series sends them all."""
        self.series.committed.append(self.item)
        if self.series.last is self:
            committed, self.series.committed = self.series.committed, []
            self.series.send(committed)


def send_on_commit(alias: str, send: Callable[[Sequence[T]], Any], items: Sequence[T]) -> None:
    """Calls ``send`` with ``items`` when the transaction on the database ``alias`` is committed; without one, now."""
    connection = connections[alias]
    if not connection.in_atomic_block:
        send(items)
        return
    for item in items:
        series = _open_series(connection, send) or Series(send)
        series.last = Posting(item, series)
        transaction.on_commit(series.last, using=alias)


def _open_series(connection: Any, send: Callable[[Sequence[T]], Any]) -> Series[T] | None:
    """That of the transaction's latest callback, if it is one of these and no savepoint began or ended since."""
    if not connection.run_on_commit:
        return None
    savepoints, function, *_ = connection.run_on_commit[-1]
    if not isinstance(function, Posting) or savepoints != set(connection.savepoint_ids):
        return None
    return function.series if function.series.send == send else None
