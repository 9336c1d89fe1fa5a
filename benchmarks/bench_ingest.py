"""Ingest beside a plain receive-and-insert of the same messages: CPU per event of the receiving process, wall rate.

Each round drains a persistent session that holds all messages (MQTT QoS 1, real Mosquitto), so that no publisher
shares the clock; the receivers take turns. ``plain`` is the least that is durable: paho, manual acknowledgement, one
``executemany`` of (topic, payload) with a unique key a batch, SQLite WAL with ``synchronous=FULL``. ``ours`` decodes,
judges, stores, projects, acknowledges and answers.

    python -m benchmarks.bench_ingest [--events 20000] [--rounds 3] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import queue
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import paho.mqtt.client as mqtt
import pysqlite3.dbapi2 as sqlite3
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.ingest import Ingest, IngestSettings
from devices.session import BrokerAddress
from tests.services import mosquitto
from tracking.clock import SystemClock, to_rfc3339
from tracking.door import Door, Incoming, Receipt
from tracking.registry import load_registry
from tracking.store.database import open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade

ROOT = Path(__file__).parents[1]
NETWORK, LAB = "bcps", "rl4"
SESSION_S = 3600


# What a laboratory sends.


class Voice:
    """Gives events their envelope: identity, boot, sequence, time."""

    def __init__(self) -> None:
        self._sequences: dict[str, int] = {}
        self._now_us = time.time_ns() // 1000 - 14 * 24 * 3_600_000_000

    def say(self, device: str, kind: str, subject: str, **data: Any) -> tuple[str, bytes]:
        self._now_us += 2_000_000
        self._sequences[device] = sequence = self._sequences.get(device, 0) + 1
        event = {
            "specversion": "1.0",
            "id": f"bench-{device}-{sequence}",
            "source": f"/{NETWORK}/{LAB}/{device}",
            "type": f"histotwin.{kind}",
            "subject": subject,
            "time": to_rfc3339(self._now_us),
            "boot": "bench",
            "sequence": str(sequence),
            "datacontenttype": "application/json",
            "data": data,
        }
        return f"histotwin/{NETWORK}/{LAB}/{device}/event", orjson.dumps(event)


def messages(count: int) -> list[tuple[str, bytes]]:
    """Return the first ``count`` events of a lab that works in waves of fifteen cases, two blocks each."""
    luck, voice = random.Random(1), Voice()
    events: list[tuple[str, bytes]] = []
    first_case = 1
    while len(events) < count:
        cases = [f"S26-{number:06d}" for number in range(first_case, first_case + 15)]
        events.extend(wave(voice, luck, cases))
        first_case += len(cases)
    return events[:count]


def wave(voice: Voice, luck: random.Random, cases: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    blocks = [f"{case}-A-{number}" for case in cases for number in (1, 2)]
    slides = [f"{block}-1" for block in blocks]
    now = to_rfc3339(time.time_ns() // 1000 - 20 * 24 * 3_600_000_000)
    for case in cases:
        priority = luck.choice(["urgent", "cancer", "routine", "routine"])
        specimens = [f"{case}-A"]
        yield voice.say(
            "lims-1", "case.received", case, case=case, received_at=now, priority=priority, pathway="routine",
            specialty="skin", specimen_type="skin ellipse", specimens=specimens, collected_at=now,
        )  # fmt: skip
        made = [block for block in blocks if block.startswith(case)]
        yield voice.say("cut-up-1", "item.scanned", f"{case}-A", station="cut_up", operator="bms-4", raw=f"{case}-A")
        yield voice.say("cut-up-1", "step.started", f"{case}-A", step="cut_up", operator="bms-4")
        yield voice.say("cut-up-1", "step.completed", f"{case}-A", step="cut_up", operator="bms-4", children=made)
    yield from run(voice, "processor-1", "processing", blocks, cases[0])
    for block, slide in zip(blocks, slides, strict=True):
        bench = f"microtome-{luck.randint(1, 8)}"
        yield voice.say(f"embedder-{luck.randint(1, 6)}", "step.completed", block, step="embedding", operator="bms-9")
        yield voice.say(bench, "item.scanned", block, station="microtomy", raw=block, symbology="datamatrix")
        yield voice.say(bench, "step.started", block, step="microtomy", operator="bms-17")
        yield voice.say(bench, "step.completed", block, step="microtomy", operator="bms-17", children=[slide])
    yield from run(voice, "stainer-1", "staining", slides, cases[0])
    yield from run(voice, "coverslipper-1", "coverslipping", slides, cases[0])
    for slide in slides:
        bytes_of = luck.randint(600_000_000, 1_200_000_000)
        yield voice.say("scanner-1", "image.available", slide, study_uid="1.2.826.0.1", bytes=bytes_of, scan_seconds=95)
    for case in cases:
        yield voice.say("lims-1", "case.assigned", case, case=case, pathologist="dr-4")
        yield voice.say("lims-1", "case.reported", case, case=case, pathologist="dr-4", status="final")
        yield voice.say("lims-1", "case.authorised", case, case=case, pathologist="dr-4")


def run(voice: Voice, device: str, step: str, items: Sequence[str], name: str) -> Iterator[tuple[str, bytes]]:
    for kind in ("run.started", "run.completed"):
        yield voice.say(device, kind, device, run=f"{step}-{name}", items=list(items), programme="standard", step=step)


# The receivers. Each child drains the session ``bench`` and prints what it took.


@dataclass(frozen=True)
class Taken:
    """What one drain took."""

    cpu_us_per_event: float
    events_per_s: float
    accepted: int


class Meter:
    """Counts events and stops the clocks when all have been taken."""

    def __init__(self, count: int) -> None:
        self._left = self._count = count
        self.accepted = 0
        self.done = threading.Event()
        self._cpu_s, self._wall_s = cpu_seconds(), time.perf_counter()

    def took(self, events: int, accepted: int) -> None:
        self._left -= events
        self.accepted += accepted
        if self._left <= 0:
            self.done.set()

    def read(self) -> Taken:
        cpu_s, wall_s = cpu_seconds() - self._cpu_s, time.perf_counter() - self._wall_s
        return Taken(cpu_s * 1e6 / self._count, self._count / wall_s, self.accepted)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class CountingDoor:
    """The real door, counted."""

    def __init__(self, door: Door, meter: Meter) -> None:
        self._door, self._meter = door, meter

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        receipts = self._door.take(batch)
        self._meter.took(len(receipts), sum(receipt.fate == "accepted" for receipt in receipts))
        return receipts


def receive_with_ours(port: int, folder: Path, count: int) -> Taken:
    url = f"sqlite:///{folder / 'ours.db'}"
    upgrade(url)
    registry = load_registry([ROOT / "data/networks/bcps.yaml"])
    door = Door(EventStore(open_database(url), registry), registry, SystemClock())
    meter = Meter(count)
    counted = CountingDoor(door, meter)
    ingest = Ingest(IngestSettings(BrokerAddress(port=port), client_id="bench"), counted, SystemClock())
    ingest.start()
    meter.done.wait(300)
    ingest.stop()
    return meter.read()


def receive_plainly(port: int, folder: Path, count: int) -> Taken:
    db = sqlite3.connect(folder / "plain.db", isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, topic TEXT, payload BLOB, UNIQUE (topic, payload))")
    came: queue.SimpleQueue[mqtt.MQTTMessage] = queue.SimpleQueue()
    meter = Meter(count)
    client = plain_client(came)
    client.connect("127.0.0.1", port, clean_start=False, properties=session_properties())
    client.loop_start()
    while not meter.done.is_set():
        batch = plain_batch(came)
        db.execute("BEGIN IMMEDIATE")
        rows = [(message.topic, message.payload) for message in batch]
        db.executemany("INSERT OR IGNORE INTO message (topic, payload) VALUES (?, ?)", rows)
        db.execute("COMMIT")
        for message in batch:
            client.ack(message.mid, message.qos)
        meter.took(len(batch), len(batch))
    client.disconnect()
    client.loop_stop()
    return meter.read()


def plain_client(came: queue.SimpleQueue[mqtt.MQTTMessage]) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5, manual_ack=True)
    client.on_message = lambda _c, _u, message: came.put(message)
    return client


def plain_batch(came: queue.SimpleQueue[mqtt.MQTTMessage]) -> list[mqtt.MQTTMessage]:
    """Group commit as any careful script does it: what comes within 20 ms, at most 500."""
    batch = [came.get()]
    until = time.monotonic() + 0.020
    while len(batch) < 500 and (left := until - time.monotonic()) > 0:
        try:
            batch.append(came.get(timeout=left))
        except queue.Empty:
            break
    return batch


RECEIVERS = {"ours": receive_with_ours, "plain": receive_plainly}


def session_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_S
    properties.ReceiveMaximum = 500
    return properties


# A round: leave a session behind, fill it, drain it in a child.


def one_round(receiver: str, events: Sequence[tuple[str, bytes]], profile: bool) -> Taken:
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        leave_session(broker.port)
        fill(broker.port, events)
        command = [sys.executable, __file__, "--receive", receiver, str(broker.port), name, str(len(events))]
        shown = subprocess.run(
            command + (["--profile"] if profile else []), check=True, stdout=subprocess.PIPE, text=True, timeout=600
        )
        return Taken(**json.loads(shown.stdout.splitlines()[-1]))


def leave_session(port: int) -> None:
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port, clean_start=True, properties=session_properties())
    client.loop_start()
    client.subscribe("histotwin/#", qos=1)
    assert ready.wait(10)
    client.disconnect()
    client.loop_stop()


def fill(port: int, events: Sequence[tuple[str, bytes]]) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for topic, body in events:
        sent = client.publish(topic, body, qos=1)
    sent.wait_for_publish(300)
    client.disconnect()
    client.loop_stop()


def show(rounds: dict[str, list[Taken]], count: int) -> None:
    print(f"\n{count} events, {len(rounds['ours'])} alternated rounds; median")
    print(f"{'':8}{'CPU µs/event':>14}{'events/s':>12}{'accepted':>10}")
    for name, taken in rounds.items():
        print(
            f"{name:8}{cpu(taken):14.1f}{statistics.median(t.events_per_s for t in taken):12,.0f}{taken[0].accepted:10}"
        )
    share = 100 * cpu(rounds["plain"]) / cpu(rounds["ours"])
    print(f"ours does {share:.0f} % of plain's events per CPU second")


def cpu(taken: Sequence[Taken]) -> float:
    return statistics.median(t.cpu_us_per_event for t in taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="profile the receivers' main and writer threads")
    parser.add_argument("--receive", nargs=4, metavar=("RECEIVER", "PORT", "FOLDER", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.receive:
        receive(*options.receive, profile=options.profile)
        return
    events = messages(options.events)
    rounds: dict[str, list[Taken]] = {"ours": [], "plain": []}
    for _ in range(options.rounds):
        for name, taken in rounds.items():
            taken.append(one_round(name, events, options.profile))
            print(f"{name:8}{taken[-1].cpu_us_per_event:8.1f} µs/event {taken[-1].events_per_s:8,.0f}/s", flush=True)
    show(rounds, len(events))


def receive(receiver: str, port: str, folder: str, count: str, *, profile: bool) -> None:
    if profile:
        profile_threads()
    taken = RECEIVERS[receiver](int(port), Path(folder), int(count))
    print(json.dumps({name: getattr(taken, name) for name in ("cpu_us_per_event", "events_per_s", "accepted")}))


def profile_threads() -> None:
    """Profile every thread started from here on; each prints its own table on stderr when it ends."""
    run_plainly = threading.Thread.run

    def run_profiled(thread: threading.Thread) -> None:
        profiler = cProfile.Profile()
        profiler.runcall(run_plainly, thread)
        print(f"== {thread.name}", file=sys.stderr)
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(28)

    threading.Thread.run = run_profiled  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
