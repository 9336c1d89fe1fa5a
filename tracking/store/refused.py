"""The list of refused messages: kept once with their bytes, counted, settled by a person. Judges nothing.

What never changes of a row is tied into a chain of links, what does change is sealed; nobody else writes either.
Rows are numbered without gaps under the writer's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson
from sqlalchemy import Connection

from tracking.decoding import storable, storable_attributes
from tracking.errors import Refusal
from tracking.offering import Incoming
from tracking.store import tables
from tracking.store.chain import FIRST_LINK, rejected_link, rejected_seal
from tracking.store.log import Offer
from tracking.store.statements import Row, insert, mark_of, select_by_keys, update

OPEN, REPLAYED, DISMISSED = "open", "replayed", "dismissed"
_CHANGING = ("first_us", "last_us", "times", "state", "settled_us", "person", "note", "position")
_UPDATED = (*_CHANGING, "seal")


@dataclass(slots=True)
class Refused:
    """A row of the list: its number and link, and what may change of it; moments in microseconds UTC."""

    id: int
    link: bytes
    first_us: int
    last_us: int
    times: int = 1
    state: str = OPEN
    settled_us: int | None = None
    person: str | None = None
    note: str | None = None
    position: int | None = None

    def came_again(self, first_us: int, last_us: int, times: int) -> None:
        """Count the same message once more; one that was replayed and is refused again is open again."""
        self.first_us, self.last_us = min(self.first_us, first_us), max(self.last_us, last_us)
        self.times += times
        if self.state == REPLAYED:
            self.state = OPEN

    def changing(self) -> Row:
        """Return the columns that may change, sealed, in the order they are written."""
        values = (
            self.first_us, self.last_us, self.times, self.state, self.settled_us, self.person, self.note, self.position,
        )  # fmt: skip
        return (*values, rejected_seal(self.link, values))


@dataclass(slots=True)
class _Fresh:
    """A message on its way into the list, the same ones of a batch together."""

    fixed: tuple[str | int | None, ...]
    body: bytes
    first_us: int
    last_us: int
    times: int = 1


def write_rejected(connection: Connection, refused: Sequence[tuple[Offer, Refusal]], count: int) -> int:
    """Keep what was refused and return how many rows the list has; ``count`` is how many it had.

    The same rubbish from one channel for one reason is one row, counted.
    """
    if not refused:
        return count
    fresh = _gathered(refused)
    known = {digest: row for digest, row in read_refused(connection, "digest", fresh).items() if digest in fresh}
    for digest, row in known.items():
        one = fresh[digest]
        row.came_again(one.first_us, one.last_us, one.times)
    write_changes(connection, known.values())
    return _insert(connection, {d: one for d, one in fresh.items() if d not in known}, count)


def read_refused(connection: Connection, key: str, values: Iterable[bytes | int]) -> dict[bytes | int, Refused]:
    """Return rows by their ``digest`` or ``id``."""
    columns = (key, "id", "link", *_CHANGING)
    rows = select_by_keys(connection, tables.rejected, columns, (key,), [(value,) for value in values])
    return {bytes(row[0]) if key == "digest" else row[0]: Refused(row[1], bytes(row[2]), *row[3:]) for row in rows}


def write_changes(connection: Connection, rows: Iterable[Refused]) -> None:
    """Write what has changed of rows, sealed anew."""
    update(connection, tables.rejected, _UPDATED, [(*row.changing(), row.id) for row in rows])


def _insert(connection: Connection, fresh: dict[bytes, _Fresh], count: int) -> int:
    link = _last_link(connection, count) if fresh else FIRST_LINK
    rows: list[Row] = []
    for digest, one in fresh.items():
        count += 1
        link = rejected_link(link, (count, *one.fixed), digest, one.body)
        state = Refused(count, link, one.first_us, one.last_us, one.times)
        rows.append(_row(count, digest, one, state))
    insert(connection, tables.rejected, rows)
    return count


def _last_link(connection: Connection, count: int) -> bytes:
    mark = mark_of(connection)
    found = connection.exec_driver_sql(f"SELECT link FROM rejected WHERE id = {mark}", (count,)).scalar()  # noqa: S608
    return FIRST_LINK if found is None else bytes(found)


def _row(number: int, digest: bytes, one: _Fresh, state: Refused) -> Row:
    channel, origin, lab, kind, attributes, reason, message, event_id = one.fixed
    first_us, last_us, times, *settled, seal = state.changing()
    return (
        number, digest, channel, origin, lab, kind, one.body, attributes, reason, message, event_id, first_us, last_us,
        times, *settled, state.link, seal,
    )  # fmt: skip


def _gathered(refused: Sequence[tuple[Offer, Refusal]]) -> dict[bytes, _Fresh]:
    fresh: dict[bytes, _Fresh] = {}
    for offer, reason in refused:
        digest, one = _fresh(offer, reason)
        known = fresh.setdefault(digest, one)
        if known is not one:
            known.first_us, known.last_us = min(known.first_us, one.first_us), max(known.last_us, one.last_us)
            known.times += 1
    return fresh


def _fresh(offer: Offer, refusal: Refusal) -> tuple[bytes, _Fresh]:
    came = offer.incoming
    event = offer.decoded.event if offer.decoded is not None else None
    event_id = event.id if event is not None else offer.identity.event_id
    lab = _lab_or_none(came.origin or (event.source if event is not None else offer.identity.source))
    attributes = _attributes_text(came)
    fixed = (
        storable(came.channel), came.origin and storable(came.origin), lab, came.kind, attributes, refusal.reason,
        storable(refusal.message), event_id,
    )  # fmt: skip
    return refused_digest(fixed, came.body), _Fresh(fixed, came.body, came.received_us, came.received_us)


def refused_digest(fixed: Sequence[str | int | None], body: bytes) -> bytes:
    """Return what tells refused messages apart: channel, origin, kind, reason, attributes and bytes."""
    channel, origin, _lab, kind, attributes, reason, *_rest = fixed
    parts = [str(part or "").encode() for part in (channel, origin, kind, reason, attributes)]
    return sha256(b"\x00".join([*parts, body])).digest()


def _attributes_text(came: Incoming) -> str | None:
    if came.attributes is None:
        return None
    return orjson.dumps(storable_attributes(came.attributes), option=orjson.OPT_SORT_KEYS).decode()


def _lab_or_none(source: str | None) -> str | None:
    parts = (source or "").split("/")
    return parts[2] if len(parts) == 4 else None
