"""The right to be the one ingest of a PostgreSQL database: an advisory lock on a connection of its own.

The server takes it back when the connection ends, however the holder dies. What the leader does is not known here.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from tracking.errors import HistotwinError
from tracking.store.database import Database, in_time, sqlstate_of
from tracking.store.deadlines import Deadlines

INGEST_LOCK = 0x68697369  # "hisi"
PATIENCE_S = 5.0
_KEEPALIVE = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "2"}
"""Seconds and tries after which the server gives up a holder whose machine has gone without a word."""


_NOT_ALLOWED = "42501"
_EVICT = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 "
    "AND objid = %s AND objsubid = 1 AND pid <> pg_backend_pid() "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class LeadershipLost(HistotwinError):
    """Another process has the lock that this one held, or may have it by now."""


class LeaderLock:
    """The lock, from one thread. Every call may raise ``StoreUnavailable``: then nobody can lead."""

    def __init__(self, database: Database) -> None:
        self._engine: Engine = database.engine
        self._deadlines = Deadlines(PATIENCE_S)
        self._connection: Connection | None = None

    def try_to_lead(self) -> bool:
        """Take the lock if nobody has it, and say whether we have it."""
        with in_time(self._deadlines) as work:
            is_new = self._connection is None
            connection = self._connection or self._connect()
            try:
                work.connection = connection.connection.driver_connection
                if is_new:
                    _keep_alive(connection)
                has_it = bool(connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (INGEST_LOCK,)).scalar())
            except BaseException:
                self._let_go(connection)
                raise
            self._connection = connection
            return has_it

    def confirm(self) -> None:
        """Make sure that we still lead; raises ``LeadershipLost``. A lock whose connection broke is taken again."""
        connection = self._connection
        try:
            with in_time(self._deadlines) as work:
                if connection is not None:
                    work.connection = connection.connection.driver_connection
                    connection.exec_driver_sql("SELECT 1")
                    return
        except HistotwinError:
            if connection is not None:
                self._let_go(connection)
        if not self.try_to_lead():
            raise LeadershipLost("another ingest of this database took over while our connection to it was broken")

    def evict(self) -> bool:
        """End the session of whoever has the lock, and say whether there was one that we may end."""
        with in_time(self._deadlines) as work, self._engine.connect() as connection:
            work.connection = connection.connection.driver_connection
            try:
                return any(connection.exec_driver_sql(_EVICT, (INGEST_LOCK,)).scalars())
            except ProgrammingError as error:  # it belongs to a role that is not ours
                if sqlstate_of(error) != _NOT_ALLOWED:
                    raise
                return False

    def resign(self) -> None:
        """Give the lock back."""
        if self._connection is not None:
            self._let_go(self._connection)

    def _connect(self) -> Connection:
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def _let_go(self, connection: Connection) -> None:
        """Close for good: back in the pool the lock would live on."""
        self._connection = None
        with suppress(SQLAlchemyError):
            connection.invalidate()
        with suppress(SQLAlchemyError):
            connection.close()


def _keep_alive(connection: Connection) -> None:
    for name, value in _KEEPALIVE.items():
        connection.exec_driver_sql(f"SET {name} = {value}")
