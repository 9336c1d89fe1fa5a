"""Makes the projections anew from the log. Reads the log, writes projections; nothing else changes.

A rebuild is one transaction: readers see the old projections until the new ones are whole, and a rebuild that is
killed has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from sqlalchemy import Connection

from tracking.decoding import decode, identity_of
from tracking.kill_points import passing
from tracking.names import Interpreter
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.chain import FIRST_LINK
from tracking.store.database import open_database
from tracking.store.event_store import GAP_CLOSED
from tracking.store.log import Sources, mark_of_refused
from tracking.store.marks import Watermark
from tracking.store.migrate import require_current
from tracking.store.projector import Accepted, AliasFinder, Projector
from tracking.store.statements import Row, insert, mark_of, upsert
from tracking.touches import ItemName

EVENTS_AT_ONCE = 5_000
Stream = tuple[int, str]
"""Source number and boot."""
TellProgress = Callable[[int, int], None]
"""(events done, events in all)"""


def quietly(_done: int, _total: int) -> None:
    """Tell nobody."""


def rebuild(url: str, registry: Registry, progress: TellProgress = quietly) -> int:
    """Make every projection anew and return how many events the log holds.

    Raises ``WrongSchema`` and ``StoreUnavailable``. Who appends waits until it is done.
    """
    database = open_database(url)
    try:
        require_current(database)
        with database.writing() as connection:
            for table in tables.PROJECTIONS:
                connection.execute(table.delete())
            events = replay(connection, Interpreter(registry), progress)
            passing("rebuild_in_transaction")
            return events
    finally:
        database.close()


def replay(connection: Connection, interpreter: Interpreter, progress: TellProgress = quietly) -> int:
    """Project the whole log into empty projections on the same connection; return its number of events."""
    total = connection.exec_driver_sql("SELECT count(*) FROM event").scalar_one()
    sources = Sources()
    projector = Projector(interpreter, sources)
    done = 0
    for rows in _log(connection):
        accepted = [_accepted(connection, interpreter, sources, row) for row in rows]
        projector.shelf.fetch(connection, _names(accepted))
        projector.project(connection, accepted)
        done += len(rows)
        progress(done, total)
    _rebuild_watermarks(connection, interpreter.registry)
    _rebuild_head(connection)
    return done


def _rebuild_head(connection: Connection) -> None:
    last = connection.exec_driver_sql("SELECT position, link FROM event ORDER BY position DESC LIMIT 1").first()
    rejected = connection.exec_driver_sql("SELECT count(*) FROM rejected").scalar_one()
    if last is not None or rejected:
        position, link = (last[0], bytes(last[1])) if last is not None else (0, FIRST_LINK)
        upsert(connection, tables.head, [(1, position, link, rejected)])


def _log(connection: Connection) -> Iterator[list[Row]]:
    mark, after = mark_of(connection), 0
    sql = (
        "SELECT position, source_id, received_us, body FROM event "  # noqa: S608
        f"WHERE position > {mark} ORDER BY position LIMIT {EVENTS_AT_ONCE}"
    )
    while rows := [tuple(row) for row in connection.exec_driver_sql(sql, (after,))]:
        yield rows
        after = rows[-1][0]


def _accepted(connection: Connection, interpreter: Interpreter, sources: Sources, row: Row) -> Accepted:
    position, source_id, received_us, body = row
    sources.path(connection, source_id)
    decoded = decode(bytes(body))
    act = interpreter.act(decoded, received_us)
    touches = interpreter.touches(decoded.event, act.lab, AliasFinder(connection, interpreter))
    return Accepted(position, source_id, received_us, decoded.offset_us, act, touches)


def _names(accepted: list[Accepted]) -> Iterator[ItemName]:
    for event in accepted:
        for touch in event.touches:
            yield touch.name
            if touch.parent is not None:
                yield touch.parent


def _rebuild_watermarks(connection: Connection, registry: Registry) -> None:
    marks: dict[tuple[int, str], Watermark] = {}
    sql = (
        "SELECT source_id, boot, sequence, received_us FROM event "
        "WHERE boot IS NOT NULL AND sequence IS NOT NULL ORDER BY position"
    )
    for source_id, boot, sequence, received_us in connection.exec_driver_sql(sql):
        marks.setdefault((source_id, boot), Watermark()).add(sequence, received_us)
    for key, sequence, received_us in _marks_of_rejected(connection, registry):
        marks.setdefault(key, Watermark()).add(sequence, received_us)
    for key, first, last, received_us in _gaps_closed(connection):
        marks.setdefault(key, Watermark()).add_range(first, last, received_us)
    rows = [(*key, mark.contiguous, mark.highest, mark.beyond_text()) for key, mark in sorted(marks.items())]
    insert(connection, tables.watermark, rows)


def _marks_of_rejected(connection: Connection, registry: Registry) -> Iterator[tuple[Stream, int, int]]:
    ids = _source_ids(connection)
    sql = "SELECT origin, body, attributes, first_us FROM rejected WHERE kind <> 'raw' ORDER BY id"
    for origin, body, attributes, first_us in connection.exec_driver_sql(sql):
        said = identity_of(bytes(body), None if attributes is None else orjson.loads(attributes))
        mark = mark_of_refused(said, origin, registry)
        if mark is not None and mark[0] in ids:
            yield (ids[mark[0]], mark[1]), mark[2], first_us


def _gaps_closed(connection: Connection) -> Iterator[tuple[Stream, int, int, int]]:
    ids = _source_ids(connection)
    sql = f"SELECT body, received_us FROM event WHERE type = '{GAP_CLOSED}' ORDER BY position"  # noqa: S608
    for body, received_us in connection.exec_driver_sql(sql):
        said: Any = decode(bytes(body)).event.data
        yield (ids[said.device], said.boot), said.first, said.last, received_us


def _source_ids(connection: Connection) -> dict[str, int]:
    return {path: number for path, number in connection.exec_driver_sql("SELECT path, id FROM source").all()}  # noqa: C416  # rows, not pairs
