"""Writes whole months of the log to files, one after another, and notes each in table ``archive``. Takes nothing away.

A month ends before the first position that was received in a later month; the order of positions rules, so that the
archives lie end to end. A receipt that lies in the future is of a clock that was wrong and ends no month; one of an
earlier month than the archive before belongs to that month. A file counts once it was read back, hashed and noted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from tracking.clock import Clock
from tracking.errors import InputMistakes, Mistake
from tracking.store import tables
from tracking.store.archives.file import (
    FORMAT,
    ROWS_AT_ONCE,
    ArchiveFailed,
    Manifest,
    checked,
    file_name,
    flush,
    read_through,
    sha256_of,
    write_manifest,
    write_rows,
)
from tracking.store.archives.months import end_us, is_month, month_of
from tracking.store.archives.read import ArchiveRow, archive_rows
from tracking.store.chain import FIRST_LINK
from tracking.store.database import Database, open_database, sqlstate_of
from tracking.store.migrate import newest_revision, require_current
from tracking.store.statements import insert, mark_of
from tracking.store.unhurried import take_time

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Span:
    """The part of the log that is a month's: positions ``first`` to ``last``, and the links before and at its end."""

    month: str
    first: int
    last: int
    link_before: bytes
    link_last: bytes


def archive_months(url: str, folder: Path, clock: Clock, *, before: str | None = None) -> list[ArchiveRow]:
    """Write every month before ``before`` that is over and not archived yet; without it, every month before this one.

    Returns the archives written. Raises ``ArchiveFailed``, ``InputMistakes``, ``WrongSchema``, ``StoreUnavailable``.
    """
    limit = checked_month(before, clock) or month_of(clock.now_us())
    made: list[ArchiveRow] = []
    with closing(open_database(url)) as database:
        require_current(database)
        folder.mkdir(parents=True, exist_ok=True)
        while (span := _next_span(database, limit, clock.now_us())) is not None:
            made.append(_archive(database, folder, span, clock.now_us()))
    return made


@contextmanager
def as_owner() -> Iterator[None]:
    """Say plainly when the parts' role tries what only the owner may do; raises ``ArchiveFailed``."""
    try:
        yield
    except DBAPIError as error:
        if sqlstate_of(error) != "42501":
            raise
        raise ArchiveFailed("Only the owner of the schema may archive: see database_owner_url.") from error


def checked_month(text: str | None, clock: Clock) -> str | None:
    """Return a month that a person named; raises ``InputMistakes`` when it is none, or lies after this month."""
    this_month = month_of(clock.now_us())
    if text is not None and not (is_month(text) and text <= this_month):
        wanted = f"a month such as 2026-09, at most {this_month}: a month can be archived when it is over"
        raise InputMistakes([Mistake("command line", "before", text, wanted)])
    return text


def _next_span(database: Database, limit: str, now_us: int) -> _Span | None:
    """Return the next month to archive; ``None`` when the log has none before ``limit``."""
    with database.reading() as connection:
        take_time(connection)
        known = archive_rows(connection)
        first, link = (known[-1].last + 1, known[-1].link_last) if known else (1, FIRST_LINK)
        received_us = _one(connection, "received_us", first, 0, now_us)
        if received_us is None:
            return None
        month = max(month_of(received_us), *(archive.month for archive in known[-1:]), "")
        if month >= limit:
            return None
        last = _last_position(connection, first, end_us(month), now_us)
        link_last = connection.exec_driver_sql(
            f"SELECT link FROM event WHERE position = {mark_of(connection)}",  # noqa: S608
            (last,),
        ).scalar_one()
        return _Span(month, first, last, link, bytes(link_last))


def _last_position(connection: Connection, first: int, ends_us: int, now_us: int) -> int:
    """Return the position before the first one that was received at ``ends_us`` or later, as far as can be believed."""
    later = _one(connection, "position", first, ends_us, now_us)
    if later is not None:
        return later - 1
    mark = mark_of(connection)
    sql = f"SELECT max(position) FROM event WHERE position >= {mark} AND received_us < {mark}"  # noqa: S608
    return int(connection.exec_driver_sql(sql, (first, ends_us)).scalar_one())


def _one(connection: Connection, column: str, first: int, from_us: int, now_us: int) -> int | None:
    """Return a column of the first event from ``first`` on that was received between two moments."""
    mark = mark_of(connection)
    sql = (
        f"SELECT {column} FROM event WHERE position >= {mark} AND received_us BETWEEN {mark} AND {mark} "  # noqa: S608
        "ORDER BY position LIMIT 1"
    )
    found: int | None = connection.exec_driver_sql(sql, (first, from_us, now_us)).scalar()
    return found


def _archive(database: Database, folder: Path, span: _Span, now_us: int) -> ArchiveRow:
    target = folder / file_name(span.month, span.first, span.last)
    if not target.exists():
        _write(database, target, span)
    contents = read_through(target, span.link_before, span.first)
    if (contents.last, contents.link_last) != (span.last, span.link_last):
        raise ArchiveFailed(f"{target} exists already and holds another log. Move it away; nothing is overwritten.")
    row = ArchiveRow(
        span.first, span.last, span.month, target.name, target.stat().st_size, sha256_of(target), span.link_before,
        span.link_last, now_us, None,
    )  # fmt: skip
    with as_owner(), database.writing() as connection:
        write_manifest(folder, _manifest(connection, row))
        insert(connection, tables.archive, [_values(row)])
    return row


def _write(database: Database, target: Path, span: _Span) -> None:
    """Write a month under a temporary name, read it back, and give it its name if nobody else has it."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        with database.reading() as connection:
            take_time(connection)
            rows = checked(_rows(connection, span), span.link_before, span.first, "the log")
            write_rows(unfinished, rows)
        read_through(unfinished, span.link_before, span.first)
        os.link(unfinished, target)  # unlike a renaming it never takes another file's place
        flush(target.parent)
    except OSError as error:
        raise ArchiveFailed(f"{target} could not be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _rows(connection: Connection, span: _Span) -> Iterator[list[tuple[Any, ...]]]:
    mark, after = mark_of(connection), span.first - 1
    sql = (
        "SELECT event.position, event.source_id, path, event.event_id, type, time_us, at_us, received_us, boot, "  # noqa: S608
        "sequence, digest, body, link FROM event JOIN source ON source.id = event.source_id "
        "JOIN event_key ON event_key.source_id = event.source_id AND event_key.event_id = event.event_id "
        f"WHERE event.position > {mark} AND event.position <= {mark} ORDER BY event.position LIMIT {ROWS_AT_ONCE}"
    )
    while rows := connection.exec_driver_sql(sql, (after, span.last)).all():
        yield [tuple(row) for row in rows]
        after = rows[-1][0]


def _manifest(connection: Connection, row: ArchiveRow) -> Manifest:
    store = connection.exec_driver_sql("SELECT id FROM store_identity").scalar()
    return Manifest(
        FORMAT, str(store or ""), newest_revision(), row.month, row.file, row.first, row.last,
        row.last - row.first + 1, row.link_before.hex(), row.link_last.hex(), row.size, row.sha256.hex(),
        row.written_us,
    )  # fmt: skip


def _values(row: ArchiveRow) -> tuple[Any, ...]:
    return (
        row.first, row.last, row.month, row.file, row.size, row.sha256, row.link_before, row.link_last,
        row.written_us, row.dropped_us,
    )  # fmt: skip
