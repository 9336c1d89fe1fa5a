"""Checks a database without changing it: is it whole, is the log unbroken, and are the projections what the log says.

The log is copied into a scratch SQLite file and projected there, so that nobody has to wait, and so that the two
databases check each other: rows must be equal, whichever of them holds the log.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from tracking.errors import Refusal
from tracking.names import Interpreter
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.archives.read import ArchiveMissing, Archives
from tracking.store.archives.whole_log import insert_archived
from tracking.store.checks.bodies import BodyCheck
from tracking.store.checks.faults import Faults
from tracking.store.checks.log import Anchor, check_log
from tracking.store.checks.rows import Difference, compare_table, rows_of
from tracking.store.database import Database, means_not_now, open_database, reason_of
from tracking.store.migrate import differences, require_current
from tracking.store.rebuild import EVENTS_AT_ONCE, TellProgress, quietly, replay
from tracking.store.statements import Row, insert
from tracking.store.unhurried import take_time

_LOG = (tables.source, tables.rejected, tables.event_key, tables.event)
_OWN_WILL = "SELECT type || ' ' || name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY 1"
_OWN_WILL_POSTGRESQL = (
    "SELECT 'trigger ' || tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
    "WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace UNION ALL "
    "SELECT 'rule ' || rulename FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class "
    "WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace ORDER BY 1"
)
"""What would change rows behind every part's back. Views are harmless in PostgreSQL: ours are tables."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked; ``faults`` are sentences, none when all is well. ``head`` is an anchor to note elsewhere.

    ``unread`` counts events that are in archives only and were not read, because no folder of archives was named.
    """

    events: int
    unread: int
    rejected: int
    rows_compared: int
    head: Anchor
    faults: tuple[str, ...]
    differences: tuple[Difference, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.faults


def verify(
    url: str, registry: Registry | None = None, progress: TellProgress = quietly, *, anchor: Anchor | None = None,
    archives: Path | None = None,
) -> Report:  # fmt: skip
    """Return what is wrong with a database; without a registry the log alone is checked.

    ``archives`` is the folder of archives. Raises ``WrongSchema`` and ``StoreUnavailable``. With a registry it needs
    twice as much disk in the temporary folder as the log has.
    """
    database = open_database(url)
    try:
        require_current(database)
        with database.reading() as connection:
            take_time(connection)
            broken = list(_database_faults(connection, database))
            report = inspect(connection, registry, progress, anchor=anchor, archives=Archives(archives))
            return Report(
                report.events, report.unread, report.rejected, report.rows_compared, report.head,
                (*broken, *report.faults), report.differences,
            )  # fmt: skip
    finally:
        database.close()


def inspect(
    connection: Connection, registry: Registry | None = None, progress: TellProgress = quietly, *,
    anchor: Anchor | None = None, archives: Archives | None = None,
) -> Report:  # fmt: skip
    """Return what is wrong with the log and the projections as a transaction sees them."""
    try:
        log = check_log(connection, anchor, archives, progress)
        compared, faults = 0, log.faults
        shown: list[Difference] = []
        if registry is not None and log.unread:
            faults = [*faults, "The projections were not compared: events are in archives, and no folder is named."]
        elif registry is not None:
            compared, differing, shown = _compare(connection, registry, progress, archives or Archives())
            faults = [*faults, *differing]
    except DBAPIError as error:
        if means_not_now(error):
            raise
        return Report(0, 0, 0, 0, Anchor(0, ""), (f"The database cannot be read any more: {reason_of(error)}.",))
    return Report(log.events, log.unread, log.rejected, compared, log.head, tuple(faults), tuple(shown))


def _database_faults(connection: Connection, database: Database) -> Iterator[str]:
    for difference in differences(connection):
        yield f"The schema differs from what is declared: {difference}."
    for name in connection.exec_driver_sql(_OWN_WILL if database.is_sqlite else _OWN_WILL_POSTGRESQL).scalars():
        yield f"The database does something of its own accord that nobody declared: {name}."
    if connection.exec_driver_sql("SELECT count(*) FROM store_identity").scalar_one() != 1:
        yield "The database has no name of its history, or more than one: see table store_identity."
    if database.is_sqlite:
        for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if line != "ok":
                yield f"SQLite finds the file damaged: {line}."


def _compare(
    connection: Connection, registry: Registry, progress: TellProgress, archives: Archives
) -> tuple[int, list[str], list[Difference]]:
    bodies = Faults()
    with _scratch() as anew:
        try:
            for table in _LOG:
                copy_rows(connection, anew, table)
            insert_archived(anew, archives.rows(connection))
            replay(anew, Interpreter(registry), progress, BodyCheck(bodies))
        except ArchiveMissing as error:
            return 0, [f"The projections were not compared: {error}."], []
        except (Refusal, ValidationError, LookupError, ValueError, TypeError, AttributeError, DBAPIError) as error:
            return 0, [f"The log cannot be projected any more: {type(error).__name__}: {error}."], []
        checks = [compare_table(connection, anew, table) for table in tables.PROJECTIONS]
    differing = [check for check in checks if check.differing]
    faults = [*bodies.sentences(), *map(str, differing)]
    return sum(check.rows for check in checks), faults, [one for c in differing for one in c.shown]


@contextmanager
def _scratch() -> Iterator[Connection]:
    """Give an empty database that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="histotwin-verify-") as folder:
        scratch = open_database(f"sqlite:///{Path(folder) / 'scratch.db'}")
        try:
            with scratch.writing() as connection:
                tables.metadata.create_all(connection)
                yield connection
        finally:
            scratch.close()


def copy_rows(source: Connection, target: Connection, table: Table) -> None:
    """Copy a table's rows to another database."""
    some: list[Row] = []
    for row in rows_of(source, table):
        some.append(row)
        if len(some) == EVENTS_AT_ONCE:
            insert(target, table, some)
            some = []
    insert(target, table, some)


__all__ = ["Anchor", "Report", "inspect", "rows_of", "verify"]
