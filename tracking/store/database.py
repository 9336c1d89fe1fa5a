"""Opening a database, SQLite or PostgreSQL, so that a commit is durable and a wait ends. Knows no table of ours.

SQLite: WAL, ``synchronous=FULL`` (an acknowledged event must survive a power cut), one writer at a time by ``BEGIN
IMMEDIATE`` (a deferred transaction that turns writer fails at once, whatever the busy timeout). PostgreSQL: psycopg 3,
every wait bounded; what serves people or instruments (``is_service``) is bounded on this side too, because a server
that hangs keeps no deadline. Long work, such as a migration or a rebuild, is no service.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pysqlite3.dbapi2
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, ResourceClosedError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tracking.errors import HistotwinError, StorageFull, StoreUnavailable
from tracking.store.deadlines import Deadlines, Work

BUSY_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 10_000
SERVICE_STATEMENT_TIMEOUT_MS = 5_000
SERVICE_LOCK_TIMEOUT_MS = 4_000
SERVICE_LIMIT_S = 8.0
"""How long one transaction of a service may take before its connection is broken."""
IDLE_TIMEOUT_MS = 60_000
SERVICE_IDLE_TIMEOUT_MS = 10_000
"""After so long the server ends a transaction whose process has stopped in the middle of it, and frees its locks."""
TCP_USER_TIMEOUT_MS = 3_000
WRITER_LOCK = 0x68697374  # "hist": the advisory lock that makes positions gap-free in PostgreSQL
_FIXED_SQLITE = ((3, 44, 6), (3, 50, 7))
_NOT_NOW_STATES = ("08", "53", "57P", "40001", "40P01", "55P03", "57014", "25006")
_FULL_STATE, _FULL_WORDS = "53100", "disk is full"
_NOT_NOW_WORDS = ("locked", "busy", "full", "disk i/o", "unable to open", "readonly", "interrupted")


class UnsafeDatabase(HistotwinError):
    """The database as it is set up here could lose what was acknowledged."""


class Database:
    """An engine with the two ways of using it: one writer at a time, and readers that never wait for it."""

    def __init__(self, engine: Engine, deadlines: Deadlines | None = None) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._deadlines = deadlines

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one writer's transaction; commits at the end. Raises ``StoreUnavailable`` for "not now"."""
        with self._connected() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one moment of the database. Raises ``StoreUnavailable``."""
        with self._connected() as plain:
            connection = plain if self.is_sqlite else plain.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if self._deadlines is None:
            with said_plainly(), self.engine.connect() as plain:
                yield plain
        else:
            with in_time(self._deadlines) as work, self.engine.connect() as plain:
                work.connection = plain.connection.driver_connection
                yield plain

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


@contextmanager
def in_time(deadlines: Deadlines) -> Iterator[Work]:
    """Do database work within its time; raises ``StoreUnavailable`` as ``said_plainly`` does, and when it takes longer.

    Whoever connects hands the driver's connection in, as ``connection`` of what is given.
    """
    with deadlines.watching() as work:
        try:
            with said_plainly():
                yield work
        except StoreUnavailable as error:
            if work.is_broken:
                raise StoreUnavailable(f"The database gave no answer within {deadlines.limit_s:.0f} s.") from error
            raise


@contextmanager
def said_plainly() -> Iterator[None]:
    """Turn database errors that mean "not now" into ``StoreUnavailable``; let the others pass."""
    try:
        yield
    except DBAPIError as error:
        if not means_not_now(error):
            raise
        if means_full(error):
            raise StorageFull("The disk that holds the database is full: nothing can be stored.") from error
        raise StoreUnavailable(f"The database cannot work just now: {reason_of(error)}.") from error
    except (PoolTimeout, ResourceClosedError) as error:
        raise StoreUnavailable("The database cannot work just now: no connection is free.") from error


def means_not_now(error: DBAPIError) -> bool:
    """Tell whether trying again later can help: locked, full, gone or shutting down."""
    if error.connection_invalidated:
        return True
    if state := sqlstate_of(error):
        return state.startswith(_NOT_NOW_STATES)
    if not isinstance(error, OperationalError):
        return False
    words = str(error.orig).lower()
    return not _is_sqlite(error) or any(word in words for word in _NOT_NOW_WORDS)


def means_full(error: DBAPIError) -> bool:
    """Tell whether the disk has no room left."""
    return sqlstate_of(error) == _FULL_STATE or (_is_sqlite(error) and _FULL_WORDS in str(error.orig).lower())


def _is_sqlite(error: DBAPIError) -> bool:
    return type(error.orig).__module__.split(".")[0] in ("pysqlite3", "sqlite3")


def sqlstate_of(error: DBAPIError) -> str | None:
    """Return PostgreSQL's five-letter word for an error."""
    return getattr(error.orig, "sqlstate", None)


def reason_of(error: DBAPIError) -> str:
    """Return the database's own words in one line, without statement and values."""
    return " ".join(str(error.orig).split()).rstrip(".")[:200]


def open_database(url: str, *, several_writers: bool = True, is_service: bool = False) -> Database:
    """Open ``sqlite:///path`` or ``postgresql://…``; nothing is asked of the database yet.

    ``is_service``: people or instruments wait for what is asked, so every transaction ends within ``SERVICE_LIMIT_S``.
    Raises ``UnsafeDatabase`` for an SQLite whose WAL can lose commits when several processes write.
    """
    if make_url(url).get_backend_name() == "sqlite":
        require_safe_sqlite(pysqlite3.dbapi2.sqlite_version_info, several_writers=several_writers)
        return Database(_open_sqlite(url))
    limits = Deadlines(SERVICE_LIMIT_S) if is_service else None
    return Database(_open_postgresql(url, is_service=is_service), limits)


def require_safe_sqlite(version: tuple[int, ...], *, several_writers: bool) -> None:
    """Refuse the SQLite versions with the WAL-reset bug (sqlite.org/wal.html#walresetbug)."""
    is_affected = (3, 7, 0) <= version < (3, 51, 3) and not any(
        version[:2] == fixed[:2] and version >= fixed for fixed in _FIXED_SQLITE
    )
    if is_affected and several_writers:
        shown = ".".join(map(str, version))
        raise UnsafeDatabase(
            f"SQLite {shown} can lose commits when several processes write; install pysqlite3 with 3.51.3 or later."
        )


def _open_sqlite(url: str) -> Engine:
    engine = create_engine(url, module=pysqlite3.dbapi2, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver's own BEGIN is deferred; ours is chosen in _begin_sqlite
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON",
                   "trusted_schema=OFF", "cache_size=-65536"):  # fmt: skip
        connection.execute(f"PRAGMA {pragma}")
    if connection.execute("PRAGMA synchronous").fetchone()[0] != 2:
        raise UnsafeDatabase("SQLite did not take synchronous=FULL; what is acknowledged could be lost.")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _open_postgresql(url: str, *, is_service: bool) -> Engine:
    statement_ms = SERVICE_STATEMENT_TIMEOUT_MS if is_service else STATEMENT_TIMEOUT_MS
    lock_ms = SERVICE_LOCK_TIMEOUT_MS if is_service else LOCK_TIMEOUT_MS
    idle_ms = SERVICE_IDLE_TIMEOUT_MS if is_service else IDLE_TIMEOUT_MS
    settings = (
        f"-c statement_timeout={statement_ms} -c lock_timeout={lock_ms} "
        f"-c idle_in_transaction_session_timeout={idle_ms} -c synchronous_commit=on"
    )
    target = make_url(url)
    if target.drivername in ("postgresql", "postgres"):
        target = target.set(drivername="postgresql+psycopg")
    arguments = {
        "client_encoding": "utf8",  # a database made under the C locale would hand out bytes for text
        "connect_timeout": CONNECT_TIMEOUT_S, "options": settings, "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
        "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2,
    }  # fmt: skip
    return create_engine(target, connect_args=arguments, pool_timeout=5, pool_pre_ping=False)
