"""Takes archived months out of the table, and puts them back. Only what is proved to stand in its file is taken out.

The duplicate keys, the projections and the chain stay: a resent event is known, items are as they were, and what comes
late about them is folded with what its archive holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import takewhile
from pathlib import Path

from sqlalchemy import Connection

from tracking.clock import Clock
from tracking.store.archives.file import ArchiveFailed, checked, read_manifest, read_rows, read_through, sha256_of
from tracking.store.archives.months import month_of, months_later
from tracking.store.archives.read import ArchiveMissing, ArchiveRow, Archives, archive_rows
from tracking.store.archives.whole_log import delete_events, insert_archived
from tracking.store.archives.write import as_owner, checked_month
from tracking.store.database import Database, open_database, said_plainly
from tracking.store.migrate import require_current
from tracking.store.statements import mark_of
from tracking.store.unhurried import take_time

KEPT_MONTHS = 24
_SHOWN = 5


def drop_months(
    url: str, folder: Path, clock: Clock, *, before: str | None = None, keep_months: int = KEPT_MONTHS
) -> list[ArchiveRow]:
    """Take archived months before ``before`` out of the table; without it, those kept for ``keep_months`` by now.

    Months go in the order of the log, so that what is left has no hole.
    Returns what was taken out, one transaction each. Raises ``ArchiveFailed``, with the months before it done, when a
    month has to be kept longer, when a case that it touches is open, or when its file is not what was written.
    """
    limit = checked_month(before, clock)
    newest = months_later(month_of(clock.now_us()), -keep_months - 1)
    with closing(open_database(url)) as database:
        require_current(database)
        with database.reading() as connection:
            waiting = [archive for archive in archive_rows(connection) if archive.dropped_us is None]
        chosen = list(takewhile(lambda one: one.month < limit if limit else one.month <= newest, waiting))
        _require_old(chosen, newest, keep_months)
        for archive in chosen:
            _drop(database, Archives(folder), archive, clock.now_us())
    return chosen


def _require_old(chosen: list[ArchiveRow], newest: str, keep_months: int) -> None:
    for archive in chosen:
        if archive.month > newest:
            free = months_later(archive.month, keep_months + 1)
            raise ArchiveFailed(f"{archive.month} is kept in the database until {free}; --keep-months says otherwise.")


def _drop(database: Database, archives: Archives, archive: ArchiveRow, now_us: int) -> None:
    _require_same(archives, archive)
    with _changing(database) as connection:
        _require_closed(connection, archive)
        _require_linked(connection, archive)
        if delete_events(connection, archive.first, archive.last) != archive.last - archive.first + 1:
            raise ArchiveFailed(f"The log does not hold all of {archive}. Run histotwin db verify.")
        _note(connection, archive, now_us)


def _require_same(archives: Archives, archive: ArchiveRow) -> None:
    """Read the whole file once more; raises ``ArchiveFailed``."""
    try:
        file = archives.trusted(archive)
    except ArchiveMissing as error:
        raise ArchiveFailed(f"{error}; nothing was taken out.") from error
    contents = read_through(file, archive.link_before, archive.first)
    if (contents.last, contents.link_last) != (archive.last, archive.link_last):
        raise ArchiveFailed(f"{file} ends elsewhere than the database noted. Run histotwin db verify.")


def _require_closed(connection: Connection, archive: ArchiveRow) -> None:
    """Refuse while work goes on: an open case's history would be read from the archive again and again."""
    mark = mark_of(connection)
    sql = (
        "SELECT barcode FROM case_clock WHERE authorised_us IS NULL AND EXISTS (SELECT 1 FROM item "  # noqa: S608
        "JOIN item_event ON item_event.item_id = item.id WHERE item.case_id = case_clock.case_id "
        f"AND item_event.position BETWEEN {mark} AND {mark}) ORDER BY barcode"
    )
    cases = [row[0] for row in connection.exec_driver_sql(sql, (archive.first, archive.last))]
    if cases:
        more = f" and {len(cases) - _SHOWN} more" if len(cases) > _SHOWN else ""
        raise ArchiveFailed(f"{archive.month} touches cases that are open: {', '.join(cases[:_SHOWN])}{more}.")


def _require_linked(connection: Connection, archive: ArchiveRow) -> None:
    """Refuse where the log ends that month otherwise than its file: one of them is not what was stored."""
    sql = f"SELECT link FROM event WHERE position = {mark_of(connection)}"  # noqa: S608
    link = connection.exec_driver_sql(sql, (archive.last,)).scalar()
    if link is None or bytes(link) != archive.link_last:
        raise ArchiveFailed(f"The log is not what {archive} holds; nothing was taken out. Run histotwin db verify.")


def unarchive(url: str, file: Path) -> ArchiveRow:
    """Put a month back into the table, its chain checked, and return what the database noted of it.

    Months come back in the opposite order. Raises ``ArchiveFailed``; the table then is as it was.
    """
    manifest = read_manifest(file)
    with closing(open_database(url)) as database:
        require_current(database)
        with _changing(database) as connection:
            dropped = [archive for archive in archive_rows(connection) if archive.dropped_us is not None]
            archive = next((one for one in dropped if one.first == manifest.first), None)
            if archive is None:
                raise ArchiveFailed(f"The events of {file} were never taken out of this database.")
            if archive is not dropped[-1]:
                raise ArchiveFailed(f"Put {dropped[-1].file} back first: months come back in the opposite order.")
            _put_back(connection, file, archive)
            _note(connection, archive, None)
    return archive


def _put_back(connection: Connection, file: Path, archive: ArchiveRow) -> None:
    if sha256_of(file) != archive.sha256:
        raise ArchiveFailed(f"{file} is another file than {archive}: its SHA-256 differs.")
    count = insert_archived(connection, checked(read_rows(file), archive.link_before, archive.first, file.name))
    if count != archive.last - archive.first + 1:
        raise ArchiveFailed(f"{file} has {count} events, and {archive} should have more.")


def _note(connection: Connection, archive: ArchiveRow, dropped_us: int | None) -> None:
    mark = mark_of(connection)
    sql = f"UPDATE archive SET dropped_us = {mark} WHERE first = {mark}"  # noqa: S608
    connection.exec_driver_sql(sql, (dropped_us, archive.first))


@contextmanager
def _changing(database: Database) -> Iterator[Connection]:
    """Give a transaction that changes old rows only: in PostgreSQL whoever appends need not wait for it."""
    with as_owner(), said_plainly(), database.engine.connect() as plain:
        connection = plain.execution_options(writes=True)
        with connection.begin():
            take_time(connection)
            yield connection
