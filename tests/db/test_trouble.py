from __future__ import annotations

import math

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    connections,
    transaction,
)

from django_tasks_oneshot.db.trouble import insist

LOST = OperationalError("server closed the connection unexpectedly\n\tThis probably means trouble.\n")


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now = 1000.0
        self.naps = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.naps.append(seconds)
        self.now += seconds


class Failing:
    """Raises ``error`` the first ``times`` it is called; each call takes ``seconds``."""

    def __init__(self, clock, error=LOST, times=10_000, seconds=0.0):
        self.clock = clock
        self.error = error
        self.times = times
        self.seconds = seconds
        self.calls = 0

    def __call__(self):
        self.calls += 1
        self.clock.now += self.seconds
        if self.calls <= self.times:
            raise self.error
        return f"answer {self.calls}"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def insisting(clock):
    def insisting(function, patience=10.0, remaining=lambda: math.inf):
        return insist("default", function, patience, remaining, clock=clock, sleep=clock.sleep)

    return insisting


def test_what_succeeds_is_called_once(clock, insisting):
    function = Failing(clock, times=0)
    assert insisting(function) == "answer 1"
    assert (function.calls, clock.naps) == (1, [])


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("the database system is shutting down"),
        OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction"),
        OperationalError("database is locked"),
        InterfaceError("connection already closed"),
        InternalError("cannot execute UPDATE in a read-only transaction"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again_at_once(clock, insisting, error):
    function = Failing(clock, error, times=1)
    assert insisting(function) == "answer 2"
    assert clock.naps == [0]


def test_it_goes_on_until_patience_is_over_and_raises_the_last_error(clock, insisting):
    function = Failing(clock)
    with pytest.raises(OperationalError) as raised:
        insisting(function, patience=5.0)
    assert raised.value is LOST
    assert sum(clock.naps) == pytest.approx(5.8)  # the last try is the first one after 5 seconds
    assert function.calls == len(clock.naps) + 1


def test_what_succeeds_in_the_last_moment_is_returned(clock, insisting):
    assert insisting(Failing(clock, times=8), patience=5.0) == "answer 9"


def test_pauses_grow_to_a_second_and_no_further(clock, insisting):
    insisting(Failing(clock, times=8), patience=60.0)
    assert clock.naps == [0, 0.1, 0.2, 0.5, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("patience", [0.0, -3.0])
def test_it_is_tried_twice_without_any_patience(clock, insisting, patience):
    function = Failing(clock)
    with pytest.raises(OperationalError):
        insisting(function, patience)
    assert function.calls == 2


def test_it_is_tried_twice_although_the_first_try_took_longer_than_patience(clock, insisting):
    """As with SQLite, where one that waits for a lock takes its busy timeout."""
    function = Failing(clock, times=1, seconds=30.0)
    assert insisting(function, patience=10.0) == "answer 2"


def test_it_is_given_up_when_it_makes_no_more_sense(clock, insisting):
    """A claim after a signal."""
    function = Failing(clock)
    with pytest.raises(OperationalError):
        insisting(function, patience=300.0, remaining=lambda: math.inf if function.calls < 10 else 0.0)
    assert function.calls == 10


def test_it_goes_on_until_the_moment_when_it_makes_no_more_sense(clock, insisting):
    ends_at = clock.now + 30
    with pytest.raises(OperationalError):
        insisting(Failing(clock), patience=300.0, remaining=lambda: ends_at - clock.now)
    assert 30 <= clock.now - 1000 <= 31


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("no such table: django_tasks_oneshot_storedtask"),
        OperationalError(1054, "Unknown column 'token' in 'where clause'"),
        OperationalError(1366, "Incorrect string value: '\\xF0\\x9F' for column 'traceback'"),
        IntegrityError("UNIQUE constraint failed"),
        DatabaseError("some other"),
        ValueError("not the database's"),
    ],
    ids=str,
)
def test_what_another_try_would_not_change_is_raised_at_once(clock, insisting, error):
    function = Failing(clock, error)
    with pytest.raises(type(error)) as raised:
        insisting(function)
    assert raised.value is error
    assert (function.calls, clock.naps) == (1, [])


def test_a_lasting_error_after_a_passing_one_is_raised_at_once(clock, insisting):
    errors = [LOST, IntegrityError("duplicate key")]

    def function():
        raise errors.pop(0)

    with pytest.raises(IntegrityError):
        insisting(function)


def test_a_passing_error_is_raised_at_once_inside_a_transaction_of_somebody_else(rows, clock, insisting):
    function = Failing(clock)
    with pytest.raises(OperationalError), transaction.atomic():
        insisting(function)
    assert function.calls == 1


def test_its_own_transaction_is_none_of_somebody_else(rows, clock, insisting):
    failing = Failing(clock, times=2)

    def function():
        with transaction.atomic():
            return failing()

    assert insisting(function) == "answer 3"


def test_each_try_has_a_new_connection(rows, insisting):
    sessions = []  # they are kept, so that each is another object

    def function():
        connection.ensure_connection()
        sessions.append(connection.connection)
        if len(sessions) < 4:
            raise LOST

    insisting(function)
    assert len(set(map(id, sessions))) == 4


def test_a_connection_that_cannot_be_closed_is_no_obstacle(rows, clock, insisting, monkeypatch):
    def close():
        raise InterfaceError("connection already closed")

    function = Failing(clock, times=3)
    with monkeypatch.context() as patch:
        patch.setattr(connections["default"], "close", close)
        assert insisting(function) == "answer 4"


def test_trouble_that_lasts_is_told_once_in_one_line_with_what_the_database_says(clock, insisting, caplog):
    insisting(Failing(clock, times=8), patience=60.0)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "The database fails (server closed the connection unexpectedly This probably means trouble.);"
        " it is tried again for 60 s."
    )


def test_a_connection_that_was_dropped_while_idle_is_no_news(clock, insisting, caplog):
    insisting(Failing(clock, times=1))
    assert caplog.records == []
