"""Makes the projections anew from the log. Reads the log, writes projections; nothing else changes.

A rebuild is one transaction: readers see the old projections until the new ones are whole, and a rebuild that is
killed has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection

from tracking.corrections import GIVEN_SOURCE, given_mark
from tracking.decoding import decode, identity_of
from tracking.kill_points import passing
from tracking.names import Interpreter
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.archived import Archives
from tracking.store.chain import FIRST_LINK, source_link
from tracking.store.database import open_database
from tracking.store.event_store import GAP_CLOSED
from tracking.store.log import Mark, Sources, mark_of_refused
from tracking.store.marks import Watermark
from tracking.store.migrate import require_current
from tracking.store.projector import Accepted, AliasFinder, Projector
from tracking.store.statements import Row, insert, mark_of, upsert
from tracking.store.unhurried import take_time
from tracking.store.whole_log import whole_log
from tracking.touches import ItemName

EVENTS_AT_ONCE = 5_000
_GIVEN = GIVEN_SOURCE.encode()
Stream = tuple[int, str]
"""Source number and boot."""
TellProgress = Callable[[int, int], None]
"""(events done, events in all)"""


def quietly(_done: int, _total: int) -> None:
    """Tell nobody."""


def rebuild(url: str, registry: Registry, progress: TellProgress = quietly, *, archives: Path | None = None) -> int:
    """Make every projection anew and return how many events the log holds.

    ``archives`` is the folder with the months that are not in the table any more. Raises ``WrongSchema``,
    ``StoreUnavailable``, and ``ArchiveMissing`` when such a month cannot be read. Who appends waits until it is done.
    """
    database = open_database(url)
    try:
        require_current(database)
        with database.writing() as connection:
            take_time(connection)
            for table in tables.PROJECTIONS:
                connection.execute(table.delete())
            with whole_log(connection, Archives(archives)):
                events = replay(connection, Interpreter(registry), progress)
            passing("rebuild_in_transaction")
            return events
    finally:
        database.close()


def replay(connection: Connection, interpreter: Interpreter, progress: TellProgress = quietly) -> int:
    """Project the whole log into empty projections on the same connection; return its number of events."""
    total = connection.exec_driver_sql("SELECT count(*) FROM event").scalar_one()
    sources, marks = Sources(), _Marks()
    projector = Projector(interpreter, sources)
    done = 0
    for rows in _log(connection):
        accepted = [_accepted(connection, interpreter, sources, row) for row in rows]
        projector.shelf.fetch(connection, _names(accepted))
        projector.project(connection, accepted)
        marks.note(rows, accepted)
        done += len(rows)
        progress(done, total)
    marks.write(connection)
    _rebuild_head(connection)
    return done


def _rebuild_head(connection: Connection) -> None:
    last = connection.exec_driver_sql("SELECT position, link FROM event ORDER BY position DESC LIMIT 1").first()
    rejected = connection.exec_driver_sql("SELECT count(*) FROM rejected").scalar_one()
    sources = FIRST_LINK
    for number, path, lab in connection.exec_driver_sql("SELECT id, path, lab FROM source ORDER BY id"):
        sources = source_link(sources, number, path, lab)
    position, link = (last[0], bytes(last[1])) if last is not None else (0, FIRST_LINK)
    if (position, rejected, sources) != (0, 0, FIRST_LINK):
        upsert(connection, tables.head, [(1, position, link, rejected, sources)])


def _log(connection: Connection) -> Iterator[list[Row]]:
    mark, after = mark_of(connection), 0
    sql = (
        "SELECT position, source_id, received_us, body, boot, sequence FROM event "  # noqa: S608
        f"WHERE position > {mark} ORDER BY position LIMIT {EVENTS_AT_ONCE}"
    )
    while rows := [tuple(row) for row in connection.exec_driver_sql(sql, (after,))]:
        yield rows
        after = rows[-1][0]


def _accepted(connection: Connection, interpreter: Interpreter, sources: Sources, row: Row) -> Accepted:
    position, source_id, received_us, body, _boot, _sequence = row
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


class _Marks:
    """The watermarks, noted while the log passes by."""

    def __init__(self) -> None:
        self._marks: dict[Stream, Watermark] = {}
        self._gaps: list[tuple[str, str, int, int, int]] = []
        self._given: list[tuple[Mark, int]] = []

    def note(self, rows: Sequence[Row], accepted: Sequence[Accepted]) -> None:
        """Take note of some events, their rows and their meaning."""
        for _position, source_id, received_us, body, boot, sequence in rows:
            if boot is not None and sequence is not None:
                self._mark((source_id, boot)).add(sequence, received_us)
            elif _GIVEN in bytes(body) and (mark := given_mark(decode(bytes(body)).event)):
                self._given.append((mark, received_us))  # its source was corrected: it counts for its sender
        for event in accepted:
            if event.act.type == GAP_CLOSED:
                said: Any = event.act.data
                self._gaps.append((said.device, said.boot, said.first, said.last, event.received_us))

    def write(self, connection: Connection) -> None:
        """Add what was refused and what people have closed, and write all watermarks."""
        ids = {path: number for path, number in connection.exec_driver_sql("SELECT path, id FROM source").all()}  # noqa: C416  # rows, not pairs
        for key, sequence, received_us in _marks_of_rejected(connection, ids):
            self._mark(key).add(sequence, received_us)
        for (path, boot, sequence), received_us in self._given:
            self._mark((ids[path], boot)).add(sequence, received_us)
        for device, boot, first, last, received_us in self._gaps:
            self._mark((ids[device], boot)).add_range(first, last, received_us)
        rows = [(*key, m.contiguous, m.highest, m.beyond_text()) for key, m in sorted(self._marks.items())]
        insert(connection, tables.watermark, rows)

    def _mark(self, key: Stream) -> Watermark:
        return self._marks.setdefault(key, Watermark())


def _marks_of_rejected(connection: Connection, ids: Mapping[str, int]) -> Iterator[tuple[Stream, int, int]]:
    sql = "SELECT origin, channel, body, attributes, first_us FROM rejected WHERE kind <> 'raw' ORDER BY id"
    for origin, channel, body, attributes, first_us in connection.exec_driver_sql(sql):
        said = identity_of(bytes(body), None if attributes is None else orjson.loads(attributes))
        mark = mark_of_refused(said, origin, channel)
        if mark is not None and mark[0] in ids:
            yield (ids[mark[0]], mark[1]), mark[2], first_us
