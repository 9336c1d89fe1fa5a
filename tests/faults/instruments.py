"""A program of the storm: the instruments of one gateway of laboratory rl4, publishing through the real connector.

It publishes as far as its orders (standard input: ``until 500``, ``repeat 20``) allow, notes in its ledger what
``publish`` said is kept, and ends with 0 when all of its events are made and the outbox is empty.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from dashboard.operations.supervisor import die_with_parent
from devices.connectors.gateway import Gateway, GatewaySettings, Reply
from devices.outbox import Entry, Outbox
from devices.session import BrokerAddress
from tests.faults.ledger import Ledger, Note
from tracking.clock import SystemClock
from tracking.kill_points import arm

NETWORK, LAB = "bcps", "rl4"
MARK = "storm"  # in an event's data: its number among those of its gateway
STORY = 8  # events a case has
_REMEMBERED = 400
LARGEST_BATCH = 8  # events published at once: as many may stay unmade when a kill comes before the disk has them

Event = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Bench:
    """The half of the laboratory that is behind one gateway; ``first_case`` keeps the halves' cases apart."""

    gateway: str
    first_case: int
    reception: tuple[str, ...]
    cut_up: tuple[str, ...]
    processor: tuple[str, ...]
    embedder: tuple[str, ...]
    microtome: tuple[str, ...]
    stainer: tuple[str, ...]
    coverslipper: tuple[str, ...]
    scanner: tuple[str, ...]

    @property
    def devices(self) -> tuple[str, ...]:
        """Every device that publishes events here."""
        return (*self.reception, *self.cut_up, *self.processor, *self.embedder, *self.microtome, *self.stainer,
                *self.coverslipper, *self.scanner)  # fmt: skip


BENCHES = {
    "gateway-1": Bench(
        "gateway-1", 100_000, ("reception-1", "reception-2"), ("cut-up-1", "cut-up-2", "cut-up-3"),
        ("processor-1", "processor-2"), ("embedder-1", "embedder-2", "embedder-3"),
        ("microtome-1", "microtome-2", "microtome-3", "microtome-4"), ("stainer-1",), ("coverslipper-1",),
        ("scanner-1", "scanner-2"),
    ),
    "lims-1": Bench(
        "lims-1", 500_000, ("lims-1", "reception-3"), ("cut-up-4", "cut-up-5", "cut-up-6"),
        ("processor-3", "processor-4"), ("embedder-4", "embedder-5", "embedder-6"),
        ("microtome-5", "microtome-6", "microtome-7", "microtome-8"), ("stainer-2",), ("coverslipper-2",),
        ("scanner-3", "scanner-4"),
    ),
}  # fmt: skip


def event_number(bench: Bench, number: int) -> Event:
    """Return the device and the fields of one event: the stations of case after case, from reception to scanner."""
    case = f"S26-{bench.first_case + number // STORY:06d}"
    specimen, block, slides = f"{case}-A", f"{case}-A-1", [f"{case}-A-1-1", f"{case}-A-1-2"]
    turns = number // STORY

    def of(devices: tuple[str, ...]) -> str:
        return devices[turns % len(devices)]

    def done(step: str, subject: str, **data: Any) -> Mapping[str, Any]:
        return _event("step.completed", subject, number, step=step, operator=f"bms-{turns % 9 + 1}", **data)

    stages: tuple[Event, ...] = (
        (of(bench.reception), _event("case.received", case, number, case=case, received_at="2026-11-20T09:00:00Z",
                                     specimens=[specimen])),
        (of(bench.cut_up), done("cut_up", specimen, children=[block])),
        (of(bench.processor), done("processing", block)),
        (of(bench.embedder), done("embedding", block)),
        (of(bench.microtome), done("microtomy", block, children=slides)),
        (of(bench.stainer), _event("run.completed", case, number, run=f"run-{case}", items=slides, step="staining")),
        (of(bench.coverslipper), done("coverslipping", slides[0])),
        (of(bench.scanner), _event("image.available", slides[0], number, study_uid=f"1.2.{number}")),
    )  # fmt: skip
    return stages[number % STORY]


def _event(kind: str, subject: str, number: int, **data: Any) -> Mapping[str, Any]:
    return {"type": f"histotwin.{kind}", "subject": subject, "data": {**data, MARK: number}}


@dataclass(slots=True)
class Orders:
    """What the storm says on standard input."""

    allowed: int = 0
    to_repeat: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def listen(self) -> None:
        """Read orders until the storm itself is gone, then end the process."""
        for line in sys.stdin:
            word, figure = line.split()
            with self._changed:
                if word == "until":
                    self.allowed = int(figure)
                else:
                    self.to_repeat += int(figure)
                self._changed.notify_all()
        os._exit(1)

    def may_make(self, number: int, patience_s: float) -> bool:
        """Wait a while until an event of this number may be made."""
        with self._changed:
            return self._changed.wait_for(lambda: number < self.allowed, patience_s)

    def take_repeats(self) -> int:
        """Return how many old events to publish once more now."""
        with self._changed:
            wanted, self.to_repeat = self.to_repeat, 0
        return wanted


class Instruments:
    """Publishes, notes, repeats. ``total`` events in all starts of the program together."""

    def __init__(self, bench: Bench, gateway: Gateway, note: Note, first: int, total: int) -> None:
        self._bench, self._gateway, self._note = bench, gateway, note
        self._made, self._total = first, total
        self._luck = random.Random(first)
        self._old: deque[tuple[Entry, str]] = deque(maxlen=_REMEMBERED)

    def work(self, orders: Orders, per_second: float) -> None:
        """Publish until all events are made and the store has them."""
        due_s = time.monotonic()
        while self._made < self._total:
            if orders.may_make(self._made, 0.2):
                due_s = max(due_s, time.monotonic() - 1.0) + self._publish(orders.allowed) / per_second
                time.sleep(max(0.0, due_s - time.monotonic()))
                self._repeat(orders.take_repeats())
        while not self._gateway.flush(0.5):
            self._repeat(orders.take_repeats())

    def _publish(self, allowed: int) -> int:
        count = min(self._luck.randint(1, LARGEST_BATCH), min(allowed, self._total) - self._made)
        self._note.trying(self._made, count)
        entries = self._gateway.publish([event_number(self._bench, self._made + place) for place in range(count)])
        named = list(_named(entries))
        self._note.kept(self._made, named)
        self._old.extend(named)
        self._made += count
        return count

    def _repeat(self, wanted: int) -> None:
        for entry, event_id in self._luck.sample(list(self._old), min(wanted, len(self._old))):
            self._gateway.repeat(entry)
            self._note.repeated(event_id)


def _named(entries: list[Entry]) -> Iterator[tuple[Entry, str]]:
    for entry in entries:
        yield entry, orjson.loads(entry.body)["id"]


def _run(given: argparse.Namespace) -> None:
    die_with_parent()
    point, _, passages = given.kill_at.partition(":")
    arm(point, int(passages or 1))
    ledger = Ledger(Path(given.folder) / "ledger.txt")
    ledger.refresh()
    note, bench = Note(ledger.path), BENCHES[given.gateway]
    orders = Orders()
    threading.Thread(target=orders.listen, daemon=True).start()
    gateway = _gateway(given, Listener(bench, note))
    gateway.start()
    Instruments(bench, gateway, note, ledger.tried, given.total).work(orders, given.rate)
    gateway.close(1.0)


def _gateway(given: argparse.Namespace, listener: Callable[[Reply], None]) -> Gateway:
    clock = SystemClock()
    settings = GatewaySettings(NETWORK, LAB, given.gateway, BrokerAddress(port=given.port))
    return Gateway(settings, Outbox(Path(given.folder) / "outbox.db", clock), clock, on_reply=listener)


class Listener:
    """Notes what the store says of this bench; a gateway hears the answers to its whole laboratory."""

    def __init__(self, bench: Bench, note: Note) -> None:
        self._devices, self._note = frozenset(bench.devices), note

    def __call__(self, reply: Reply) -> None:
        if reply.reason == "duplicate" and reply.device in self._devices:
            self._note.heard_duplicate(str(reply.id))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", required=True, choices=BENCHES)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--total", required=True, type=int, help="events to make in all starts together")
    parser.add_argument("--rate", default=150.0, type=float, help="events a second")
    parser.add_argument("--kill-at", default="", help="kill point, or point:n")
    return parser.parse_args()


if __name__ == "__main__":
    _run(_arguments())
