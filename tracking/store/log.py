"""The log's own tables: sources, events and the keys that name them for ever. Judges nothing but identity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tracking.decoding import Decoded, Identity
from tracking.errors import Refusal
from tracking.events import SOURCE_PATTERN
from tracking.names import lab_of
from tracking.offering import Fate, Incoming
from tracking.store import tables
from tracking.store.chain import FIRST_LINK, event_link, source_link
from tracking.store.statements import Row, insert, select_by_keys
from tracking.touches import Act, Touch

Mark = tuple[str, str, int]
"""Source path, boot and sequence: what moves a watermark."""
_PATH = re.compile(SOURCE_PATTERN)
_FREE_CHANNELS = frozenset({"http", "import", "screen"})
"""Where who speaks was asked already, so that an event without a proven origin may name its source itself."""


@dataclass(slots=True)
class Offer:
    """Something judged at the door: an event with its meaning, or a refusal. ``touches`` is ``None`` while a text on it
    can only be an alias; ``must_be_known`` when nobody but a booked-in item may be meant. ``marks`` is what a refused
    offer counts as stored, because the rejected list holds it.
    """

    incoming: Incoming
    identity: Identity
    decoded: Decoded | None = None
    act: Act | None = None
    touches: tuple[Touch, ...] | None = None
    must_be_known: bool = False
    refused: Refusal | None = None
    marks: Mark | None = None


@dataclass(slots=True)
class Outcome:
    """What became of an offer. ``unknown`` is the first item on it that is not booked in."""

    fate: Fate
    position: int | None = None
    refused: Refusal | None = None
    unknown: str | None = None
    stored_through: int | None = None


def mark_of_refused(said: Identity, origin: str | None, channel: str) -> Mark | None:
    """Return the mark of a refused message, if its channel proves its source or is one on which any may be named.

    What comes by wire on a topic that proves nothing counts for nobody: it could make a connector forget what only it
    has. A device that nobody knows yet counts: its events wait in the rejected list, no longer at its connector. The
    network file is not asked, so that another one later counts the same.
    """
    if said.source is None or said.boot is None or said.sequence is None:
        return None
    if said.source == origin or (origin is None and channel in _FREE_CHANNELS and _PATH.fullmatch(said.source)):
        return said.source, said.boot, said.sequence
    return None


class Sources:
    """Numbers for source paths; a number once committed never changes, so what is known stays known.

    ``link`` is the link over all sources; whoever gives numbers sets it to the head's and then stores it there.
    """

    def __init__(self) -> None:
        self.link = FIRST_LINK
        self._ids: dict[str, int] = {}
        self._paths: dict[int, str] = {}

    def forget(self) -> None:
        """Drop what is remembered; a transaction that gave numbers has failed."""
        self._ids.clear()
        self._paths.clear()

    def known(self, connection: Connection, paths: Iterable[str]) -> dict[str, int]:
        """Return the numbers of all paths met so far, giving new ones in the order the paths come."""
        wanted = dict.fromkeys(path for path in paths if path not in self._ids)
        if wanted:
            self._read(connection, wanted)
            self._number(connection, [path for path in wanted if path not in self._ids])
        return self._ids

    def path(self, connection: Connection, source_id: int) -> str:
        """Return the path of a number."""
        if source_id not in self._paths:
            rows = select_by_keys(connection, tables.source, ("path",), ("id",), [(source_id,)])
            self._paths[source_id] = rows[0][0]
        return self._paths[source_id]

    def _read(self, connection: Connection, paths: Iterable[str]) -> None:
        for path, number in select_by_keys(
            connection, tables.source, ("path", "id"), ("path",), [(path,) for path in paths]
        ):
            self._ids[path], self._paths[number] = number, path

    def _number(self, connection: Connection, paths: Sequence[str]) -> None:
        if not paths:
            return
        last = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM source").scalar_one()
        fresh = list(enumerate(paths, start=last + 1))
        insert(connection, tables.source, [(number, path, lab_of(path)) for number, path in fresh])
        for number, path in fresh:
            self.link = source_link(self.link, number, path, lab_of(path))
            self._ids[path], self._paths[number] = number, path


def stored_before(connection: Connection, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], tuple[bytes, int]]:
    """Return digest and position of those (source id, event id) that the log holds."""
    columns = ("source_id", "event_id", "digest", "position")
    rows = select_by_keys(connection, tables.event_key, columns, ("source_id", "event_id"), dict.fromkeys(keys))
    return {(row[0], row[1]): (bytes(row[2]), row[3]) for row in rows}


def event_row(position: int, source_id: int, act: Act, decoded: Decoded, link: bytes) -> Row:
    """Return the row of table ``event``."""
    event = decoded.event
    return (
        position, source_id, event.id, event.type, decoded.time_us, act.time_us, act.received_us, event.boot,
        event.sequence, decoded.body, link,
    )  # fmt: skip


def link_of(before: bytes, position: int, act: Act, decoded: Decoded) -> bytes:
    """Return the link that ties an event to the log before it."""
    event = decoded.event
    return event_link(
        before, position, event.source, event.id, event.type, decoded.time_us, act.time_us, act.received_us, event.boot,
        event.sequence, decoded.digest, decoded.body,
    )  # fmt: skip
