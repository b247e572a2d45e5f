"""The places of items in what a task loops over, by which a later attempt finds the item to go on with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from asgiref.sync import sync_to_async
from django.core.exceptions import FieldDoesNotExist
from django.db.models import BinaryField, Field, JSONField, Manager, QuerySet
from django.db.models.query import ModelIterable, ValuesIterable

from .pace import Pace
from .values import json_value

T = TypeVar("T")
Key: TypeAlias = str | Callable[[T], Any]
Clock: TypeAlias = Callable[[], float]  # seconds
Placed: TypeAlias = tuple[Any, Any]  # an item, or a list of them, and the place of the last one, which is JSON

LONGEST_KEY = 10_000  # characters
FIRST_PART, LARGEST_PART = 100, 2000  # rows
PART_SECONDS = 1.0


class Places(ABC):
    """What a loop of resume() goes over."""

    over: str  # in a word; another one means that a cursor is of no use here

    @abstractmethod
    def after(self, cursor: Any, clock: Clock) -> Iterator[Placed]:
        """Each item after the one at ``cursor``, with its place; ``None`` is before the first."""

    @abstractmethod
    def aafter(self, cursor: Any, clock: Clock) -> AsyncIterator[Placed]:
        """The same in an event loop."""


def places_in(items: Any, key: Key[Any] | None, batch_size: int | None) -> Places:
    """Raises ``ValueError`` for what a later attempt could not go on with."""
    if isinstance(items, type | Manager):
        name = items.__name__ if isinstance(items, type) else f"{items.model.__name__}.objects"
        raise ValueError(
            f"resume(): {name} is no iterable; write a queryset, such as {name.split('.')[0]}.objects.all()."
        )
    if isinstance(items, set | frozenset):
        raise ValueError("resume(): a set has another order in each process; write sorted(...).")
    if not isinstance(items, Iterable | AsyncIterable):
        raise ValueError(f"resume(): {items!r} is no iterable; write a queryset, a list or a range.")
    places = Rows(items, key) if isinstance(items, QuerySet) else Items(items, key)
    return places if batch_size is None else Batches(places, batch_size)


class Batches(Places):
    """Lists of items. One is done when all of its items are."""

    def __init__(self, places: Places, size: int) -> None:
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"resume(): batch_size={size!r} is not a number of items; write batch_size=500.")
        self.places = places
        self.over = places.over
        self.size = size

    def after(self, cursor: Any, clock: Clock) -> Iterator[Placed]:
        batch: list[Any] = []
        place = cursor
        for item, place in self.places.after(cursor, clock):
            batch.append(item)
            if len(batch) == self.size:
                yield batch, place
                batch = []
        if batch:
            yield batch, place

    async def aafter(self, cursor: Any, clock: Clock) -> AsyncIterator[Placed]:
        batch: list[Any] = []
        place = cursor
        async for item, place in self.places.aafter(cursor, clock):
            batch.append(item)
            if len(batch) == self.size:
                yield batch, place
                batch = []
        if batch:
            yield batch, place


class Items(Places):
    """Any iterable that gives the same items in the same order each time."""

    def __init__(self, items: Iterable[Any] | AsyncIterable[Any], key: Key[Any] | None) -> None:
        if not (key is None or isinstance(key, str) or callable(key)):
            raise ValueError(f"resume(): key={key!r} is neither a name nor a function of an item; write key='id'.")
        self.items = items
        self.key = key
        self.over = "items that are counted" if key is None else "items that have a key"

    def after(self, cursor: Any, clock: Clock) -> Iterator[Placed]:
        if isinstance(self.items, AsyncIterable):
            raise ValueError("resume(): an async iterable; write 'async for item in context.aresume(items)'.")
        order = self._order(cursor)
        for item in self.items:
            if order.is_new(item):
                yield item, order.place
        order.end()

    async def aafter(self, cursor: Any, clock: Clock) -> AsyncIterator[Placed]:
        order = self._order(cursor)
        async for item in _aiter(self.items):
            if order.is_new(item):
                yield item, order.place
        order.end()

    def _order(self, cursor: Any) -> Counted | Keyed:
        return Counted(cursor) if self.key is None else Keyed(self.key, cursor)


async def _aiter(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


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

    def __init__(self, key: Key[Any], cursor: Any) -> None:
        self.key = key
        self.cursor = cursor
        self.is_found = cursor is None
        self.place: Any = None

    def is_new(self, item: Any) -> bool:
        before, self.place = self.place, json_value(self._key_of(item))
        if self.place is None or self.place == before or len(str(self.place)) > LONGEST_KEY:
            raise ValueError(
                f"resume(): an item has the key {str(self.place)[:100]!r}, by which it cannot be found again; "
                "write a key that each item has and no two have in common."
            )
        if self.is_found:
            return True
        self.is_found = self.place == self.cursor
        return False

    def _key_of(self, item: Any) -> Any:
        if callable(self.key):
            return self.key(item)
        return item[self.key] if isinstance(item, Mapping) else getattr(item, self.key)

    def end(self) -> None:
        if not self.is_found:
            raise ValueError(
                f"resume(): the item with the key {self.cursor!r}, which was done last, is not there any more, and "
                "nothing tells where to go on; loop over a queryset, or over what keeps its items."
            )


class Rows(Places):
    """A queryset, read in parts by a unique field: no cursor stays open, and a later attempt goes on after a value.

    See https://use-the-index-luke.com/no-offset on reading by a key.
    """

    def __init__(self, queryset: QuerySet[Any], key: object) -> None:
        self.name = "pk" if key is None else key
        if not isinstance(self.name, str):
            raise ValueError(f"resume(): key={key!r} is not the name of a field; write key='pk'.")
        if queryset.query.is_sliced or queryset.query.combinator:
            raise ValueError("resume(): what is left of a slice or union is not known; pass the queryset without it.")
        if any(getattr(each, "contains_over_clause", False) for each in queryset.query.annotations.values()):
            raise ValueError("resume(): a window would be computed anew for each part; pass the queryset without it.")
        self.field = _unique_field(queryset, self.name)
        self.descending = self._is_descending(queryset)
        # By the column: of a relation, the name would mean the order of what it leads to.
        ordered = queryset if queryset.query.standard_ordering else queryset.reverse()
        self.queryset = ordered.order_by(f"-{self.field.attname}" if self.descending else self.field.attname)
        self.over = f"{queryset.model._meta.label} by {'-' if self.descending else ''}{self.field.attname}"

    def _is_descending(self, queryset: QuerySet[Any]) -> bool:
        order = queryset.query.order_by
        names = {"pk", self.field.attname} if self.field.primary_key else {self.field.attname}
        if order and not (len(order) == 1 and isinstance(order[0], str) and order[0].removeprefix("-") in names):
            raise ValueError(
                f"resume(): the queryset is in the order of {', '.join(map(str, order))}, and key={self.name!r}; "
                f"write .order_by({self.field.attname!r}), or .order_by('-{self.field.attname}')."
            )
        is_reversed = not queryset.query.standard_ordering
        return (bool(order) and str(order[0]).startswith("-")) != is_reversed

    def after(self, cursor: Any, clock: Clock) -> Iterator[Placed]:
        for part in self._parts(cursor, clock):
            yield from part

    async def aafter(self, cursor: Any, clock: Clock) -> AsyncIterator[Placed]:
        parts = self._parts(cursor, clock)
        while part := await sync_to_async(lambda: next(parts, None))():
            for placed in part:
                yield placed

    def _parts(self, cursor: Any, clock: Clock) -> Iterator[list[Placed]]:
        pace = Pace(seconds=PART_SECONDS, size=FIRST_PART, largest=LARGEST_PART)
        is_last = False
        while not is_last:
            began = clock()
            size = pace.size
            # One more: whether it has the same key as the last one, it would be left out.
            rows = self._told_apart(cursor, self._after(cursor)[: size + 1])
            part, is_last = rows[:size], len(rows) <= size
            if part:
                cursor = part[-1][1]
                yield part
            pace.adapt(clock() - began)

    def _told_apart(self, before: Any, rows: Iterable[Any]) -> list[Placed]:
        placed: list[Placed] = []
        for row in rows:
            place = self._place_of(row)
            if place == before:
                raise ValueError(
                    f"resume(): two rows, one after the other, have {self.name} {place!r}: a join repeats them, or the "
                    "database does not tell them apart. Loop over what is joined, or write another key."
                )
            placed.append((row, place))
            before = place
        return placed

    def _after(self, cursor: Any) -> QuerySet[Any]:
        if cursor is None:
            return self.queryset
        lookup = f"{self.field.attname}__{'lt' if self.descending else 'gt'}"
        return self.queryset.filter(**{lookup: self.field.to_python(cursor)})

    def _place_of(self, row: Any) -> Any:
        value = self._value_of(row)
        if isinstance(value, int):
            return value
        text = str(value)
        if len(text) > LONGEST_KEY or self.field.to_python(text) != value:
            raise ValueError(
                f"resume(): {self.name} {text[:100]!r} cannot be kept as a text and found again; write key='pk'."
            )
        return text

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
        raise ValueError(
            f"resume(): {meta.label} has no field {name!r}; write key='pk', and .order_by('-pk') to go backwards."
        ) from error
    if not isinstance(field, Field) or not field.concrete or not field.unique or field.null:
        raise ValueError(
            f"resume(): {name!r} of {meta.label} is not unique, or may be NULL, so that rows could be left out; "
            "write key='pk'."
        )
    if isinstance(field, BinaryField | JSONField):
        raise ValueError(f"resume(): {name!r} of {meta.label} has no order by which one could go on; write key='pk'.")
    return field
