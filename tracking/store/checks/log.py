"""Checks the log itself, row by row, against its chain: a changed value, a changed order, a missing row, an added one.

Reads once through the log in order of position and never decodes an event, so that a hundred thousand take a second.
What is in archives only is read there; where no folder of archives is named the check begins at the last one's link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tracking.store import tables
from tracking.store.archives.read import ArchiveMissing, ArchiveRow, Archives, archive_rows
from tracking.store.chain import FIRST_LINK, event_link, rejected_link, rejected_seal, source_link
from tracking.store.checks.archives import check_archives
from tracking.store.checks.faults import Faults
from tracking.store.checks.quick import fetch_quickly
from tracking.store.refused import DISMISSED, OPEN, REPLAYED, refused_digest
from tracking.store.statements import mark_of, select_by_keys

ROWS_AT_ONCE = 5_000
DIGEST_BYTES = 32
_EVENTS = (
    "SELECT event.position, event.source_id, event.event_id, type, time_us, at_us, received_us, boot, sequence, "
    "digest, body, link, event_key.position FROM event LEFT JOIN event_key "
    "ON event_key.source_id = event.source_id AND event_key.event_id = event.event_id "
    "WHERE event.position > {mark} ORDER BY event.position LIMIT {limit}"
)
_REJECTED = (
    "SELECT id, channel, origin, lab, kind, attributes, reason, message, event_id, digest, body, link, seal, "
    "first_us, last_us, times, state, settled_us, person, note, position FROM rejected "
    "WHERE id > {mark} ORDER BY id LIMIT {limit}"
)
TellProgress = Callable[[int, int], None]
"""(events done, events in all)"""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A position and its link, noted outside the database at an earlier time."""

    position: int
    link: str

    def __str__(self) -> str:
        return f"{self.position}:{self.link}"


@dataclass(slots=True)
class LogCheck:
    """What a reading of the log has found; ``faults`` are sentences, at most a few of a kind.

    ``unread`` counts the events that are in archives only and were not read, because no folder was named.
    """

    events: int
    unread: int
    rejected: int
    head: Anchor
    faults: list[str]


def quietly(_done: int, _total: int) -> None:
    """Tell nobody."""


def check_log(
    connection: Connection, anchor: Anchor | None = None, archives: Archives | None = None,
    progress: TellProgress = quietly,
) -> LogCheck:  # fmt: skip
    """Read the whole log and the list of refused messages and return what is wrong with them.

    With an anchor the log must still hold that link at that position.
    """
    faults = Faults()
    known = archive_rows(connection)
    check_archives(connection, known, archives, faults)
    total = _head_position(connection)
    chain = _archived_chain(connection, known, archives, faults, anchor)
    unread = chain.position if archives is None or archives.folder is None else 0
    for rows in _rows(connection, _EVENTS, chain.position):
        chain.follow(rows)
        progress(chain.position, total)
    chain.end()
    rejected = _check_rejected(connection, chain.position, faults)
    _check_keys(connection, chain.position, faults)
    _check_head(connection, chain, rejected, _check_sources(connection), faults)
    return LogCheck(chain.position, unread, rejected, Anchor(chain.position, chain.link.hex()), faults.sentences())


class _Chain:
    """Follows the links of events; goes on from what stands there after each fault, so that every fault is named."""

    def __init__(
        self, paths: Mapping[int, str], start: int, link: bytes, faults: Faults, anchor: Anchor | None
    ) -> None:
        self.position, self.link = start, link
        self._faults, self._anchor = faults, anchor
        self._paths = paths
        self._is_anchored = anchor is None or anchor.position < start
        if anchor is not None and anchor.position == start:
            self._check_anchor(link)

    def follow(self, rows: Sequence[Sequence[Any]]) -> None:
        link, position, anchored = self.link, self.position, self._anchor.position if self._anchor else -1
        paths = self._paths
        for row in rows:
            own, source_id, event_id, kind, time_us, at_us, received_us, boot, sequence, digest, body, stored, key = row
            path: Any = paths.get(source_id)
            if own != position + 1:
                self._faults.add("missing", f"Events {position + 1} to {own - 1} are missing from the log.")
            if path is None or key != own:
                self._faults.add("key", f"Event {own} has lost its source or its duplicate key.")
            elif len(digest) != DIGEST_BYTES:  # bytes moved between digest and body would leave the link as it is
                self._faults.add("key", f"The duplicate key of event {own} holds no digest.")
            try:
                made = event_link(
                    link, own, path, event_id, kind, time_us, at_us, received_us, boot, sequence, digest, body
                )
            except TypeError:  # a value of another kind than was stored
                made = b""
            if made != stored:
                self._faults.add("link", f"Event {own}, or one before it, is not what was stored: its link differs.")
            link, position = as_bytes(stored), own
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


def as_bytes(value: object) -> bytes:
    """Return what should be bytes as bytes, whatever somebody has put there."""
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def _archived_chain(
    connection: Connection, known: list[ArchiveRow], archives: Archives | None, faults: Faults, anchor: Anchor | None
) -> _Chain:
    """Return the chain as far as it is in archives only, followed there when their folder is named."""
    dropped = [archive for archive in known if archive.dropped_us is not None]
    paths = {number: path for number, path in connection.exec_driver_sql("SELECT id, path FROM source").all()}  # noqa: C416  # rows, not pairs
    if archives is not None and archives.folder is not None and dropped:
        chain = _Chain(paths, 0, FIRST_LINK, faults, anchor)
        with suppress(ArchiveMissing):  # noted already by the check of the files
            for rows in archives.rows(connection):
                chain.follow(_as_checked(connection, rows))
            return chain
    start, link = (dropped[-1].last, dropped[-1].link_last) if dropped else (0, FIRST_LINK)
    return _Chain(paths, start, link, faults, anchor)


def _as_checked(connection: Connection, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return archived rows as ``_EVENTS`` would give them: digest and key as the database has them today."""
    columns = ("source_id", "event_id", "digest", "position")
    wanted = [(row[1], row[3]) for row in rows]
    found = select_by_keys(connection, tables.event_key, columns, ("source_id", "event_id"), wanted)
    keys = {row[:2]: (as_bytes(row[2]), row[3]) for row in found}
    return [
        (*row[:2], *row[3:10], digest, *row[11:], key)
        for row in rows
        for digest, key in (keys.get((row[1], row[3]), (b"", None)),)
    ]


def _check_rejected(connection: Connection, head: int, faults: Faults) -> int:
    link, number = FIRST_LINK, 0
    for rows in _rows(connection, _REJECTED, 0):
        for row in rows:
            own, *fixed = row[:9]
            digest, body, stored, seal, changing = *map(as_bytes, row[9:13]), tuple(row[13:])
            if own != number + 1:
                faults.add("missing", f"Refused messages {number + 1} to {own - 1} are missing from the list.")
            if not _is_linked(link, (own, *fixed), digest, body, stored):
                faults.add("link", f"Refused message {own}, or one before it, is not what was kept: its link differs.")
            _check_state(own, changing, head, faults)
            if not _is_sealed(stored, changing, seal):
                faults.add("seal", f"What became of refused message {own} was changed behind its seal.")
            link, number = stored, own
    return number


def _check_state(number: int, changing: tuple[Any, ...], head: int, faults: Faults) -> None:
    state, position = changing[3], changing[7]
    if state not in (OPEN, REPLAYED, DISMISSED):
        faults.add("state", f"Refused message {number} is in no state that there is: {state!a}.")
    if (position is None and state == REPLAYED) or (position is not None and not 1 <= position <= head):
        faults.add("state", f"Refused message {number} is noted as event {position}, which the log does not hold.")


def _is_linked(before: bytes, fixed: tuple[Any, ...], digest: bytes, body: bytes, stored: bytes) -> bool:
    with suppress(TypeError):  # a value of another kind than was stored
        return rejected_link(before, fixed, digest, body) == stored and digest == refused_digest(fixed[1:], body)
    return False


def _is_sealed(link: bytes, changing: tuple[Any, ...], seal: bytes) -> bool:
    with suppress(TypeError):
        return rejected_seal(link, changing) == seal
    return False


def _check_sources(connection: Connection) -> bytes:
    """Return the link over all sources as they stand."""
    link = FIRST_LINK
    with suppress(TypeError):  # a value of another kind than was stored
        for number, path, lab in connection.exec_driver_sql("SELECT id, path, lab FROM source ORDER BY id"):
            link = source_link(link, number, path, lab)
        return link
    return b""


def _check_keys(connection: Connection, events: int, faults: Faults) -> None:
    keys = connection.exec_driver_sql("SELECT count(*) FROM event_key").scalar_one()
    if keys != events:
        faults.add("key", f"There are {keys} duplicate keys for {events} events.")


def _check_head(connection: Connection, chain: _Chain, rejected: int, sources: bytes, faults: Faults) -> None:
    row = connection.exec_driver_sql("SELECT position, link, rejected, sources FROM head WHERE id = 1").first()
    position, link, count, linked = tuple(row) if row is not None else (0, FIRST_LINK, 0, FIRST_LINK)
    if (position, as_bytes(link)) != (chain.position, chain.link):
        faults.add("head", f"The projections stand at position {position}, the log at {chain.position}.")
    if count != rejected:
        faults.add("head", f"The list of refused messages should have {count} rows and has {rejected}.")
    if as_bytes(linked) != sources:
        faults.add("head", "The list of sources is not what was stored: one was changed, added or taken away.")


def _head_position(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT coalesce(max(position), 0) FROM head").scalar_one())


def _rows(connection: Connection, sql: str, after: int) -> Iterator[list[Any]]:
    statement = sql.format(mark=mark_of(connection), limit=ROWS_AT_ONCE)
    while rows := fetch_quickly(connection, statement, (after,)):
        yield rows
        after = rows[-1][0]
