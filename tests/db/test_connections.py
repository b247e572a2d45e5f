from __future__ import annotations

import pytest
from django.db import connection, connections

from django_tasks_oneshot.db.connections import RunConnections
from tests.project.shop import tasks
from tests.project.shop.models import Execution


def session(conn=connection):
    conn.ensure_connection()
    return conn.connection


class TestOutsideATransaction:
    def test_the_run_and_its_tasks_have_a_connection_each(self, rows):
        with RunConnections({"default"}) as run:
            own = session()
            with run.for_task():
                assert session() is not own
            assert session() is own

    def test_the_connection_of_before_is_back_after(self, rows):
        before = connections["default"]
        with RunConnections({"default"}):
            assert connections["default"] is not before
        assert connections["default"] is before

    def test_the_runs_connection_is_closed_after(self, rows):
        with RunConnections({"default"}):
            own = connections["default"]
            session(own)
        assert own.connection is None

    def test_settings_that_are_wrong_for_claiming_are_not_taken_over(self, rows, monkeypatch):
        options = {
            "sqlite": (
                {"transaction_mode": "EXCLUSIVE", "timeout": 1},
                {"transaction_mode": "IMMEDIATE", "timeout": 30},
            ),
            "postgresql": ({"isolation_level": 3}, {}),
            "mysql": ({"isolation_level": "serializable"}, {"isolation_level": "read committed"}),
        }
        before, expected = options[connection.vendor]
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", before)
        monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)
        with RunConnections({"default"}):
            assert connection.settings_dict["OPTIONS"] == expected
            assert connection.settings_dict["AUTOCOMMIT"] is True
        assert connection.settings_dict["OPTIONS"] is before

    def test_tasks_get_a_new_connection_after_a_pause(self, rows):
        with RunConnections({"default"}) as run:
            with run.for_task():
                first = session()
            run.close_idle()
            with run.for_task():
                assert session() is not first

    def test_tasks_get_a_new_connection_where_the_run_had_to_connect_again(self, rows):
        """A server that was restarted has ended theirs too, which no driver notices before it is used."""
        with RunConnections({"default"}) as run:
            session()
            with run.for_task():
                first = session()
            with run.for_task():
                assert session() is first
            connection.close()
            session()
            with run.for_task():
                second = session()
            with run.for_task():
                assert session() is second
        assert second is not first

    @pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no server that ends connections")
    def test_a_tasks_connection_is_checked_once_where_the_project_wants_health_checks(self, rows, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", True)
        with RunConnections({"default"}) as run:
            session()
            with run.for_task():
                first = session()
            tasks.LEAVES["broken connections of others"]()
            with run.for_task():
                Execution.objects.create(note="on a new connection", process=0)
                assert connection.connection is not first

    def test_an_error_in_a_task_still_brings_the_runs_connection_back(self, rows):
        with RunConnections({"default"}) as run:
            own = connections["default"]
            with pytest.raises(SystemExit), run.for_task():
                raise SystemExit
            assert connections["default"] is own


class TestInsideATransaction:
    def test_both_share_the_one_that_there_is(self, db):
        before = session()
        with RunConnections({"default"}) as run:
            assert run.shared == {"default"}
            assert session() is before
            with run.for_task():
                assert session() is before
        assert connection.in_atomic_block
