from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from django_tasks_oneshot.db.clock import DatabaseNow, database_now
from django_tasks_oneshot.models import Schedule

AN_HOUR = timedelta(hours=1)


def test_agrees_with_the_clock_of_this_host_which_is_the_servers_too(db):
    assert abs(database_now("default") - timezone.now()) < timedelta(minutes=1)


def test_adds_what_it_is_told_to(rows):
    Schedule.objects.create(name="x", rule="r", next_fire_at=DatabaseNow(AN_HOUR))
    later = Schedule.objects.get().next_fire_at
    assert timedelta(minutes=59) < later - timezone.now() < timedelta(minutes=61)
    assert Schedule.objects.filter(next_fire_at__gt=DatabaseNow()).exists()
    assert not Schedule.objects.filter(next_fire_at__gt=DatabaseNow(AN_HOUR * 2)).exists()


def test_does_not_depend_on_the_time_zone_of_the_session(db):
    statement = {
        "postgresql": "SET LOCAL TIME ZONE 'Asia/Kathmandu'",
        "mysql": "SET time_zone = '+05:45'",
        "sqlite": "SELECT 1",
    }[connection.vendor]
    before = database_now("default")
    with connection.cursor() as cursor:
        cursor.execute(statement)
    try:
        assert timedelta(0) <= database_now("default") - before < timedelta(minutes=1)
    finally:
        connection.close()
