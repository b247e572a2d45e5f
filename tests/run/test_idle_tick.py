"""What a run costs that finds nothing due, however many schedules there are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_tasks_oneshot import Cron, Every
from django_tasks_oneshot.models import Schedule
from django_tasks_oneshot.run.tick import Ticker
from tests.project.shop import tasks

from .every_day import DAY

OF_OPERATORS, OF_CODE = 9_900, 100
INDEX = "oneshot_schedule_due"


def hourly():
    pass


@pytest.fixture
def many(schedule):
    """10,000 schedules, none of which is due, in a table that is in line with the release."""
    later = timezone.now() + DAY
    Schedule.objects.bulk_create(
        [
            Schedule(
                name=f"by an operator {number}",
                source=Schedule.Source.ADMIN,
                definition={"task": tasks.noop.module_path, "cron": "0 7 * * *"},
                rule="0 7 * * * (UTC)",
                next_fire_at=later + timedelta(seconds=number),
                due_at=later + timedelta(seconds=number),
            )
            for number in range(OF_OPERATORS)
        ],
        batch_size=500,
    )
    rules = [Cron("0 0 1 1 *", name=f"cron {number}") for number in range(OF_CODE // 2)]
    rules += [Every(days=365, name=f"every {number}") for number in range(OF_CODE // 2)]
    schedule(rules, hourly)
    Ticker().tick()
    assert Schedule.objects.count() == OF_OPERATORS + OF_CODE


@pytest.fixture
def plan_of():
    """How the database answers a query, in its own words."""

    def plan_of(query):
        prefix = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("ANALYZE")  # which autovacuum does in time
            cursor.execute(f"{prefix} {query}")
            return [dict(zip([each[0] for each in cursor.description], row, strict=True)) for row in cursor.fetchall()]

    return plan_of


def test_it_is_one_query_and_evaluates_no_rule(many, django_assert_num_queries, monkeypatch):
    for rule in (Cron, Every):
        for method in ("next_after", "last_before", "fire_times"):
            monkeypatch.setattr(rule, method, lambda *args: pytest.fail("a rule was evaluated"))
    with django_assert_num_queries(1):
        assert Ticker().tick() == 0


def test_the_query_goes_by_the_index(many, plan_of):
    with CaptureQueriesContext(connection) as queries:
        Ticker().tick()
    plan = plan_of(queries[0]["sql"])
    table = Schedule._meta.db_table
    if connection.vendor == "sqlite":
        assert any("SEARCH" in each["detail"] and f"INDEX {INDEX}" in each["detail"] for each in plan), plan
        assert not any(each["detail"].startswith("SCAN") for each in plan), plan
    elif connection.vendor == "postgresql":
        lines = [each["QUERY PLAN"] for each in plan]
        assert any("Index" in each and INDEX in each for each in lines), lines
        assert not any(f"Seq Scan on {table}" in each for each in lines), lines
    else:
        (step,) = [each for each in plan if each["table"] == table]
        assert (step["key"], step["type"]) == (INDEX, "range"), step


def test_a_project_without_schedules_asks_once(no_schedules, rows, django_assert_num_queries):
    Ticker().tick()
    with django_assert_num_queries(1):
        assert Ticker().tick() == 0


def test_one_that_nobody_has_any_more_costs_nothing_when_it_is_stopped(schedule, overdue, django_assert_num_queries):
    schedule(Every(days=1), hourly)
    Ticker().tick()
    overdue(DAY)
    schedule(Every(days=1), tasks.noop.func)
    for _ in range(3):
        Ticker().tick()
    with django_assert_num_queries(1):
        assert Ticker().tick() == 0
