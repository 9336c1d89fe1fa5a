"""The disk outbox of a connector: keeps every event until the store has it. Knows SQLite and nothing of MQTT.

Each start makes a new ``boot``; within it every device counts its events from 1. What an earlier start left behind is
kept under its old boot and numbers until it too is covered.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pysqlite3.dbapi2 as sqlite3

from devices.reserve import Reserve
from devices.topics import Channel, topic_of_source
from tracking.clock import Clock, to_rfc3339
from tracking.decoding import LARGEST_BODY
from tracking.errors import HistotwinError

_PAGE_BYTES = 4096
_WAL_PAGES = 64
_FEW = 30
_DELETE = "DELETE FROM pending WHERE source = ? AND boot = ? AND sequence <= ?"
_TABLE = """
CREATE TABLE IF NOT EXISTS pending (
    source TEXT NOT NULL, boot TEXT NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (source, boot, sequence)
) WITHOUT ROWID
"""


class OutboxFull(HistotwinError):
    """The disk (or the outbox's own limit) has no room: nothing was kept, nothing overwritten; tell the operator."""


class OutboxUnavailable(HistotwinError):
    """The outbox's file cannot be opened or written; nothing was kept."""


class EventTooLarge(HistotwinError):
    """The store would refuse an event of this size; nothing of the call was kept, and no number was given."""


class Stream(NamedTuple):
    """One device during one start of its outbox: the scope of a sequence."""

    source: str
    boot: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it is sent: its place in its stream, and the whole CloudEvent."""

    stream: Stream
    sequence: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a stream still holds: the first and the last sequence."""

    stream: Stream
    first: int
    last: int


class Outbox:
    """Events on disk, in order, until ``cover`` says that the store has them. May be used from any thread.

    ``max_bytes`` bounds the file. Raises ``OutboxUnavailable`` when the file cannot be opened, or is another
    process's.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        new_boot: Callable[[], str] = lambda: secrets.token_hex(8),
        max_bytes: int | None = None,
    ) -> None:
        self.boot = new_boot()
        self._clock = clock
        self._lock = threading.Lock()
        self._last: dict[str, int] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reserve = Reserve(path)
            self._db = _open(path, max_bytes)
        except (sqlite3.Error, OSError) as error:
            raise OutboxUnavailable(f"outbox {path} cannot be opened: {error}") from error

    def append(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Entry]:
        """Keep events of the form (source, CloudEvent fields) in one commit and return them as they will be sent.

        ``type`` and ``data`` are the caller's; ``id``, ``time``, ``source``, ``boot`` and ``sequence`` are filled in.
        Raises ``OutboxFull`` or ``OutboxUnavailable``, ``EventTooLarge`` for what the store would refuse for its size,
        ``WrongTopic`` for a source that is none. Then none is kept and no number is used.
        """
        with self._lock:
            entries, last = self._number(events)
            self._commit("INSERT INTO pending VALUES (?, ?, ?, ?)", [(*e.stream, e.sequence, e.body) for e in entries])
            self._last.update(last)
        return entries

    def leftovers(self) -> list[Leftover]:
        """Return every stream that holds something."""
        rows = self._read("SELECT source, boot, min(sequence), max(sequence) FROM pending GROUP BY source, boot")
        return [Leftover(Stream(source, boot), first, last) for source, boot, first, last in rows]

    def after(self, stream: Stream, sequence: int, most: int) -> list[Entry]:
        """Return up to ``most`` entries of a stream that come after ``sequence``, in order."""
        rows = self._read(
            "SELECT sequence, body FROM pending WHERE source = ? AND boot = ? AND sequence > ?"
            " ORDER BY sequence LIMIT ?",
            (*stream, sequence, most),
        )
        return [Entry(stream, number, body) for number, body in rows]

    def cover(self, through: Mapping[Stream, int]) -> None:
        """Forget what the store has: of each stream everything up to and including its sequence."""
        rows = [(*stream, sequence) for stream, sequence in through.items()]
        with self._lock:
            try:
                self._commit(_DELETE, rows)
            except OutboxFull:
                self._reserve.release()
                self._cover_bit_by_bit(through)
            self._reserve.restore()

    def _cover_bit_by_bit(self, through: Mapping[Stream, int]) -> None:
        """Delete on a full disk: forgetting takes room too, so only a little at a time, out of the reserve."""
        for stream, last in through.items():
            first = "SELECT min(sequence) FROM pending WHERE source = ? AND boot = ?"
            while (found := self._db.execute(first, stream).fetchone()[0]) is not None and found <= last:
                self._commit(_DELETE, [(*stream, min(last, found + _FEW))])

    def __len__(self) -> int:
        """Return how many events wait for their acknowledgement."""
        return int(self._read("SELECT count(*) FROM pending")[0][0])

    @property
    def is_empty(self) -> bool:
        """Say whether the store has everything."""
        return not self._read("SELECT 1 FROM pending LIMIT 1")

    def close(self) -> None:
        """Close the file; what waits, waits on disk."""
        with self._lock:
            self._db.close()

    def _number(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[list[Entry], dict[str, int]]:
        entries: list[Entry] = []
        last: dict[str, int] = {}
        now = to_rfc3339(self._clock.now_us() // 1000 * 1000)
        for source, event in events:
            topic_of_source(source, Channel.EVENT)
            last[source] = sequence = last.get(source, self._last.get(source, 0)) + 1
            body = self._body(source, sequence, now, event)
            _require_storable_size(source, body)
            entries.append(Entry(Stream(source, self.boot), sequence, body))
        return entries, last

    def _body(self, source: str, sequence: int, now: str, event: Mapping[str, Any]) -> bytes:
        identity = f"{self.boot}-{source.rsplit('/', 1)[1]}-{sequence}"
        document = {"specversion": "1.0", "id": identity, "time": now, "datacontenttype": "application/json", **event}
        return orjson.dumps({**document, "source": source, "boot": self.boot, "sequence": str(sequence)})

    def _read(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock:
            return list(self._db.execute(statement, values))

    def _commit(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(statement, rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo()
            raise _outbox_error(error) from error

    def _undo(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _require_storable_size(source: str, body: bytes) -> None:
    if len(body) > LARGEST_BODY:
        raise EventTooLarge(
            f"an event of {source} has {len(body)} bytes, more than the {LARGEST_BODY} that can be stored:"
            " say it with less data; nothing was kept"
        )


def _open(path: Path, max_bytes: int | None) -> sqlite3.Connection:
    """Open with FULL durability; EXCLUSIVE because two processes with one outbox would count twice."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.5)
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")  # a small log: what it holds needs room twice
    db.execute(_TABLE)
    if max_bytes is not None:
        db.execute(f"PRAGMA max_page_count={max(16, max_bytes // _PAGE_BYTES)}")
    return db


def _outbox_error(error: sqlite3.Error) -> HistotwinError:
    text = str(error)
    if "full" in text:
        return OutboxFull(
            "the outbox is full: make room on its disk, or let it reach the store; nothing was overwritten"
        )
    return OutboxUnavailable(f"the outbox cannot be written: {text}")
