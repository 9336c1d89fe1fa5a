"""What is asked of a receiver: how fast it stores, and what it kept when it was killed. Prints nothing."""

from __future__ import annotations

import collections
import contextlib
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.bench_ingest import fill, leave_session
from benchmarks.node_red.flushing import slowed_environment
from benchmarks.node_red.receivers import Receiver, Running, database
from tests.services import mosquitto

Message = tuple[str, bytes]

_LOOK_EVERY_S = 0.005
_PATIENCE_S = 120.0
_QUIET_S = 1.0
_LONGEST_DRAIN_S = 10.0


@dataclass(frozen=True)
class Rate:
    """How fast a receiver stored what lay ready for it."""

    events_per_s: float
    cpu_us_per_event: float


@dataclass(frozen=True)
class Kept:
    """What a receiver had in the end of what the broker had taken (PUBACK); ``kills`` counts those mid-stream."""

    sent: int
    kills: int
    lost: int
    doubled: int


@dataclass(frozen=True)
class Storm:
    """How fast the publisher sends, and how long after its first row a receiver dies."""

    name: str
    pace_per_s: float
    dies_after_s: tuple[float, float]
    kills: int = 5


@contextlib.contextmanager
def stage(receiver: Receiver, flush_delay_ms: float = 0) -> Iterator[tuple[int, Callable[[], Running]]]:
    """Give a broker that holds the receiver's session, an empty database, and a way to start the receiver."""
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        folder = Path(name)
        leave_session(broker.port)
        receiver.prepare(folder, broker.port)
        environment = slowed_environment(folder, flush_delay_ms)
        with database(folder) as db:
            yield broker.port, lambda: Running(receiver, folder, broker.port, db, environment)


def measure_rate(receiver: Receiver, events: Sequence[Message], flush_delay_ms: float = 0) -> Rate:
    """Drain a session that holds all events, or ten seconds of it; the clocks start when the receiver connects."""
    with stage(receiver, flush_delay_ms) as (port, start):
        fill(port, events)
        with start() as running:
            process = psutil.Process(running.process.pid)
            wait_until(lambda: is_connected(process, port))
            began_s, began_cpu_s = time.perf_counter(), cpu_seconds(process)
            wait_until(lambda: running.stored() >= len(events) or time.perf_counter() - began_s > _LONGEST_DRAIN_S)
            stored = running.stored()
            wall_s, cpu_s = time.perf_counter() - began_s, cpu_seconds(process) - began_cpu_s
    return Rate(stored / wall_s, cpu_s * 1e6 / stored)


def is_connected(process: psutil.Process, port: int) -> bool:
    """Say whether a process has a connection to a port."""
    return any(link.raddr and link.raddr.port == port for link in process.net_connections("tcp4"))


def cpu_seconds(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def wait_until(true: Callable[[], bool]) -> None:
    """Return once something is true. Raises ``TimeoutError``."""
    deadline = time.monotonic() + _PATIENCE_S
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("the receiver did not come so far")
        time.sleep(_LOOK_EVERY_S)


def kill_and_count(receiver: Receiver, events: Sequence[Message], storm: Storm) -> Kept:
    """Kill a receiver again and again while a publisher sends; then let it drain the broker, and count."""
    luck = random.Random(storm.name)
    with stage(receiver) as (port, start), Publisher(port, events[:-1], storm.pace_per_s) as publisher:
        kills = 0
        while kills < storm.kills and publisher.is_sending:
            with start() as doomed:
                wait_for_news(doomed, publisher)
                time.sleep(luck.uniform(*storm.dies_after_s))
                kills += publisher.is_sending
        sent = publisher.finish(last=events[-1])
        with start() as running:
            drain(running, id_of(events[-1]))
            ids = collections.Counter(running.event_ids())
    lost = sum(id_of(message) not in ids for message in sent)
    return Kept(len(sent), kills, lost, ids.total() - len(ids))


def wait_for_news(running: Running, publisher: Publisher) -> None:
    """Return once a receiver has stored something since it was started, or nothing more is sent."""
    before = running.stored()
    wait_until(lambda: running.stored() > before or not publisher.is_sending)


def drain(running: Running, last_id: str) -> None:
    """Return when the session's last message is stored and nothing more comes."""
    wait_until(lambda: running.has(last_id))
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < _QUIET_S:
        if (now := running.stored()) != seen:
            seen, since = now, time.monotonic()
        time.sleep(_LOOK_EVERY_S)


def id_of(message: Message) -> str:
    return str(orjson.loads(message[1])["id"])


class Publisher:
    """Sends events with QoS 1 on a thread of its own until it is told to finish or has no more."""

    def __init__(self, port: int, events: Sequence[Message], pace_per_s: float) -> None:
        self._events, self._pace_per_s = events, pace_per_s
        self._sent: list[tuple[Message, mqtt.MQTTMessageInfo]] = []
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Publisher:
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_sending(self) -> bool:
        """Say whether there is more to send."""
        return self._thread.is_alive()

    def finish(self, last: Message) -> list[Message]:
        """Stop, send ``last``, and return all that was sent once the broker has acknowledged every one of them."""
        self._enough.set()
        self._thread.join()
        self._publish(last)
        for _, delivery in self._sent:
            delivery.wait_for_publish(_PATIENCE_S)
            assert delivery.is_published()
        return [message for message, _ in self._sent]

    def _send(self) -> None:
        began = time.monotonic()
        for number, message in enumerate(self._events):
            due_s = number / self._pace_per_s
            if self._enough.wait(max(0.0, began + due_s - time.monotonic())):
                return
            self._publish(message)

    def _publish(self, message: Message) -> None:
        topic, body = message
        self._sent.append((message, self._client.publish(topic, body, qos=1)))
