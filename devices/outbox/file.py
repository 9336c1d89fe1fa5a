"""The SQLite file of an outbox: its tables, its transactions, its errors. What may be forgotten is not decided here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pysqlite3.dbapi2 as sqlite3

from devices.outbox.streams import Entry, Holding, StoreSeen, Stream
from tracking.errors import HistotwinError

_PAGE_BYTES = 4096
_WAL_PAGES = 64
_FEWEST_PAGES, _MOST_PAGES = 16, 4_294_967_294
_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS held (
        source TEXT NOT NULL, boot TEXT NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (source, boot, sequence)
    ) WITHOUT ROWID
    """,
    # Up to ``through`` the store had a stream at ``at_s``, in seconds of the outbox's own running time.
    """
    CREATE TABLE IF NOT EXISTS stored (
        at_s INTEGER NOT NULL, source TEXT NOT NULL, boot TEXT NOT NULL, through INTEGER NOT NULL,
        PRIMARY KEY (at_s, source, boot)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS memory (
        one INTEGER PRIMARY KEY CHECK (one = 1), lived_s INTEGER NOT NULL, store TEXT, head INTEGER
    )
    """,
    "INSERT OR IGNORE INTO memory VALUES (1, 0, NULL, NULL)",
)


class OutboxFull(HistotwinError):
    """The disk (or the outbox's own limit) has no room: nothing was kept, nothing overwritten; tell the operator."""


class OutboxUnavailable(HistotwinError):
    """The outbox's file cannot be opened or written; nothing was kept."""


class Forgetting(NamedTuple):
    """What to delete of a stream: its ``events`` first events, up to ``last``, and the notes up to ``last_note``."""

    stream: Stream
    last: int
    last_note: int
    events: int


class OutboxFile:
    """One process's file. Not thread-safe. Writes belong in a ``transaction``; each is durable when that returns.

    Raises ``OutboxFull`` or ``OutboxUnavailable``; then nothing of the transaction was written.
    """

    def __init__(self, path: Path, max_bytes: int | None) -> None:
        self._most_pages = _MOST_PAGES if max_bytes is None else max(_FEWEST_PAGES, max_bytes // _PAGE_BYTES)
        self._may_grow = False
        try:
            self._db = _connect(path)
            self.grow_again()
        except sqlite3.Error as error:
            raise _outbox_error(error) from error
        try:
            self._make_tables()
        except HistotwinError:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is written inside, or nothing of it."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise _outbox_error(error) from error
            raise

    def insert(self, entries: Sequence[Entry]) -> None:
        """Keep events."""
        rows = [(*entry.stream, entry.sequence, entry.body) for entry in entries]
        self._db.executemany("INSERT INTO held VALUES (?, ?, ?, ?)", rows)

    def after(self, stream: Stream, sequence: int, most: int) -> list[Entry]:
        """Return up to ``most`` events of a stream that come after ``sequence``, in order."""
        rows = self._db.execute(
            "SELECT sequence, body FROM held WHERE source = ? AND boot = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            (*stream, sequence, most),
        )
        return [Entry(stream, number, body) for number, body in rows]

    def holdings(self) -> dict[Stream, Holding]:
        """Return what is held of every stream; reads a few pages a stream, however much is held."""
        through = {Stream(source, boot): last for source, boot, last in self._db.execute(
            "SELECT source, boot, max(through) FROM stored GROUP BY source, boot")}  # fmt: skip
        return {stream: self._holding(stream, through.get(stream, 0)) for stream in self._streams()}

    def note_stored(self, at_s: int, through: Mapping[Stream, int]) -> None:
        """Note how far the store has each stream at a moment of running time."""
        self._db.executemany(
            "INSERT INTO stored VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET through = max(through, excluded.through)",
            [(at_s, *stream, sequence) for stream, sequence in through.items()],
        )

    def take_back(self, stream: Stream, through: int) -> None:
        """Note that the store has a stream no further than this."""
        self._db.execute("DELETE FROM stored WHERE source = ? AND boot = ? AND through > ?", (*stream, through))

    def stored_first(self, most: int) -> list[tuple[int, Stream, int]]:
        """Return the oldest notes of what the store has: running time, stream, sequence."""
        rows = self._db.execute("SELECT at_s, source, boot, through FROM stored ORDER BY at_s LIMIT ?", (most,))
        return [(at_s, Stream(source, boot), through) for at_s, source, boot, through in rows]

    def forget(self, gone: Iterable[Forgetting]) -> None:
        """Delete events, and the notes that speak of nothing else."""
        for stream, last, last_note, _ in gone:
            self._db.execute("DELETE FROM held WHERE source = ? AND boot = ? AND sequence <= ?", (*stream, last))
            self._db.execute("DELETE FROM stored WHERE source = ? AND boot = ? AND through <= ?", (*stream, last_note))

    def empty_log(self) -> bool:
        """Move what SQLite's log holds into the file and begin it anew in the room it has; say if that went."""
        try:
            busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        except sqlite3.Error:
            return False
        return not busy

    def stop_growing(self) -> None:
        """Let the file take no more of the disk than it has: what is written goes where something was deleted."""
        self._db.execute(f"PRAGMA max_page_count={self._one('PRAGMA page_count')}")
        self._may_grow = False

    def grow_again(self) -> None:
        """Let the file grow as far as it was allowed from the first."""
        if not self._may_grow:
            self._db.execute(f"PRAGMA max_page_count={self._most_pages}")
            self._may_grow = True

    @property
    def used_bytes(self) -> int:
        """How much of the file holds something."""
        pages: int = self._one("PRAGMA page_count") - self._one("PRAGMA freelist_count")
        return _PAGE_BYTES * pages

    def remembered(self) -> tuple[int, StoreSeen | None]:
        """Return the running time so far in seconds, and the store last seen."""
        lived_s, store, head = self._db.execute("SELECT lived_s, store, head FROM memory").fetchone()
        return lived_s, None if store is None else StoreSeen(store, head)

    def remember(self, lived_s: int, seen: StoreSeen | None) -> None:
        """Note the running time, and the store seen where one is given."""
        if seen is None:
            self._db.execute("UPDATE memory SET lived_s = ?", (lived_s,))
        else:
            self._db.execute("UPDATE memory SET lived_s = ?, store = ?, head = ?", (lived_s, seen.store, seen.head))

    def _make_tables(self) -> None:
        """Make what is missing; a file from before events were kept beyond their acknowledgement is taken over."""
        with self.transaction():
            if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'pending'").fetchone():
                self._db.execute("ALTER TABLE pending RENAME TO held")
            for statement in _TABLES:
                self._db.execute(statement)

    def _streams(self) -> Iterator[Stream]:
        """Step from stream to stream by the index instead of reading every event."""
        row = ("", "")
        following = "SELECT source, boot FROM held WHERE (source, boot) > (?, ?) ORDER BY source, boot LIMIT 1"
        while (row := self._db.execute(following, row).fetchone()) is not None:
            yield Stream(*row)

    def _holding(self, stream: Stream, through: int) -> Holding:
        first, last = (
            self._one(f"SELECT {which}(sequence) FROM held WHERE source = ? AND boot = ?", stream)  # noqa: S608
            for which in ("min", "max")
        )
        return Holding(first, min(max(through, first - 1), last), last)

    def _one(self, statement: str, values: Sequence[object] = ()) -> Any:
        return self._db.execute(statement, values).fetchone()[0]


def _connect(path: Path) -> sqlite3.Connection:
    """Open with FULL durability; EXCLUSIVE because two processes with one outbox would count twice."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.5)
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")  # a small log: what it holds needs room twice
    return db


def _outbox_error(error: sqlite3.Error) -> HistotwinError:
    text = str(error)
    if "full" in text:
        return OutboxFull(
            "the outbox is full: make room on its disk, or let it reach the store; nothing was overwritten"
        )
    return OutboxUnavailable(f"the outbox cannot be written: {text}")
