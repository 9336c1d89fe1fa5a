"""Puts archived months back among the events, and takes them away again. Checks nothing: whoever calls has done so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from tracking.store import tables
from tracking.store.archives.read import Archives, archive_rows
from tracking.store.statements import insert, mark_of


def insert_archived(connection: Connection, batches: Iterable[Sequence[Sequence[Any]]]) -> int:
    """Insert rows of archives (``file.COLUMNS``) into table ``event`` and return how many."""
    count = 0
    for rows in batches:
        insert(connection, tables.event, [_event_row(*row) for row in rows])
        count += len(rows)
    return count


def _event_row(
    position: int, source_id: int, _path: str, event_id: str, kind: str, time_us: int, at_us: int, received_us: int,
    boot: str | None, sequence: int | None, _digest: bytes, body: bytes, link: bytes,
) -> tuple[Any, ...]:  # fmt: skip
    return position, source_id, event_id, kind, time_us, at_us, received_us, boot, sequence, body, link


def delete_events(connection: Connection, first: int, last: int) -> int:
    """Take a range of events out of the table and return how many there were."""
    mark = mark_of(connection)
    sql = f"DELETE FROM event WHERE position BETWEEN {mark} AND {mark}"  # noqa: S608
    return connection.exec_driver_sql(sql, (first, last)).rowcount


@contextmanager
def whole_log(connection: Connection, archives: Archives) -> Iterator[None]:
    """Have the whole log in table ``event`` for the time of a piece of work in this transaction.

    Raises ``ArchiveMissing`` when a month cannot be read.
    """
    dropped = [archive for archive in archive_rows(connection) if archive.dropped_us is not None]
    if dropped:
        insert_archived(connection, archives.rows(connection))
    yield
    if dropped:
        delete_events(connection, dropped[0].first, dropped[-1].last)
