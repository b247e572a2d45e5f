"""Keeps a run's database connections out of its tasks' reach."""

from __future__ import annotations

import select
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

IDLE, ACTIVE = 0, 1  # PGTransactionStatusType of libpq
COPYING = (3, 4, 8)  # ExecStatusType of libpq: COPY_OUT, COPY_IN, COPY_BOTH
CANCEL_SECONDS = 1.0  # for a server to end a query


class RunConnections:
    """Two connections to each of the run's databases: the run's own, and the one that its tasks see.

    A task may close its connection, leave a transaction open or broken, or switch autocommit off; on the
    run's connection nothing of that can be. Where ``connections[alias]`` is inside a transaction when the
    run begins (a TestCase), or in memory, there can be no second connection, and the run shares it.

    Connections belong to a thread: this works on those of the calling one. With ``keep``, which is for a process
    that has only one such at a time, the run's own are kept for the next as long as CONN_MAX_AGE says.
    """

    _kept: ClassVar[dict[str, BaseDatabaseWrapper]] = {}

    def __init__(self, aliases: Collection[str], *, keep: bool = False) -> None:
        self.keep = keep
        in_use = {each.alias for each in connections.all(initialized_only=True)} | set(aliases)
        self.shared = {alias for alias in in_use if not _can_have_another(connections[alias])}
        self.private = set(aliases) - self.shared
        self._hidden: dict[str, Any] = {}
        self._sessions: dict[str, Any] = {}  # of the run's own connections, when a task was last called

    def __enter__(self) -> RunConnections:
        for alias in self.private:
            self._hidden[alias] = connections[alias]
            kept = self._kept.pop(alias, None) if self.keep else None
            connections[alias] = kept or _own_connection(alias)
            replace_stale(connections[alias])
        return self

    def __exit__(self, *exc_info: object) -> None:
        for alias in self.private:
            if self.keep and alias not in self._kept:
                self._kept[alias] = connections[alias]
                connections[alias].close_if_unusable_or_obsolete()
            else:
                connections[alias].close()
            connections[alias] = self._hidden.pop(alias)

    @contextmanager
    def for_task(self) -> Iterator[None]:
        """Inside, ``connections`` are the tasks' own; what they leave in disorder is thrown away after."""
        self._close_what_died()
        self._swap()
        for connection in self._not_shared():
            # CONN_HEALTH_CHECKS: once a task, as it is once a request.
            connection.health_check_done = False  # type: ignore[attr-defined]
        try:
            yield
        finally:
            for connection in self._not_shared():
                if not _is_clean(connection):
                    _discard(connection)
            self._swap()

    @contextmanager
    def for_run(self) -> Iterator[None]:
        """Inside of `for_task`: the run's own again."""
        tasks = {alias: connections[alias] for alias in self.private}
        try:
            for alias in self.private:
                connections[alias] = self._hidden[alias]
            yield
        finally:
            for alias, connection in tasks.items():
                connections[alias] = connection

    def close_idle(self) -> None:
        """Closes the tasks' connections before a pause: a server may drop them meanwhile."""
        for connection in self._hidden.values():
            connection.close()

    def _close_what_died(self) -> None:
        """Where the run had to connect again since the last task, the tasks' connection is dead too, unnoticed."""
        for alias in self.private:
            session = connections[alias].connection
            if self._sessions.setdefault(alias, session) is not session:
                self._sessions[alias] = session
                with suppress(DatabaseError, InterfaceError):
                    self._hidden[alias].close()

    def _not_shared(self) -> list[BaseDatabaseWrapper]:
        return [each for each in connections.all(initialized_only=True) if each.alias not in self.shared]

    def _swap(self) -> None:
        for alias in self.private:
            connections[alias], self._hidden[alias] = self._hidden[alias], connections[alias]


def replace_stale(connection: BaseDatabaseWrapper) -> None:
    """Closes a connection that its other side has dropped, or that is too old; the next query has a new one."""
    connection.close_if_unusable_or_obsolete()
    if connection.connection is not None and not connection.is_usable():
        connection.close()


def cancel_queries() -> None:
    """Ends on the server what this thread waits for there, so that the connection can be used again.

    Only psycopg can be interrupted while it waits, and leaves its query to go on without it. The other drivers
    come back when the query does.
    """
    for connection in connections.all(initialized_only=True):
        pgconn = getattr(connection.connection, "pgconn", None)
        if getattr(pgconn, "transaction_status", IDLE) == ACTIVE:
            with suppress(Exception):
                connection.connection.cancel()
                _take_in_results(pgconn)


def _take_in_results(pgconn: Any) -> None:
    """What a server sends after the cancellation of a query. psycopg does the same, after a KeyboardInterrupt."""
    until = time.monotonic() + CANCEL_SECONDS
    while pgconn.transaction_status == ACTIVE and (left := until - time.monotonic()) > 0:
        if pgconn.is_busy():
            select.select([pgconn.socket], [], [], left)
            pgconn.consume_input()
        elif (result := pgconn.get_result()) is None or result.status in COPYING:
            return  # what the task does on this connection then fails, as where the server does not answer


def _can_have_another(connection: BaseDatabaseWrapper) -> bool:
    in_memory = connection.vendor == "sqlite" and connection.is_in_memory_db()  # type: ignore[attr-defined]
    return not (connection.in_atomic_block or in_memory)


def _own_connection(alias: str) -> BaseDatabaseWrapper:
    """Settings of a project may be right for its requests and wrong for claiming; these are for claiming."""
    connection = connections.create_connection(alias)
    options = dict(connection.settings_dict["OPTIONS"])
    connection.settings_dict = {**connection.settings_dict, "AUTOCOMMIT": True, "OPTIONS": options}
    if connection.vendor == "sqlite":
        # A deferred transaction that reads before it writes fails at once when another has written.
        options["transaction_mode"] = "IMMEDIATE"
        options["timeout"] = max(options.get("timeout", 0), 30)
    elif connection.vendor == "postgresql":
        options.pop("isolation_level", None)  # READ COMMITTED: SKIP LOCKED has no meaning under a snapshot
        options.pop("pool", None)
        options.pop("server_side_binding", None)  # see _in_one_statement() in db.writes
    elif connection.vendor == "mysql":
        options["isolation_level"] = "read committed"  # no gap locks between claims and enqueues
    return connection


def _is_clean(connection: BaseDatabaseWrapper) -> bool:
    """Whether the next task can use it as if it were new."""
    if connection.in_atomic_block or connection.needs_rollback or connection.errors_occurred:
        return False
    if connection.connection is None:
        return True
    if connection.autocommit != connection.settings_dict["AUTOCOMMIT"]:
        return False
    try:
        # A "BEGIN" that was sent as SQL is known to the driver alone.
        connection.connection.rollback()
    except Exception:
        return False
    return True


def _discard(connection: BaseDatabaseWrapper) -> None:
    """Replaces a connection that may be in any state: only a new wrapper has forgotten all of it."""
    with suppress(Exception):
        connection.close()
    connections[connection.alias] = connections.create_connection(connection.alias)
