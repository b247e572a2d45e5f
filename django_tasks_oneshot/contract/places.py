"""The places of items in what a task loops over, by which a later attempt finds the item to go on with."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

from asgiref.sync import sync_to_async
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Manager, QuerySet
from django.db.models.query import ModelIterable, ValuesIterable

from .pace import Pace
from .values import json_value

T = TypeVar("T")
Key: TypeAlias = str | Callable[[T], Any]
Clock: TypeAlias = Callable[[], float]  # seconds
Placed: TypeAlias = tuple[T, Any]  # an item and its place, which is JSON

FIRST_PART, LARGEST_PART = 100, 2000  # rows
PART_SECONDS = 1.0


def places(items: Iterable[T], key: Key[T] | None, cursor: Any, clock: Clock) -> Iterator[Placed[T]]:
    """Each item after the one at ``cursor``, with its place; ``None`` is before the first."""
    if isinstance(items, QuerySet | Manager):
        for part in Rows.of(items, key).parts(cursor, clock):
            yield from part
        return
    order = _order(items, key, cursor)
    for item in items:
        if order.is_new(item):
            yield item, order.place
    order.end()


async def aplaces(
    items: Iterable[T] | AsyncIterable[T], key: Key[T] | None, cursor: Any, clock: Clock
) -> AsyncIterator[Placed[T]]:
    if isinstance(items, QuerySet | Manager):
        parts = Rows.of(items, key).parts(cursor, clock)
        while part := await sync_to_async(lambda: next(parts, None))():
            for placed in part:
                yield placed
        return
    order = _order(items, key, cursor)
    async for item in _aiter(items):
        if order.is_new(item):
            yield item, order.place
    order.end()


async def _aiter(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def _order(items: object, key: Key[Any] | None, cursor: Any) -> Counted | Keyed:
    if isinstance(items, set | frozenset):
        raise ValueError("resume(): a set has another order in each process; write sorted(...).")
    if key is None:
        return Counted(cursor)
    return Keyed(key if callable(key) else attrgetter(key), cursor)


class Counted:
    """The place of an item is how many there are up to it."""

    def __init__(self, cursor: Any) -> None:
        self.done = cursor or 0
        self.place = 0

    def is_new(self, item: Any) -> bool:
        self.place += 1
        return self.place > self.done

    def end(self) -> None:
        pass


class Keyed:
    """The place of an item is its key."""

    def __init__(self, key: Callable[[Any], Any], cursor: Any) -> None:
        self.key = key
        self.cursor = cursor
        self.is_found = cursor is None
        self.place: Any = None

    def is_new(self, item: Any) -> bool:
        self.place = json_value(self.key(item))
        if self.place is None:
            raise ValueError("resume(): the key of an item is None; write one by which each item can be found again.")
        if self.is_found:
            return True
        self.is_found = self.place == self.cursor
        return False

    def end(self) -> None:
        if not self.is_found:
            raise ValueError(
                f"resume(): the item with the key {self.cursor!r}, which was done last, is not there any more, and "
                "nothing tells where to go on; loop over a queryset, or over what keeps its items."
            )


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A queryset, read in parts by a unique field: no cursor stays open, and a later attempt goes on after a value.

    See https://use-the-index-luke.com/no-offset on reading by a key.
    """

    queryset: QuerySet[Any]
    field: Field[Any, Any]
    name: str
    descending: bool

    @classmethod
    def of(cls, items: QuerySet[Any] | Manager[Any], key: object) -> Rows:
        """Raises ``ValueError`` where what is left of it cannot be told by ``key``."""
        queryset = items.all()
        name = "pk" if key is None else key
        if not isinstance(name, str):
            raise ValueError(f"resume(): key={key!r} is not the name of a field; write key='pk'.")
        if queryset.query.is_sliced or queryset.query.combinator:
            raise ValueError("resume(): what is left of a slice or union is not known; pass the queryset without it.")
        field = _unique_field(queryset, name)
        order = queryset.query.order_by
        if order and order not in ((name,), (f"-{name}",), (field.name,), (f"-{field.name}",)):
            raise ValueError(
                f"resume(): the queryset is in the order of {', '.join(map(str, order))}, and key={name!r}; "
                f"write .order_by({name!r})."
            )
        descending = bool(order) and str(order[0]).startswith("-")
        ordered = queryset.order_by(f"-{name}" if descending else name)
        return cls(queryset=ordered, field=field, name=name, descending=descending)

    def parts(self, cursor: Any, clock: Clock) -> Iterator[list[Placed[Any]]]:
        pace = Pace(seconds=PART_SECONDS, size=FIRST_PART, largest=LARGEST_PART)
        is_last = False
        while not is_last:
            began = clock()
            part = [(row, self._place_of(row)) for row in self._after(cursor)[: pace.size]]
            is_last = len(part) < pace.size
            if part:
                cursor = part[-1][1]
                yield part
            pace.adapt(clock() - began)

    def _after(self, cursor: Any) -> QuerySet[Any]:
        if cursor is None:
            return self.queryset
        lookup = f"{self.name}__{'lt' if self.descending else 'gt'}"
        return self.queryset.filter(**{lookup: self.field.to_python(cursor)})

    def _place_of(self, row: Any) -> Any:
        value = self._value_of(row)
        return value if isinstance(value, int) else str(value)

    def _value_of(self, row: Any) -> Any:
        iterable = self.queryset._iterable_class
        if iterable is ModelIterable:
            return getattr(row, self.field.attname)
        if iterable is ValuesIterable and isinstance(row, Mapping):
            for name in (self.name, self.field.name, self.field.attname):
                if name in row:
                    return row[name]
        raise ValueError(f"resume(): rows without their {self.name!r}; write .values({self.name!r}, ...), or none.")


def _unique_field(queryset: QuerySet[Any], name: str) -> Field[Any, Any]:
    meta = queryset.model._meta
    try:
        field = meta.pk if name == "pk" else meta.get_field(name)
    except FieldDoesNotExist as error:
        raise ValueError(f"resume(): {meta.label} has no field {name!r}; write key='pk'.") from error
    if not isinstance(field, Field) or not field.concrete or not field.unique or field.null:
        raise ValueError(
            f"resume(): {name!r} of {meta.label} is not unique, or may be NULL, so that rows could be left out; "
            "write key='pk'."
        )
    return field
