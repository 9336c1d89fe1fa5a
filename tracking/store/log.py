"""The log's own tables: sources, events and the rejected list. Writes what it is given; judges nothing but identity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection

from tracking.decoding import Decoded, Identity, storable, storable_attributes
from tracking.errors import Refusal
from tracking.names import lab_of
from tracking.offering import Fate, Incoming
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.statements import Row, insert, mark_of, select_by_keys
from tracking.touches import Act, Touch

REJECTED_MERGE = (
    "last_us = CASE WHEN excluded.last_us > rejected.last_us THEN excluded.last_us ELSE rejected.last_us END, "
    "first_us = CASE WHEN excluded.first_us < rejected.first_us THEN excluded.first_us ELSE rejected.first_us END, "
    "times = rejected.times + excluded.times"
)
_REJECTED_COLUMNS = tuple(column.name for column in tables.rejected.columns if column.name != "id")


Mark = tuple[str, str, int]
"""Source path, boot and sequence: what moves a watermark."""


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


def mark_of_refused(said: Identity, origin: str | None, registry: Registry) -> Mark | None:
    """Return the mark of a refused message, if it names a known device that its channel does not contradict."""
    if said.source is None or said.boot is None or said.sequence is None or said.source not in registry.devices:
        return None
    return (said.source, said.boot, said.sequence) if origin in (None, said.source) else None


class Sources:
    """Numbers for source paths; a number once committed never changes, so what is known stays known."""

    def __init__(self) -> None:
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
            self._ids[path], self._paths[number] = number, path


def stored_before(connection: Connection, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], tuple[bytes, int]]:
    """Return digest and position of those (source id, event id) that the log holds."""
    columns = ("source_id", "event_id", "digest", "position")
    rows = select_by_keys(connection, tables.event, columns, ("source_id", "event_id"), dict.fromkeys(keys))
    return {(row[0], row[1]): (bytes(row[2]), row[3]) for row in rows}


def event_row(position: int, source_id: int, received_us: int, decoded: Decoded) -> Row:
    """Return the row of table ``event``."""
    event = decoded.event
    return (
        position, source_id, event.id, event.type, decoded.time_us, received_us, event.boot, event.sequence,
        decoded.body, decoded.digest,
    )  # fmt: skip


def write_rejected(connection: Connection, refused: Sequence[tuple[Offer, Refusal]]) -> None:
    """Keep what was refused; the same rubbish from one channel is one row, counted."""
    rows: dict[bytes, list[Any]] = {}
    for offer, refusal in refused:
        row = _rejected_row(offer, refusal)
        known = rows.setdefault(row[0], row)
        if known is not row:
            known[-3], known[-2] = min(known[-3], row[-3]), max(known[-2], row[-2])
            known[-1] += 1
    if rows:
        marks = ", ".join([mark_of(connection)] * len(_REJECTED_COLUMNS))
        sql = (
            f"INSERT INTO rejected ({', '.join(_REJECTED_COLUMNS)}) VALUES ({marks}) "  # noqa: S608
            f"ON CONFLICT (digest) DO UPDATE SET {REJECTED_MERGE}"
        )
        connection.exec_driver_sql(sql, [tuple(row) for row in rows.values()])


def _rejected_row(offer: Offer, refusal: Refusal) -> list[Any]:
    came = offer.incoming
    event = offer.decoded.event if offer.decoded is not None else None
    event_id = event.id if event is not None else offer.identity.event_id
    attributes = None
    if came.attributes is not None:
        attributes = orjson.dumps(storable_attributes(came.attributes), option=orjson.OPT_SORT_KEYS).decode()
    parts = (came.channel, came.origin or "", came.kind, refusal.reason, attributes or "")
    digest = sha256(b"\x00".join([*(storable(part).encode() for part in parts), came.body])).digest()
    lab = _lab_or_none(came.origin or (event.source if event is not None else offer.identity.source))
    return [
        digest, storable(came.channel), came.origin and storable(came.origin), lab, came.kind, came.body, attributes,
        refusal.reason, storable(refusal.message), event_id, came.received_us, came.received_us, 1,
    ]  # fmt: skip


def _lab_or_none(source: str | None) -> str | None:
    parts = (source or "").split("/")
    return parts[2] if len(parts) == 4 else None
