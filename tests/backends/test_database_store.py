from __future__ import annotations

import re
import sys
import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from django_tasks_oneshot.backends.base import Claimant
from django_tasks_oneshot.backends.database_store import due_in
from django_tasks_oneshot.compat import task_backends
from django_tasks_oneshot.models import Attempt, StoredTask
from tests.project.shop import tasks

from .store_contract import SUCCESS, StoreContract, retry


class TestDatabaseStore(StoreContract):
    @pytest.fixture
    def backend(self, rows):
        return task_backends["default"]

    @pytest.fixture
    def let_lease_end(self, rows):
        def let_lease_end(task_id):
            assert rows.filter(pk=task_id).update(due_at=timezone.now() - timedelta(seconds=1)) == 1

        return let_lease_end

    def test_a_backends_tasks_are_not_claimed_by_another(self, store):
        tasks.noop.using(backend="any_queue", queue_name="odd/queue name").enqueue()
        assert list(store.claim(10)) == []
        (claim,) = task_backends["any_queue"].open_store(Claimant(worker_id="third")).claim(10)
        assert claim.result.task.queue_name == "odd/queue name"

    def test_every_attempt_is_a_row(self, store, other, let_lease_end):
        result = tasks.noop.enqueue()
        store.record(store.claim(1)[0], retry(0), start=None)
        store.claim(1)
        let_lease_end(result.id)
        other.record(other.claim(1)[0], SUCCESS, start=None)
        failed, interrupted, succeeded = Attempt.objects.order_by("number")
        assert [attempt.number for attempt in (failed, interrupted, succeeded)] == [1, 2, 3]
        assert (failed.outcome, failed.worker_id) == ("FAILED", "first")
        assert failed.retry_at is not None
        assert (interrupted.outcome, interrupted.worker_id) == ("INTERRUPTED", "first")
        assert interrupted.started_at <= interrupted.finished_at
        assert (succeeded.outcome, succeeded.worker_id, succeeded.traceback) == ("SUCCEEDED", "second", "")
        assert succeeded.retry_at is None

    @pytest.mark.parametrize(("lease", "longest"), [(300, 10), (2, 2)])
    def test_a_hold_is_for_seconds_and_no_longer_than_the_lease(self, backend, rows, lease, longest):
        store = backend.open_store(Claimant(worker_id="holds", lease=lambda: timedelta(seconds=lease)))
        for _ in range(2):
            tasks.noop.enqueue()
        _, held = store.claim(2)
        assert rows.get(pk=held.id).due_at - timezone.now() <= timedelta(seconds=longest)

    def test_a_finished_task_is_in_no_lane(self, store):
        result = tasks.noop.enqueue()
        store.record(store.claim(1)[0], SUCCESS, start=None)
        row = StoredTask.objects.get(pk=result.id)
        assert (row.lane, row.due_at, row.token) == (None, None, None)

    def test_claiming_and_starting_import_nothing_of_the_project(self, store, rows, monkeypatch):
        """An import that kills the process is charged to the task that began, and locks nothing."""
        monkeypatch.delitem(sys.modules, "tests.project.shop.imported_late", raising=False)
        for _ in range(2):
            tasks.noop.enqueue()
        rows.update(task_path="tests.project.shop.imported_late.late")
        first, second = store.claim(2)
        store.record(first, SUCCESS, start=second)
        assert first.path == "tests.project.shop.imported_late.late"
        assert "tests.project.shop.imported_late" not in sys.modules

    def test_an_idle_claim_is_one_query(self, store, django_assert_num_queries):
        store.record(*self.finished(store), start=None)
        tasks.noop.using(run_after=timezone.now() + timedelta(hours=1)).enqueue()
        with django_assert_num_queries(1):
            store.claim(10)

    def finished(self, store):
        tasks.noop.enqueue()
        return store.claim(1)[0], SUCCESS

    def test_claims_at_the_same_moment_share_no_task(self, backend, in_threads):
        ids = {tasks.noop.enqueue().id for _ in range(60)}
        claimed = []

        def claim():
            store = backend.open_store(Claimant(worker_id=uuid.uuid4().hex))
            while claims := store.claim(3):
                claimed.extend(each.id for each in claims)

        in_threads(6, claim)
        assert sorted(claimed) == sorted(ids)

    def test_a_retry_is_due_by_the_clock_of_the_database(self, store, monkeypatch):
        result = tasks.noop.enqueue()
        (claim,) = store.claim(1)
        monkeypatch.setattr(timezone, "now", lambda: NOW_IN_TEN_YEARS)
        store.record(claim, retry(3600), start=None)
        monkeypatch.undo()
        due_at = StoredTask.objects.get(pk=result.id).due_at
        assert timedelta(minutes=59) < due_at - timezone.now() < timedelta(minutes=61)

    def test_neither_what_is_finished_nor_what_is_far_off_is_read_for_a_claim(self, store, rows):
        far_off = tasks.noop.using(run_after=timezone.now() + timedelta(days=9)).enqueue()
        waiting = values(StoredTask.objects.get(pk=far_off.id))
        finished = {**waiting, "lane": None, "due_at": None, "status": "SUCCESSFUL"}
        rows.bulk_create(StoredTask(**{**each, "id": uuid.uuid4()}) for each in [waiting, finished] * 2000)
        due = tasks.noop.enqueue()
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE TABLE {StoredTask._meta.db_table}" if IS_MYSQL else "ANALYZE")
        with transaction.atomic():
            assert rows_read(store._lock(due_in(store._due_lanes()[0], store.rows))[:10]) <= 10
        assert [claim.id for claim in store.claim(10)] == [due.id]


def rows_read(queryset):
    """How many rows the database looks at for this query, by its own account."""
    sql, params = queryset.query.get_compiler(queryset.db).as_sql()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            (step,) = [row[-1] for row in cursor.fetchall()]
            # In the order of the index and bounded on both of its columns: what it reads is what it returns.
            assert "USING INDEX oneshot_task_claim (lane=? AND due_at<?)" in step
            return 0
        cursor.execute(f"{'ANALYZE FORMAT=JSON' if IS_MYSQL else 'EXPLAIN (ANALYZE, FORMAT JSON)'} {sql}", params)
        plan = str(cursor.fetchone()[0])
        return max(
            float(number)
            for number in re.findall(r"""(?:r_rows|Actual Rows|Removed by Filter)["'] ?: ?([0-9.]+)""", plan)
        )


IS_MYSQL = connection.vendor == "mysql"
NOW_IN_TEN_YEARS = timezone.now() + timedelta(days=3650)


def values(row):
    return {field.attname: getattr(row, field.attname) for field in StoredTask._meta.concrete_fields}
