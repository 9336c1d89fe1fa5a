"""How soon a device knows of a commit, how fast a queue drains, how soon after a kill all goes on, how fast a log is
checked and projected anew. On SQLite and on PostgreSQL (durable: fsync on), each beside the other in one run.

``commit to ack``: from the store's clock at the commit, which the acknowledgement carries, to a device hearing it, at a
steady rate. ``kill to stored``: from ``kill -9`` of ingest under that load, its new start included, to the next commit.
``drained``: messages that waited at Mosquitto while ingest was dead, from its start to the last commit.
``verify`` reads the log along its chain; ``rebuild`` makes every projection anew.

    python -m benchmarks.bench_reliability [--rate 100] [--seconds 20] [--queue 20000] [--events 200000] [--only sqlite]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.bench_ingest import LAB, NETWORK, fill, messages
from tests.faults.databases import new_postgres
from tests.services import mosquitto, until
from tracking.clock import SystemClock
from tracking.door import Door
from tracking.offering import Incoming
from tracking.registry import Registry, load_registry
from tracking.store.checks.log import check_log
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade
from tracking.store.rebuild import rebuild

ROOT = Path(__file__).parents[1]
NETWORK_FILE = ROOT / "data/networks/bcps.yaml"
PATIENCE_S = 600.0


@dataclass
class Found:
    """What one database showed; milliseconds, seconds, events a second."""

    ack_ms: list[float] = field(default_factory=list)
    kill_to_stored_s: list[float] = field(default_factory=list)
    drained_per_s: float = 0.0
    verified_per_s: float = 0.0
    rebuilt_s: float = 0.0


class Ingest:
    """``histotwin ingest`` as a process of its own."""

    def __init__(self, url: str, port: int, folder: Path) -> None:
        self._environment = {
            **os.environ, "HISTOTWIN_DATABASE_URL": url, "HISTOTWIN_MQTT_PORT": str(port),
            "HISTOTWIN_DATA_DIR": str(folder), "HISTOTWIN_NETWORK": str(NETWORK_FILE),
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "histotwin", "ingest"], env=self._environment, cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


class Listener:
    """A device's ear: how long after the commit each acknowledgement came."""

    def __init__(self, port: int) -> None:
        self.late_ms: list[float] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = self._hear
        self._client.on_connect = lambda *_: self._client.subscribe(f"histotwin/{NETWORK}/{LAB}/+/ack", qos=1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _hear(self, _c: mqtt.Client, _u: object, message: mqtt.MQTTMessage) -> None:
        said = orjson.loads(message.payload)
        if said.get("sequence") and "at" in said:
            committed_s = datetime.fromisoformat(said["at"]).timestamp()
            self.late_ms.append((time.time() - committed_s) * 1000)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Publisher(threading.Thread):
    """Publishes messages at a steady rate until they end or it is told to stop."""

    def __init__(self, port: int, load: list[tuple[str, bytes]], rate: float) -> None:
        super().__init__(daemon=True)
        self._load, self._rate = load, rate
        self._ended = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def run(self) -> None:
        began = time.monotonic()
        for number, (topic, body) in enumerate(self._load):
            if self._ended.wait(max(0.0, began + number / self._rate - time.monotonic())):
                break
            self._client.publish(topic, body, qos=1)

    def close(self) -> None:
        self._ended.set()
        self.join(10)
        self._client.disconnect()
        self._client.loop_stop()


def stored(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT coalesce(max(position), 0) FROM head").scalar_one())


def live(url: str, options: argparse.Namespace, found: Found) -> None:
    """Steady load with kills, then a queue that waited."""
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        upgrade(url)
        database = open_database(url)
        ingest = Ingest(url, broker.port, Path(name))
        ingest.start()
        load = messages(int(options.rate * options.seconds) * 4 + options.queue)
        steady, queued = load[: -options.queue], load[-options.queue :]
        publisher, ear = Publisher(broker.port, steady, options.rate), Listener(broker.port)
        wait_until_it_listens(broker.port, database)
        publisher.start()
        time.sleep(2.0)
        ear.late_ms.clear()
        time.sleep(options.seconds)
        found.ack_ms = list(ear.late_ms)
        found.kill_to_stored_s = [kill_once(ingest, database) for _ in range(3)]
        publisher.close()
        ear.close()
        before = settled(database)
        ingest.kill()
        fill(broker.port, queued)
        began = time.monotonic()
        ingest.start()
        until(lambda: stored(database) > before, 60)
        first, first_s = stored(database), time.monotonic()
        until(lambda: stored(database) >= before + len(queued), PATIENCE_S)
        found.drained_per_s = (stored(database) - first) / (time.monotonic() - first_s)
        print(f"    {len(queued):,} waiting events were in {time.monotonic() - began:.1f} s after the start")
        ingest.kill()
        database.close()


def wait_until_it_listens(port: int, database: Database) -> None:
    """Speak until something is stored: what is said before ingest has a session at the broker, nobody keeps."""
    until(lambda: fill(port, [(f"histotwin/{NETWORK}/{LAB}/lims-1/state", b"online")]) or stored(database) > 0, 60)


def kill_once(ingest: Ingest, database: Database) -> float:
    ingest.kill()
    before, killed_s = stored(database), time.monotonic()
    ingest.start()
    until(lambda: stored(database) > before, 60)
    took_s = time.monotonic() - killed_s
    time.sleep(1.0)
    return took_s


def settled(database: Database) -> int:
    """Return how many events are stored once no more come."""
    last = -1
    while (now := stored(database)) != last:
        last = now
        time.sleep(1.5)
    return now


def at_rest(url: str, registry: Registry, events: int, found: Found) -> None:
    """Fill a log, read it along its chain, project it anew."""
    upgrade(url)
    database = open_database(url)
    door = Door(EventStore(database, registry), registry, SystemClock())
    batch: list[Incoming] = []
    now_us = SystemClock().now_us()
    for topic, body in messages(events):
        batch.append(Incoming(body, topic, now_us))
        if len(batch) == 1000:
            door.take(batch)
            batch.clear()
    door.take(batch)
    began = time.monotonic()
    with database.reading() as connection:
        check = check_log(connection)
    found.verified_per_s = check.events / (time.monotonic() - began)
    assert not check.faults, check.faults
    database.close()
    began = time.monotonic()
    assert rebuild(url, registry) == events
    found.rebuilt_s = time.monotonic() - began


@contextlib.contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        yield f"sqlite:///{name}/store.db"


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        server = new_postgres(Path(name), is_durable=True)
        server.start()
        server.wait_until_ready()
        try:
            yield server.url(None)
        finally:
            server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=100.0, help="events a second of the steady load")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--queue", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=200_000, help="events of the log that is checked and rebuilt")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    registry = load_registry([NETWORK_FILE])
    rows: dict[str, Found] = {}
    for name, database in (("sqlite", sqlite), ("postgresql", postgresql)):
        if options.only not in (None, name):
            continue
        print(f"  {name}", flush=True)
        found = rows[name] = Found()
        with database() as url:
            live(url, options, found)
        with database() as url:
            at_rest(url, registry, options.events, found)
    show(rows, options)


def show(rows: dict[str, Found], options: argparse.Namespace) -> None:
    print(f"{'':36}" + "".join(f"{name:>14}" for name in rows))
    for label, value in (
        (f"commit to ack at {options.rate:g}/s, p50, ms", lambda f: f"{statistics.median(f.ack_ms):.1f}"),
        (f"commit to ack at {options.rate:g}/s, p99, ms", lambda f: f"{statistics.quantiles(f.ack_ms, n=100)[98]:.1f}"),
        ("kill to stored, longest of 3, s", lambda f: f"{max(f.kill_to_stored_s):.1f}"),
        ("queue drained, events/s", lambda f: f"{f.drained_per_s:,.0f}"),
        ("log verified, events/s", lambda f: f"{f.verified_per_s:,.0f}"),
        (f"{options.events:,} events rebuilt in, s", lambda f: f"{f.rebuilt_s:.1f}"),
    ):
        print(f"{label:36}" + "".join(f"{value(found):>14}" for found in rows.values()))


if __name__ == "__main__":
    main()
