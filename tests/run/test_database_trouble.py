"""What becomes of a run and its tasks when the database fails in the middle of it: real errors of real servers."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections
from django.utils import timezone

from django_tasks_oneshot.backends import database_store
from django_tasks_oneshot.compat import TaskResultStatus
from django_tasks_oneshot.db.trouble import PATIENCE, insist
from django_tasks_oneshot.models import Attempt, StoredTask
from tests.conftest import MANAGE
from tests.project.shop import tasks
from tests.project.shop.models import Execution
from tests.servers import DATABASES, RESTARTABLE

TRIED_AGAIN = "it is tried again"
ENDED_EARLY = "The run ended early, the database failed: "

on_servers = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no server")
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite can be told so")


@pytest.fixture(scope="module")
def own_server():
    with RESTARTABLE[connection.vendor]() as server:
        environment = {**os.environ, **server.environment, "ONESHOT_DATABASE": DATABASES[0]}
        subprocess.run([sys.executable, MANAGE, "migrate", "-v0"], env=environment, check=True)
        yield server


class ServerAtHand:
    """A server to stop and start, and the test's own connection to it."""

    def __init__(self, server, eventually):
        self.server = server
        self.eventually = eventually

    def down(self, how="stop"):
        connection.close()
        getattr(self.server, how)()

    def up(self):
        self.server.start()
        self.eventually(self.answers)

    def answers(self):
        try:
            connection.ensure_connection()
        except DatabaseError:
            return False
        return True


@pytest.fixture
def server(rows, own_server, eventually):
    """An empty server of this module's own: to it, all in a test is connected."""
    port = own_server.environment["ONESHOT_PORT"]
    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONESHOT_PORT", port)
        patch.setitem(connection.settings_dict, "PORT", port)
        patch.setitem(connection.settings_dict, "NAME", DATABASES[0])
        server = ServerAtHand(own_server, eventually)
        server.up()
        for model in (Attempt, StoredTask, Execution):
            model.objects.all().delete()
        yield server
        connection.close()


@pytest.fixture
def gate(tmp_path):
    """The file that lets tasks.write_down_and_wait() end."""
    return tmp_path / "gate"


def says(process, text):
    """Waits until the process says it; what it said until then is dropped."""
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"it ended without saying: {text}")


def end_of(process):
    stderr = process.stderr.read()
    return subprocess.CompletedProcess(process.args, process.wait(), process.stdout.read(), stderr)


def report_of(process):
    done = end_of(process)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def how_it_went(result):
    """Its status, its attempts, and how often it was really executed."""
    result.refresh()
    return result.status, result.attempts, Execution.objects.count()


SUCCEEDED_AT_ONCE = (TaskResultStatus.SUCCESSFUL, 1, 1)
SUCCEEDED_IN_THE_SECOND_ATTEMPT = (TaskResultStatus.SUCCESSFUL, 2, 2)


@on_servers
class TestServerGoesAway:
    @pytest.mark.parametrize("how", ["stop", "crash"])
    def test_while_a_task_runs_and_its_outcome_is_written_when_the_server_is_back(
        self, manage, server, gate, eventually, how
    ):
        result = tasks.write_down_and_wait.enqueue(str(gate))
        run = manage.start("run_due_tasks", "--format", "json")
        eventually(Execution.objects.exists)
        server.down(how)
        gate.touch()
        says(run, TRIED_AGAIN)
        server.up()
        assert report_of(run)["succeeded"] == 1
        assert how_it_went(result) == SUCCEEDED_AT_ONCE

    def test_and_comes_back_while_a_task_runs_and_the_next_one_can_use_the_database(
        self, manage, server, gate, eventually
    ):
        tasks.write_down.enqueue("before")  # so that the next claim has two
        first, second = tasks.write_down_and_wait.enqueue(str(gate)), tasks.write_down.enqueue("after")
        run = manage.start("run_due_tasks", "--format", "json")
        eventually(lambda: Execution.objects.count() == 2)
        server.down()
        server.up()
        gate.touch()
        report = report_of(run)
        assert (report["succeeded"], report["failed"]) == (3, 0)
        assert how_it_went(first) == how_it_went(second) == (TaskResultStatus.SUCCESSFUL, 1, 3)

    def test_while_a_run_waits_and_it_waits_on(self, manage, server, eventually):
        tasks.write_down.enqueue("before")
        run = manage.start("run_due_tasks", "--wait", "--format", "json")
        eventually(lambda: StoredTask.objects.get().status == TaskResultStatus.SUCCESSFUL)
        server.down()
        says(run, TRIED_AGAIN)
        server.up()
        tasks.write_down.enqueue("after")
        eventually(lambda: Execution.objects.count() == 2)
        run.send_signal(signal.SIGTERM)
        report = report_of(run)
        assert (report["succeeded"], report["stopped_because"]) == (2, "signal")

    def test_for_longer_than_the_lease_and_the_run_says_so_and_the_next_one_has_the_task(
        self, manage, server, gate, eventually
    ):
        result = tasks.write_down_and_wait.enqueue(str(gate))
        run = manage.start("run_due_tasks", ONESHOT_LEASE="1")
        eventually(Execution.objects.exists)
        server.down()
        gate.touch()
        done = end_of(run)
        assert done.returncode == 1
        assert f"Task id={result.id} path=tests.project.shop.tasks.write_down_and_wait ended (Succeeded)" in done.stderr
        assert ENDED_EARLY in done.stderr
        assert "Traceback" not in done.stderr
        server.up()
        report = manage.run_due_tasks("--wait", "--max-tasks", "1")
        assert (report["succeeded"], report["interrupted"]) == (1, 1)
        assert how_it_went(result) == SUCCEEDED_IN_THE_SECOND_ATTEMPT

    def test_before_the_run_and_it_says_so(self, manage, server):
        result = tasks.write_down.enqueue("once")
        server.down()
        runs = [manage.start("run_due_tasks", *arguments, ONESHOT_LEASE="1") for arguments in ([], ["--dry-run"])]
        for done in map(end_of, runs):
            assert done.returncode == 1
            assert ENDED_EARLY in done.stderr
            assert "Traceback" not in done.stderr
        server.up()
        assert manage.run_due_tasks()["succeeded"] == 1
        assert how_it_went(result) == SUCCEEDED_AT_ONCE

    def test_and_a_signal_ends_a_run_that_tries_to_write_an_outcome(self, manage, server, gate, eventually):
        """The lease would have it try for five minutes; hosts kill what is there some seconds after SIGTERM."""
        result = tasks.write_down_and_wait.enqueue(str(gate))
        run = manage.start("run_due_tasks", "--grace-seconds", "0")
        eventually(Execution.objects.exists)
        server.down()
        gate.touch()
        says(run, TRIED_AGAIN)
        run.send_signal(signal.SIGTERM)
        run.wait(timeout=60)
        server.up()
        assert StoredTask.objects.get().status == TaskResultStatus.RUNNING
        StoredTask.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        assert manage.run_due_tasks()["interrupted"] == 1
        assert how_it_went(result) == SUCCEEDED_IN_THE_SECOND_ATTEMPT


@on_servers
def test_no_task_is_lost_where_connections_break_again_and_again(manage, rows):
    """A note may be there twice: a task whose connection breaks with its COMMIT fails, whether that was made or not.

    The outcome is not: a run finds out whether its own COMMIT was made. But where that was one of a claim, the
    task waits until its lease ends.
    """
    results = [tasks.write_down_stubbornly.enqueue(str(number)) for number in range(200)]
    broken = 0
    while rows.exclude(status=TaskResultStatus.SUCCESSFUL).exists():
        run = manage.start("run_due_tasks", "--format", "json", ONESHOT_LEASE="2")
        while run.poll() is None:
            time.sleep(random.uniform(0, 0.1))
            if Execution.objects.exists():  # it has begun
                broken += break_connections_of_others()
        assert report_of(run)["failed"] == 0
    assert broken > 0
    assert {int(each.note) for each in Execution.objects.all()} == set(range(200))
    for result in results:
        result.refresh()
        assert result.status == TaskResultStatus.SUCCESSFUL


def break_connections_of_others():
    """Returns how many there were."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            return cursor.fetchone()[0]
        cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'oneshot' AND id <> CONNECTION_ID()")
        numbers = [number for (number,) in cursor.fetchall()]
        for number in numbers:
            with suppress(DatabaseError):  # it went by itself
                cursor.execute(f"KILL {number}")
        return len(numbers)


@pytest.fixture
def trouble(eventually, caplog):
    """Begins trouble from another connection, and ends it when a run in this process has noticed, or with the test."""
    threads = []
    begun, over = threading.Event(), threading.Event()

    def live(begin, end, after, then):
        eventually(lambda: after() or over.is_set())
        somebody_else = connections.create_connection("default")
        try:
            with somebody_else.cursor() as cursor:
                execute(cursor, begin)
                then()
                begun.set()
                eventually(lambda: TRIED_AGAIN in caplog.text or over.is_set())
                execute(cursor, end)
        finally:
            somebody_else.close()
            connections.close_all()

    def trouble(begin, end, after=lambda: True, then=lambda: None):
        threads.append(threading.Thread(target=live, args=(begin, end, after, then)))
        threads[-1].start()
        return begun

    yield trouble
    over.set()
    for thread in threads:
        thread.join()


def execute(cursor, statements):
    for statement in statements:
        cursor.execute(statement)


TASKS, ATTEMPTS = StoredTask._meta.db_table, Attempt._meta.db_table
LOCKS = {
    "sqlite": (["BEGIN EXCLUSIVE"], ["ROLLBACK"]),
    "postgresql": (["BEGIN", f"LOCK TABLE {TASKS} IN ACCESS EXCLUSIVE MODE"], ["ROLLBACK"]),
    "mysql": ([f"LOCK TABLES {TASKS} WRITE"], ["UNLOCK TABLES"]),
}
IMPATIENT = {
    "sqlite": {"init_command": "PRAGMA journal_mode=WAL; PRAGMA busy_timeout=50"},
    "postgresql": {"options": "-c lock_timeout=50"},
    "mysql": {"init_command": "SET lock_wait_timeout = 1, innodb_lock_wait_timeout = 1"},
}
READ_ONLY = {
    "postgresql": (
        ["ALTER DATABASE {name} SET default_transaction_read_only = on"],
        ["ALTER DATABASE {name} RESET default_transaction_read_only"],
    ),
    "mysql": (["SET GLOBAL tx_read_only = 1"], ["SET GLOBAL tx_read_only = 0"]),
}


@pytest.mark.usefixtures("no_schedules")
class TestLocks:
    """The database gives up waiting for a lock that somebody else holds."""

    @pytest.fixture(autouse=True)
    def impatient(self, rows, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", IMPATIENT[connection.vendor])

    def test_while_a_run_claims(self, run, trouble):
        result = tasks.write_down.enqueue("once")
        assert trouble(*LOCKS[connection.vendor]).wait(30)
        assert run().succeeded == 1
        assert how_it_went(result) == SUCCEEDED_AT_ONCE

    def test_while_a_run_writes_an_outcome(self, run, trouble, gate):
        result = tasks.write_down_and_wait.enqueue(str(gate))
        trouble(*LOCKS[connection.vendor], after=Execution.objects.exists, then=gate.touch)
        assert run().succeeded == 1
        assert how_it_went(result) == SUCCEEDED_AT_ONCE


@on_servers
@pytest.mark.usefixtures("no_schedules")
def test_a_run_outlasts_a_database_that_is_read_only_for_a_while(run, trouble):
    """As where a replica was promoted, and is not the primary yet."""
    result = tasks.write_down.enqueue("once")
    begin, end = (
        [text.format(name=connection.settings_dict["NAME"]) for text in each] for each in READ_ONLY[connection.vendor]
    )
    assert trouble(begin, end).wait(30)
    assert run().succeeded == 1
    assert how_it_went(result) == SUCCEEDED_AT_ONCE


ERRORS = {
    "sqlite": [],
    "postgresql": [
        ("40P01", "deadlock detected"),
        ("40001", "could not serialize access due to concurrent update"),
        ("55P03", "canceling statement due to lock timeout"),
        ("25006", "cannot execute UPDATE in a read-only transaction"),
        ("53100", "could not extend file: No space left on device"),
        ("57P01", "terminating connection due to administrator command"),
    ],
    "mysql": [
        (1213, "Deadlock found when trying to get lock"),
        (1205, "Lock wait timeout exceeded"),
        (1290, "The MariaDB server is running with the --read-only option"),
        (1792, "Cannot execute statement in a READ ONLY transaction"),
        (1021, "Disk full"),
        (1114, "The table is full"),
    ],
}[connection.vendor]
ON_OUTCOME = f"INSERT ON {ATTEMPTS}"
ON_CLAIM = f"UPDATE ON {TASKS}"
FAILING = {
    "postgresql": (
        """
        CREATE SEQUENCE failures;
        CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('failures') <= {times} THEN RAISE EXCEPTION '{message}' USING ERRCODE = '{code}'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER failing BEFORE {event} FOR EACH ROW EXECUTE FUNCTION fail();
        """,
        "DROP FUNCTION IF EXISTS fail CASCADE; DROP SEQUENCE IF EXISTS failures;",
    ),
    # MyISAM: its tables have no transactions, so that a failure stays counted.
    "mysql": (
        """
        CREATE TABLE failures (number INT AUTO_INCREMENT PRIMARY KEY) ENGINE = MyISAM;
        CREATE TRIGGER failing BEFORE {event} FOR EACH ROW BEGIN
            INSERT INTO failures VALUES ();
            IF (SELECT COUNT(*) FROM failures) <= {times} THEN
                SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = '{message}';
            END IF;
        END;
        """,
        "DROP TRIGGER IF EXISTS failing; DROP TABLE IF EXISTS failures;",
    ),
}


@pytest.fixture
def time_flies(monkeypatch):
    """The store's pauses take no time; how much of it has passed."""

    class Time:
        passed = timedelta(0)

        def sleep(self, seconds):
            self.passed += timedelta(seconds=seconds)

    time = Time()
    in_no_time = partial(insist, clock=lambda: time.passed.total_seconds(), sleep=time.sleep)
    monkeypatch.setattr(database_store, "insist", in_no_time)
    return time


@on_servers
@pytest.mark.usefixtures("no_schedules")
class TestErrors:
    """As the server reports them, from a trigger."""

    @pytest.fixture
    def failing(self, rows):
        create, drop = FAILING[connection.vendor]

        def failing(event, error, times):
            code, message = error
            with connection.cursor() as cursor:
                cursor.execute(create.format(event=event, code=code, message=message, times=times))

        def repair():
            with connection.cursor() as cursor:
                cursor.execute(drop)

        failing.repair = repair
        yield failing
        repair()

    @pytest.mark.parametrize("error", ERRORS, ids=str)
    def test_an_outcome_is_written_in_a_later_try(self, run, failing, error):
        result = tasks.write_down.enqueue("once")
        failing(ON_OUTCOME, error, times=3)
        assert run().succeeded == 1
        assert how_it_went(result) == SUCCEEDED_AT_ONCE

    def test_a_task_is_claimed_in_a_later_try(self, run, failing):
        result = tasks.write_down.enqueue("once")
        failing(ON_CLAIM, ERRORS[0], times=3)
        assert run().succeeded == 1
        assert how_it_went(result) == SUCCEEDED_AT_ONCE

    def test_an_outcome_is_tried_for_longer_than_a_claim(self, backend, run, failing, time_flies):
        result = tasks.write_down.enqueue("once")
        failing(ON_OUTCOME, ERRORS[0], times=60)
        assert run().succeeded == 1
        assert how_it_went(result) == SUCCEEDED_AT_ONCE
        assert timedelta(seconds=PATIENCE) < time_flies.passed < backend.lease

    def test_a_claim_is_given_up_after_seconds(self, run, failing, time_flies):
        result = tasks.write_down.enqueue("once")
        failing(ON_CLAIM, ERRORS[0], times=60)
        with pytest.raises(CommandError, match=f"{ENDED_EARLY}.*{ERRORS[0][1]}"):
            call_command("run_due_tasks")
        failing.repair()
        assert run().succeeded == 1
        assert how_it_went(result) == SUCCEEDED_AT_ONCE

    def test_one_that_lasts_ends_the_run_with_what_the_database_says(self, backend, run, failing, monkeypatch):
        monkeypatch.setattr(backend, "lease", timedelta(seconds=1))
        result = tasks.write_down.enqueue("twice")
        failing(ON_OUTCOME, ERRORS[0], times=1_000_000)
        with pytest.raises(CommandError, match=f"{ENDED_EARLY}.*{ERRORS[0][1]}") as ended:
            call_command("run_due_tasks")
        assert ended.value.returncode == 1
        failing.repair()
        assert run(wait=True, max_tasks=1).interrupted == 1
        assert how_it_went(result) == SUCCEEDED_IN_THE_SECOND_ATTEMPT


@on_sqlite
@pytest.mark.usefixtures("no_schedules")
class TestFile:
    """SQLite's own trouble."""

    def test_an_outcome_is_written_when_a_full_disk_has_room_again(self, run, trouble, monkeypatch):
        with connection.cursor() as cursor:
            execute(cursor, ["CREATE TABLE ballast (data)", "INSERT INTO ballast VALUES (zeroblob(1000000))", "VACUUM"])
            cursor.execute("PRAGMA page_count")
            pages = cursor.fetchone()[0]
        full = f"PRAGMA journal_mode=WAL; PRAGMA max_page_count={pages + 10}"
        result = tasks.add.enqueue("x" * 50_000, "y" * 50_000)
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"init_command": full})
        trouble([], ["DROP TABLE ballast"])
        assert run().succeeded == 1
        result.refresh()
        assert len(result.return_value) == 100_000
        assert result.attempts == 1

    @pytest.mark.usefixtures("time_flies")
    def test_a_read_only_database_ends_the_run_with_what_it_says(self, run, monkeypatch):
        result = tasks.write_down.enqueue("once")
        with monkeypatch.context() as patch:
            read_only = {"init_command": "PRAGMA journal_mode=WAL; PRAGMA query_only=1"}
            patch.setitem(connection.settings_dict, "OPTIONS", read_only)
            with pytest.raises(CommandError, match=f"{ENDED_EARLY}attempt to write a readonly database"):
                call_command("run_due_tasks")
        assert run().succeeded == 1
        assert how_it_went(result) == SUCCEEDED_AT_ONCE
