"""Stand-ins for what the wires reach: a store in memory, a store on disk that survives a kill, a clock."""

from __future__ import annotations

import json
import secrets
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
import pysqlite3.dbapi2 as sqlite3

from tracking.clock import Clock, to_rfc3339
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


@dataclass
class Copy:
    """What a copy of a store at the wire holds."""

    streams: dict[tuple[str, str], dict[int, bytes]]
    head: int


class StoreAtTheWire:
    """A store of streams behind a real broker that acknowledges as ingest does: identity, head and its own clock.

    It can be copied and put back, it can miss an event once, and it counts every delivery.
    """

    def __init__(self, port: int, clock: Clock) -> None:
        self.identity, self.head, self.clock = secrets.token_hex(8), 0, clock
        self.streams: dict[tuple[str, str], dict[int, bytes]] = {}
        self.deliveries: Counter[str] = Counter()
        self.misses: set[int] = set()
        self._lock = threading.Lock()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = lambda _c, _u, message: self._hear(message)
        ready = threading.Event()
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("histotwin/+/+/+/event", qos=1)
        self._client.loop_start()
        assert ready.wait(10)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def copy(self) -> Copy:
        with self._lock:
            return Copy({stream: dict(events) for stream, events in self.streams.items()}, self.head)

    def put_back(self, copy: Copy, *, as_another: bool = True) -> None:
        with self._lock:
            self.streams = {stream: dict(events) for stream, events in copy.streams.items()}
            self.head = copy.head
            self.identity = secrets.token_hex(8) if as_another else self.identity

    def tell(self, source: str, boot: str) -> None:
        """Say unprompted how far a stream is; the empty boot: that nothing of the device is known."""
        with self._lock:
            self._acknowledge(source, boot)

    def bodies(self) -> set[bytes]:
        with self._lock:
            return {body for events in self.streams.values() for body in events.values()}

    def _hear(self, message: mqtt.MQTTMessage) -> None:
        event = json.loads(message.payload)
        source, boot, sequence = event["source"], event["boot"], int(event["sequence"])
        with self._lock:
            self.deliveries[event["id"]] += 1
            if sequence in self.misses:
                self.misses.remove(sequence)
                return
            known = self.streams.setdefault((source, boot), {})
            if sequence in known:
                said = {"id": event["id"], "verdict": "accepted", "reason": "duplicate", "message": "Already stored."}
                self._say(source, "reply", said)
            else:
                known[sequence] = bytes(message.payload)
                self.head += 1
            self._acknowledge(source, boot)

    def _acknowledge(self, source: str, boot: str) -> None:
        known, through = self.streams.get((source, boot), {}), 0
        while through + 1 in known:
            through += 1
        at = to_rfc3339(self.clock.now_us())
        said = {"boot": boot, "sequence": through, "store": self.identity, "head": self.head, "at": at}
        self._say(source, "ack", said)

    def _say(self, source: str, channel: str, said: dict[str, object]) -> None:
        self._client.publish(f"histotwin{source}/{channel}", json.dumps(said), qos=1)


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
