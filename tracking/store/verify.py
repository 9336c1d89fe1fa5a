"""Checks a database without changing it: is it whole, is the log unbroken, and are the projections what the log says.

The log is copied into a scratch SQLite file and projected there, so that nobody has to wait, and so that the two
databases check each other: rows must be equal, whichever of them holds the log.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, Table

from tracking.errors import Refusal
from tracking.names import Interpreter
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.database import Database, open_database
from tracking.store.log_check import Anchor, check_log
from tracking.store.migrate import differences, require_current, upgrade
from tracking.store.rebuild import EVENTS_AT_ONCE, TellProgress, quietly, replay
from tracking.store.statements import Row, insert

_LOG = (tables.source, tables.rejected, tables.event_key, tables.event)


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked; ``faults`` are sentences, none when all is well. ``head`` is an anchor to note elsewhere."""

    events: int
    rejected: int
    rows_compared: int
    head: Anchor
    faults: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.faults


def verify(
    url: str, registry: Registry | None = None, progress: TellProgress = quietly, *, anchor: Anchor | None = None
) -> Report:
    """Return what is wrong with a database; without a registry the projections are not compared.

    Raises ``WrongSchema`` and ``StoreUnavailable``. Needs as much disk in the temporary folder as the log has.
    """
    database = open_database(url)
    try:
        require_current(database)
        with database.reading() as connection:
            log = check_log(connection, anchor)
            faults = [*_database_faults(connection, database), *log.faults]
            rows = 0
            if registry is not None:
                rows, differing = _compare(connection, registry, progress)
                faults += differing
            return Report(log.events, log.rejected, rows, log.head, tuple(faults))
    finally:
        database.close()


def _database_faults(connection: Connection, database: Database) -> Iterator[str]:
    for difference in differences(connection):
        yield f"The schema differs from what is declared: {difference}."
    if database.is_sqlite:
        for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if line != "ok":
                yield f"SQLite finds the file damaged: {line}."


def _compare(connection: Connection, registry: Registry, progress: TellProgress) -> tuple[int, list[str]]:
    with tempfile.TemporaryDirectory(prefix="histotwin-verify-") as folder:
        url = f"sqlite:///{Path(folder) / 'scratch.db'}"
        upgrade(url)
        scratch = open_database(url)
        try:
            with scratch.writing() as anew:
                for table in _LOG:
                    copy_rows(connection, anew, table)
                try:
                    replay(anew, Interpreter(registry), progress)
                except (Refusal, ValidationError, LookupError, ValueError, TypeError) as error:
                    return 0, [f"The log cannot be projected any more: {type(error).__name__}: {error}."]
                return _differing(connection, anew)
        finally:
            scratch.close()


def _differing(stored: Connection, anew: Connection) -> tuple[int, list[str]]:
    compared, faults = 0, []
    for table in tables.PROJECTIONS:
        count, found = fingerprint(stored, table)
        count_anew, found_anew = fingerprint(anew, table)
        compared += count
        if (count, found) != (count_anew, found_anew):
            faults.append(
                f"Table {table.name} has {count} rows and is not what the log says ({count_anew} rows): "
                "run histotwin db rebuild."
            )
    return compared, faults


def fingerprint(connection: Connection, table: Table) -> tuple[int, int]:
    """Return how many rows a table has and a sum over their hashes, the same on both databases, in any order."""
    count = total = 0
    for row in rows_of(connection, table):
        count += 1
        total += int.from_bytes(sha256(repr(row).encode()).digest()[:16], "big")
    return count, total % 2**128


def rows_of(connection: Connection, table: Table) -> Iterator[Row]:
    """Yield a table's rows as both databases would give them."""
    columns = ", ".join(column.name for column in table.columns)
    result = connection.execution_options(yield_per=5_000).exec_driver_sql(f"SELECT {columns} FROM {table.name}")  # noqa: S608
    for row in result:
        yield tuple(_plain(value) for value in row)


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return bytes(value) if isinstance(value, memoryview) else value


def copy_rows(source: Connection, target: Connection, table: Table) -> None:
    """Copy a table's rows to another database, the log in order of position."""
    some: list[Row] = []
    for row in rows_of(source, table):
        some.append(row)
        if len(some) == EVENTS_AT_ONCE:
            insert(target, table, some)
            some = []
    insert(target, table, some)
