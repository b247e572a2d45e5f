from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.core import serializers

from django_tasks_oneshot.contract.exceptions import UnstorableValue
from django_tasks_oneshot.contract.schedule import EPOCH
from django_tasks_oneshot.contract.values import LARGEST_JSON, to_json
from django_tasks_oneshot.db.fields import InstantField
from django_tasks_oneshot.models import Schedule, StoredTask
from tests.project.shop import tasks

MOMENT = datetime(2026, 10, 25, 1, 30, 15, 123456, tzinfo=UTC)


class TestInstantField:
    @pytest.mark.parametrize(
        "moment", [MOMENT, EPOCH, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    )
    def test_gives_back_what_was_stored(self, db, moment):
        Schedule.objects.create(name="x", rule="r", next_fire_at=moment)
        assert Schedule.objects.get().next_fire_at == moment
        assert Schedule.objects.get(next_fire_at=moment).last_fire_at is None

    def test_takes_any_zone_and_gives_utc(self, db):
        Schedule.objects.create(name="x", rule="r", next_fire_at=MOMENT.astimezone(timezone(timedelta(hours=5))))
        assert Schedule.objects.get().next_fire_at.tzinfo is UTC
        assert Schedule.objects.get().next_fire_at == MOMENT

    def test_a_naive_time_is_in_the_current_zone(self):
        assert InstantField().get_prep_value(datetime(2026, 7, 1, 12)) == InstantField().get_prep_value(
            datetime(2026, 7, 1, 11, tzinfo=UTC)
        )

    def test_compares_in_the_order_of_time(self, db):
        for number, moment in enumerate([MOMENT, MOMENT + timedelta(microseconds=1)]):
            Schedule.objects.create(name=number, rule="r", next_fire_at=moment)
        assert Schedule.objects.filter(next_fire_at__lte=MOMENT).count() == 1
        assert Schedule.objects.filter(next_fire_at__gt=MOMENT).count() == 1


@pytest.mark.parametrize("form", ["json", "xml"])
def test_tasks_survive_dumpdata_and_loaddata(rows, form):
    result = tasks.add.enqueue("a\ud800b", b={"c": [1, None]})
    moment = MOMENT.replace(microsecond=123000)  # Django's serializers keep milliseconds
    StoredTask.objects.update(due_at=moment, enqueued_at=moment)
    before = StoredTask.objects.values().get(pk=result.id)
    dumped = serializers.serialize(form, StoredTask.objects.all())
    StoredTask.objects.all().delete()
    for loaded in serializers.deserialize(form, dumped):
        loaded.save()
    assert StoredTask.objects.values().get(pk=result.id) == before


class TestJSON:
    def test_is_ascii(self):
        assert to_json({"ключ": "🐍\0"}).isascii()

    @pytest.mark.parametrize("value", [float("nan"), {1, 2}, "x" * (LARGEST_JSON - 1)])
    def test_what_has_no_form_is_refused(self, value):
        with pytest.raises(UnstorableValue):
            to_json(value)

    def test_the_largest_value_is_kept(self):
        assert len(to_json("x" * (LARGEST_JSON - 2))) == LARGEST_JSON
