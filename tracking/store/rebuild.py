"""Makes the projections anew from the log. Reads the log, writes projections; nothing else changes.

A rebuild is one transaction: readers see the old projections until the new ones are whole, and a rebuild that is
killed has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from tracking.corrections import GIVEN_SOURCE, given_mark
from tracking.decoding import Decoded, decode, identity_of
from tracking.kill_points import passing
from tracking.names import Interpreter
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.archives.read import Archives
from tracking.store.archives.whole_log import whole_log
from tracking.store.chain import FIRST_LINK, source_link
from tracking.store.database import open_database
from tracking.store.event_store import GAP_CLOSED
from tracking.store.log import Sources, mark_of_refused
from tracking.store.marks import Watermark
from tracking.store.migrate import require_current
from tracking.store.projector import Accepted, AliasFinder, Projector
from tracking.store.statements import Row, insert, mark_of, upsert
from tracking.store.unhurried import take_time
from tracking.touches import ItemName

EVENTS_AT_ONCE = 5_000
_REFUSED_AT_ONCE = 500
_GIVEN = GIVEN_SOURCE.encode()
Stream = tuple[int, str]
"""Source number and boot."""
TellProgress = Callable[[int, int], None]
"""(events done, events in all)"""


class Logged(NamedTuple):
    """A row of the log on its way into the projections, its source's path and its duplicate key's digest with it."""

    position: int
    source_id: int
    event_id: str
    type: str
    time_us: int
    at_us: int
    received_us: int
    boot: str | None
    sequence: int | None
    body: bytes
    path: str | None
    digest: bytes | None


Witness = Callable[[Logged, Decoded, Accepted], None]
"""Hears each row of the log and what its body says."""


def quietly(_done: int, _total: int) -> None:
    """Tell nobody."""


def unwitnessed(_row: Logged, _decoded: Decoded, _event: Accepted) -> None:
    """Look at nothing."""


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


def replay(
    connection: Connection, interpreter: Interpreter, progress: TellProgress = quietly, witness: Witness = unwitnessed
) -> int:
    """Project the whole log into empty projections on the same connection; return its number of events."""
    total = connection.exec_driver_sql("SELECT count(*) FROM event").scalar_one()
    sources, marks = Sources(), _Marks(connection)
    projector = Projector(interpreter, sources)
    done = 0
    for rows in _log(connection):
        accepted = _accepted(connection, interpreter, rows, witness)
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


def _log(connection: Connection) -> Iterator[list[Logged]]:
    mark, after = mark_of(connection), 0
    sql = (
        "SELECT event.position, event.source_id, event.event_id, type, time_us, at_us, received_us, boot, sequence, "  # noqa: S608
        "body, path, digest FROM event LEFT JOIN source ON source.id = event.source_id "
        "LEFT JOIN event_key ON event_key.source_id = event.source_id AND event_key.event_id = event.event_id "
        f"WHERE event.position > {mark} ORDER BY event.position LIMIT {EVENTS_AT_ONCE}"
    )
    while rows := [Logged(*row) for row in connection.exec_driver_sql(sql, (after,))]:
        yield rows
        after = rows[-1].position


def _accepted(connection: Connection, interpreter: Interpreter, rows: list[Logged], witness: Witness) -> list[Accepted]:
    """Return what rows mean; a second barcode that one of them gives holds for those that follow."""
    aliases = AliasFinder(connection, interpreter)
    accepted: list[Accepted] = []
    for row in rows:
        if row.path is None:
            raise LookupError(f"event {row.position} has lost its source")
        decoded = decode(bytes(row.body))
        act = interpreter.act(decoded, row.received_us)
        touches = interpreter.touches(decoded.event, act.lab, aliases)
        if act.type == "histotwin.item.created":
            aliases.claimed.update({(act.lab, text): touches[0].name for text in act.data.aliases})
        event = Accepted(row.position, row.source_id, row.received_us, decoded.offset_us, act, touches)
        witness(row, decoded, event)
        accepted.append(event)
    return accepted


def _names(accepted: list[Accepted]) -> Iterator[ItemName]:
    for event in accepted:
        for touch in event.touches:
            yield touch.name
            if touch.parent is not None:
                yield touch.parent


class _Marks:
    """The watermarks, noted while the log passes by; in which order they are noted makes no difference."""

    def __init__(self, connection: Connection) -> None:
        self._ids = {path: number for path, number in connection.exec_driver_sql("SELECT path, id FROM source").all()}  # noqa: C416  # rows, not pairs
        self._marks: dict[Stream, Watermark] = {}

    def note(self, rows: list[Logged], accepted: list[Accepted]) -> None:
        """Take note of some events, their rows and their meaning."""
        for row in rows:
            if row.boot is not None and row.sequence is not None:
                self._mark((row.source_id, row.boot)).add(row.sequence, row.received_us)
            elif _GIVEN in bytes(row.body) and (mark := given_mark(decode(bytes(row.body)).event)):
                path, boot, sequence = mark  # its source was corrected: it counts for its sender
                self._mark((self._ids[path], boot)).add(sequence, row.received_us)
        for event in accepted:
            if event.act.type == GAP_CLOSED:
                said: Any = event.act.data
                gap = self._mark((self._ids[said.device], said.boot))
                gap.add_range(said.first, said.last, event.received_us)

    def write(self, connection: Connection) -> None:
        """Add what was refused, and write all watermarks."""
        for key, sequence, received_us in _marks_of_rejected(connection, self._ids):
            self._mark(key).add(sequence, received_us)
        rows = [(*key, m.contiguous, m.highest, m.beyond_text()) for key, m in sorted(self._marks.items())]
        insert(connection, tables.watermark, rows)

    def _mark(self, key: Stream) -> Watermark:
        return self._marks.setdefault(key, Watermark())


def _marks_of_rejected(connection: Connection, ids: Mapping[str, int]) -> Iterator[tuple[Stream, int, int]]:
    for _id, origin, channel, body, attributes, first_us in _rejected(connection):
        said = identity_of(bytes(body), None if attributes is None else orjson.loads(attributes))
        mark = mark_of_refused(said, origin, channel)
        if mark is not None and mark[0] in ids:
            yield (ids[mark[0]], mark[1]), mark[2], first_us


def _rejected(connection: Connection) -> Iterator[Row]:
    """Yield the refused messages that may move a watermark, a few at a time: each may be very large."""
    sql = (
        "SELECT id, origin, channel, body, attributes, first_us FROM rejected "  # noqa: S608
        f"WHERE kind <> 'raw' AND id > {mark_of(connection)} ORDER BY id LIMIT {_REFUSED_AT_ONCE}"
    )
    after = 0
    while rows := connection.exec_driver_sql(sql, (after,)).all():
        yield from map(tuple, rows)
        after = rows[-1][0]
