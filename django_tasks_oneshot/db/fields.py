from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from ..contract.schedule import EPOCH
from ..contract.values import to_json

MICROSECOND = timedelta(microseconds=1)
LAST_INSTANT = datetime.max.replace(tzinfo=UTC)


class InstantField(models.Field):  # type: ignore[type-arg]
    """A point in time, kept as microseconds since 1970 in UTC and read as an aware datetime in UTC.

    Unlike a DateTimeField it means the same whatever USE_TZ, TIME_ZONE and the database's own time zone
    are, it is not repeated in autumn, and the database's clock compares with it as a plain number.
    """

    description = "A point in time, in UTC"

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    if TYPE_CHECKING:  # what the type checker's plugin for Django reads
        _pyi_private_set_type: datetime | models.expressions.Combinable
        _pyi_private_get_type: datetime

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, datetime):
            aware = timezone.make_aware(value) if timezone.is_naive(value) else value
            return (aware - EPOCH) // MICROSECOND
        return super().get_prep_value(value)

    def from_db_value(self, value: int | None, *args: Any) -> datetime | None:
        if value is None:
            return None
        try:
            return EPOCH + timedelta(microseconds=value)
        except OverflowError:  # nobody writes that; but one bad row must not be in the way of the others
            return LAST_INSTANT if value > 0 else EPOCH

    def to_python(self, value: Any) -> Any:
        return datetime.fromisoformat(value) if isinstance(value, str) else value

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else value.isoformat()


class JSONTextField(models.TextField):  # type: ignore[type-arg]
    """A JSON value, kept as ASCII text.

    Unlike a JSONField it holds NUL characters and lone surrogates on every database. Raises
    ``UnstorableValue`` for NaN, infinities and more than 4 MB.
    """

    def get_prep_value(self, value: Any) -> Any:
        return value if value is None or hasattr(value, "resolve_expression") else to_json(value)

    def from_db_value(self, value: str | None, *args: Any) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    def value_to_string(self, obj: models.Model) -> str:
        return to_json(self.value_from_object(obj))
