"""Stand-ins for what the wires reach: a store in memory, a store on disk that survives a kill, a clock."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pysqlite3.dbapi2 as sqlite3

from tracking.errors import StoreUnavailable
from tracking.offering import Incoming, Receipt


class StoreInMemory:
    """A store as the wires see it: identities, contiguous sequences, a rejected list, and days when it is down."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, str], bytes] = {}
        self.order: list[str] = []
        self.rejected: list[Incoming] = []
        self.states: list[tuple[str | None, bytes]] = []
        self.batches: list[int] = []
        self.is_down = threading.Event()
        self.trips_over: bytes | None = None
        self._seen: dict[tuple[str, str], set[int]] = {}

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        if self.is_down.is_set():
            raise StoreUnavailable("the database is down")
        if self.trips_over and any(self.trips_over in i.body and not i.refusal for i in batch):
            raise ZeroDivisionError("a fault of ours")
        self.batches.append(len(batch))
        return [self._take(incoming) for incoming in batch]

    def go_back_to(self, count: int) -> None:
        """Become what a copy of the first ``count`` events is, all of one device."""
        self.events = dict(list(self.events.items())[:count])
        self.order = self.order[:count]
        self._seen = {stream: set(range(1, count + 1)) for stream in self._seen}

    def _take(self, incoming: Incoming) -> Receipt:
        if incoming.refusal:
            return self._reject(incoming, incoming.refusal)
        if incoming.kind == "state":
            self.states.append((incoming.origin, incoming.body))
            return Receipt("accepted", "accepted", "", "")
        if incoming.kind == "raw":
            return self._keep(incoming, {"id": f"made-{len(self.events)}", "type": "histotwin.item.scanned"})
        try:
            document = {**(incoming.attributes or {}), **json.loads(incoming.body)}
            return self._keep(incoming, document)
        except (ValueError, TypeError, KeyError, RecursionError):
            return self._reject(incoming, "not_json")

    def _reject(self, incoming: Incoming, reason: str) -> Receipt:
        self.rejected.append(incoming)
        return Receipt("rejected", "rejected", reason, "not taken")

    def _keep(self, incoming: Incoming, document: dict[str, str]) -> Receipt:
        source, identity = incoming.origin or document["source"], document["id"]
        known = self.events.setdefault((source, identity), incoming.body)
        fate = "accepted" if identity not in self.order else "duplicate" if known == incoming.body else "conflict"
        if fate == "accepted":
            self.order.append(identity)
        boot, sequence = document.get("boot"), document.get("sequence")
        through = self._through(source, boot, int(sequence)) if boot and sequence else None
        return Receipt(
            fate, "accepted", fate, fate, identity, document.get("type"), source,
            boot=boot, sequence=int(sequence) if sequence else None, stored_through=through,
        )  # fmt: skip

    def _through(self, source: str, boot: str, sequence: int) -> int:
        seen = self._seen.setdefault((source, boot), set())
        seen.add(sequence)
        through = 0
        while through + 1 in seen:
            through += 1
        return through


class StoreOnDisk:
    """A durable store small enough to trust: one table, unique identity, committed before it answers."""

    def __init__(self, path: Path) -> None:
        self._known_through: dict[tuple[str, str], int] = {}
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS event (source, boot, sequence INTEGER, body, deliveries INTEGER DEFAULT 1,"
            " PRIMARY KEY (source, boot, sequence)) WITHOUT ROWID"
        )

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        self._db.execute("BEGIN IMMEDIATE")
        receipts = [self._take(incoming) for incoming in batch]
        self._db.execute("COMMIT")
        return receipts

    def _take(self, incoming: Incoming) -> Receipt:
        document = json.loads(incoming.body) if incoming.kind == "event" else {}
        if "sequence" not in document:
            return Receipt("accepted", "accepted", "accepted", "accepted")
        source, boot, sequence = document["source"], document["boot"], int(document["sequence"])
        self._db.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET deliveries = deliveries + 1",
            (source, boot, sequence, incoming.body),
        )
        return Receipt(
            "accepted", "accepted", "", "", document["id"], document["type"], source,
            boot=boot, sequence=sequence, stored_through=self._through(source, boot),
        )  # fmt: skip

    def _through(self, source: str, boot: str) -> int:
        through = self._known_through.get((source, boot), 0)
        while self._has(source, boot, through + 1):
            through += 1
        self._known_through[(source, boot)] = through
        return through

    def _has(self, source: str, boot: str, sequence: int) -> bool:
        place = (source, boot, sequence)
        found = self._db.execute("SELECT 1 FROM event WHERE source = ? AND boot = ? AND sequence = ?", place)
        return found.fetchone() is not None

    def stored(self) -> list[tuple[str, str, int]]:
        rows = self._db.execute("SELECT source, boot, sequence FROM event ORDER BY source, boot, sequence")
        return [(source, boot, sequence) for source, boot, sequence in rows]


class HandClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now_us: int = 1_795_000_000_000_000) -> None:
        self.us = now_us

    def now_us(self) -> int:
        return self.us

    def monotonic_s(self) -> float:
        return self.us / 1e6

    def advance(self, seconds: float) -> None:
        self.us += int(seconds * 1e6)
