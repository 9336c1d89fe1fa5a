"""Checks the log itself, row by row, against its chain: a changed value, a changed order, a missing row, an added one.

Reads once through the log in order of position and never decodes an event, so that a hundred thousand take a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tracking.store.chain import FIRST_LINK, event_link, rejected_link, rejected_seal
from tracking.store.refused import refused_digest
from tracking.store.statements import mark_of

ROWS_AT_ONCE = 5_000
_SHOWN = 5
_EVENTS = (
    "SELECT event.position, path, event.event_id, type, time_us, at_us, received_us, boot, sequence, digest, body, "
    "link, event_key.position FROM event LEFT JOIN source ON source.id = event.source_id "
    "LEFT JOIN event_key ON event_key.source_id = event.source_id AND event_key.event_id = event.event_id "
    "WHERE event.position > {mark} ORDER BY event.position LIMIT {limit}"
)
_REJECTED = (
    "SELECT id, channel, origin, lab, kind, attributes, reason, message, event_id, digest, body, link, seal, "
    "first_us, last_us, times, state, settled_us, person, note, position FROM rejected "
    "WHERE id > {mark} ORDER BY id LIMIT {limit}"
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A position and its link, noted outside the database at an earlier time."""

    position: int
    link: str

    def __str__(self) -> str:
        return f"{self.position}:{self.link}"


@dataclass(slots=True)
class LogCheck:
    """What a reading of the log has found; ``faults`` are sentences, at most a few of a kind."""

    events: int
    rejected: int
    head: Anchor
    faults: list[str]


def check_log(connection: Connection, anchor: Anchor | None = None) -> LogCheck:
    """Read the whole log and the list of refused messages and return what is wrong with them.

    With an anchor the log must still hold that link at that position.
    """
    faults = _Faults()
    start, link = _archived_through(connection)
    chain = _Chain(start, link, faults, anchor)
    for rows in _rows(connection, _EVENTS, start):
        chain.follow(rows)
    chain.end()
    rejected = _check_rejected(connection, faults)
    _check_keys(connection, chain.position, faults)
    _check_head(connection, chain, rejected, faults)
    return LogCheck(chain.position, rejected, Anchor(chain.position, chain.link.hex()), faults.sentences())


class _Faults:
    """Sentences about what is wrong, few of each kind, the rest counted."""

    def __init__(self) -> None:
        self._by_kind: dict[str, list[str]] = {}

    def add(self, kind: str, sentence: str) -> None:
        self._by_kind.setdefault(kind, []).append(sentence)

    def sentences(self) -> list[str]:
        told: list[str] = []
        for kind, some in self._by_kind.items():
            told += some[:_SHOWN]
            if len(some) > _SHOWN:
                told.append(f"There are {len(some) - _SHOWN} more such rows ({kind}).")
        return told


class _Chain:
    """Follows the links of events; goes on from what stands there after each fault, so that every fault is named."""

    def __init__(self, start: int, link: bytes, faults: _Faults, anchor: Anchor | None) -> None:
        self.position, self.link = start, link
        self._faults, self._anchor = faults, anchor
        self._is_anchored = anchor is None or anchor.position <= start

    def follow(self, rows: list[Any]) -> None:
        link, position, anchored = self.link, self.position, self._anchor.position if self._anchor else -1
        for row in rows:
            own, path, event_id, kind, time_us, at_us, received_us, boot, sequence, digest, body, stored, key = row
            if own != position + 1:
                self._faults.add("missing", f"Events {position + 1} to {own - 1} are missing from the log.")
            if path is None or key != own:
                self._faults.add("key", f"Event {own} has lost its source or its duplicate key.")
                digest = digest or b""
            made = event_link(
                link, own, path or "", event_id, kind, time_us, at_us, received_us, boot, sequence, digest, body
            )
            if made != stored:
                self._faults.add("link", f"Event {own}, or one before it, is not what was stored: its link differs.")
            link, position = bytes(stored), own
            if own == anchored:
                self._check_anchor(link)
        self.link, self.position = link, position

    def end(self) -> None:
        if not self._is_anchored and self._anchor is not None:
            self._faults.add("anchor", f"The log ends at {self.position}, before the anchor {self._anchor.position}.")

    def _check_anchor(self, link: bytes) -> None:
        self._is_anchored = True
        if self._anchor is not None and link.hex() != self._anchor.link:
            self._faults.add("anchor", f"The log up to {self._anchor.position} is not the one that the anchor was of.")


def _archived_through(connection: Connection) -> tuple[int, bytes]:
    """Return where the log in the table begins: after what is in archives only."""
    row = connection.exec_driver_sql(
        "SELECT last, link_last FROM archive WHERE dropped_us IS NOT NULL ORDER BY last DESC LIMIT 1"
    ).first()
    return (0, FIRST_LINK) if row is None else (row[0], bytes(row[1]))


def _check_rejected(connection: Connection, faults: _Faults) -> int:
    link, number = FIRST_LINK, 0
    for rows in _rows(connection, _REJECTED, 0):
        for row in rows:
            own, *fixed = row[:9]
            digest, body, stored, seal, changing = *map(bytes, row[9:13]), tuple(row[13:])
            if own != number + 1:
                faults.add("missing", f"Refused messages {number + 1} to {own - 1} are missing from the list.")
            made = rejected_link(link, (own, *fixed), digest, body)
            if made != stored or digest != refused_digest(fixed, body):
                faults.add("link", f"Refused message {own}, or one before it, is not what was kept: its link differs.")
            if rejected_seal(stored, changing) != seal:
                faults.add("seal", f"What became of refused message {own} was changed behind its seal.")
            link, number = stored, own
    return number


def _check_keys(connection: Connection, events: int, faults: _Faults) -> None:
    keys = connection.exec_driver_sql("SELECT count(*) FROM event_key").scalar_one()
    if keys != events:
        faults.add("key", f"There are {keys} duplicate keys for {events} events.")


def _check_head(connection: Connection, chain: _Chain, rejected: int, faults: _Faults) -> None:
    row = connection.exec_driver_sql("SELECT position, link, rejected FROM head WHERE id = 1").first()
    position, link, count = (row[0], bytes(row[1]), row[2]) if row is not None else (0, FIRST_LINK, 0)
    if (position, link) != (chain.position, chain.link):
        faults.add("head", f"The projections stand at position {position}, the log at {chain.position}.")
    if count != rejected:
        faults.add("head", f"The list of refused messages should have {count} rows and has {rejected}.")


def _rows(connection: Connection, sql: str, after: int) -> Iterator[list[Any]]:
    statement = sql.format(mark=mark_of(connection), limit=ROWS_AT_ONCE)
    while rows := connection.exec_driver_sql(statement, (after,)).all():
        yield list(rows)
        after = rows[-1][0]
