"""The rules between a gateway and ingest: whatever dies in between, nothing is lost and nothing counted twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from devices.ingest import Ingest, IngestSettings
from devices.session import BrokerAddress
from tests.devices.lab_at_a_gateway import STEP, Lab
from tests.devices.stand_ins import StoreInMemory, StoreOnDisk
from tests.services import Mosquitto, embedded_broker, mosquitto, until
from tracking.clock import SystemClock


@contextlib.contextmanager
def running_ingest(port: int, store: StoreInMemory) -> Iterator[Ingest]:
    ingest = Ingest(IngestSettings(BrokerAddress(port=port), client_id="gateway-test"), store, SystemClock())
    ingest.start()
    until(lambda: ingest.health().is_connected)
    time.sleep(0.1)
    yield ingest
    ingest.stop()


def test_everything_published_is_stored_in_order_and_leaves_the_outbox(broker_port: int, tmp_path: Path) -> None:
    store = StoreInMemory()
    with running_ingest(broker_port, store):
        lab = Lab(broker_port, tmp_path)
        sent = [e for _ in range(40) for e in lab.gateway.publish([(f"m-{n}", STEP) for n in range(5)] * 5)]
        assert lab.gateway.flush(10)
        lab.leave()
    assert len(store.events) == len(sent) == 1000
    for device in range(5):
        mine = [e.body for e in sent if e.stream.source == f"/bcps/rl4/m-{device}"]
        assert [body for (source, _), body in store.events.items() if source == f"/bcps/rl4/m-{device}"] == mine


def test_a_scan_is_answered_to_its_device(broker_port: int, tmp_path: Path) -> None:
    with running_ingest(broker_port, StoreInMemory()):
        lab = Lab(broker_port, tmp_path)
        until(lambda: lab.gateway.is_connected)
        lab.gateway.scan("reader-7", b"S26-1-A-1")
        until(lambda: lab.replies)
        lab.leave()
    assert (lab.replies[0].device, lab.replies[0].verdict) == ("reader-7", "accepted")


def test_what_was_published_offline_arrives_after_a_restart_with_its_old_boot(
    real_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    lab = Lab(1, tmp_path)
    sent = lab.gateway.publish([("m-1", STEP)] * 30)
    lab.gateway.close(0)
    lab.outbox.close()
    store = StoreInMemory()
    with running_ingest(real_mosquitto.port, store):
        again = Lab(real_mosquitto.port, tmp_path)
        again.gateway.publish([("m-1", STEP)])
        assert again.gateway.flush(10)
        again.leave()
    assert list(store.events.values())[:30] == [entry.body for entry in sent]
    assert len(store.events) == 31


PROGRAM = """
import pathlib, sys, time
import devices.connectors.gateway as g, devices.outbox as o, devices.session as s
import tracking.clock as c, tracking.kill_points as k
box = o.Outbox(pathlib.Path(sys.argv[2]), c.SystemClock())
settings = g.GatewaySettings('bcps', 'rl4', 'dying', s.BrokerAddress(port=int(sys.argv[1])))
gateway = g.Gateway(settings, box, c.SystemClock())
gateway.start()
gateway.set_state('stainer-1', g.ONLINE)
k.arm(sys.argv[3], 5)
for _ in range(50):
    for entry in gateway.publish([('m-1', {'type': 'histotwin.step.completed', 'subject': 'S26-1', 'data': {}})] * 3):
        print(entry.sequence, flush=True)
    time.sleep(0.05)
time.sleep(60)
"""
"""A gateway of its own that publishes until it dies. Arguments: port, outbox, kill point (empty: none)."""


@contextlib.contextmanager
def dying_gateway(port: int, outbox: Path, kill_point: str = "") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, str(port), str(outbox), kill_point]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


@contextlib.contextmanager
def heard_states(port: int) -> Iterator[dict[str, bytes]]:
    heard: dict[str, bytes] = {}
    ear = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    ear.on_message = lambda _c, _u, m: heard.update({m.topic.split("/")[3]: m.payload})
    ear.connect("127.0.0.1", port)
    ear.subscribe("histotwin/+/+/+/state", qos=1)
    ear.loop_start()
    yield heard
    ear.disconnect()
    ear.loop_stop()


def test_states_are_retained_and_taken_back_on_leaving(broker_port: int, tmp_path: Path) -> None:
    with heard_states(broker_port) as heard:
        lab = Lab(broker_port, tmp_path)
        lab.gateway.set_state("stainer-1", {"type": "histotwin.device.state", "data": {"state": "running"}})
        until(lambda: heard.get("gateway") == b"online" and b"running" in heard.get("stainer-1", b""))
        lab.leave()
        until(lambda: heard == {"gateway": b"offline", "stainer-1": b"offline"})


def test_a_gateway_that_dies_is_offline_and_says_its_devices_states_anew_when_it_is_back(
    broker_port: int, tmp_path: Path
) -> None:
    with heard_states(broker_port) as heard:
        with dying_gateway(broker_port, tmp_path / "dying.db"):
            until(lambda: heard.get("dying") == b"online" and heard.get("stainer-1") == b"online")
        until(lambda: heard.get("dying") == b"offline")
        assert heard.pop("stainer-1") == b"online"  # one last will a connection: who looks at a device, looks here too
        with dying_gateway(broker_port, tmp_path / "dying.db"):
            until(lambda: heard.get("dying") == b"online" and heard.get("stainer-1") == b"online")


@pytest.mark.parametrize("kill_point", ["outbox_appended", "ack_heard"])
def test_a_gateway_that_dies_between_two_steps_has_lost_nothing_that_it_took(kill_point: str, tmp_path: Path) -> None:
    store = StoreInMemory()
    with embedded_broker() as port, running_ingest(port, store):
        with dying_gateway(port, tmp_path / "dying.db", kill_point) as process:
            assert process.wait(20) == -signal.SIGKILL
            assert process.stdout is not None
            taken = len(process.stdout.read().split())
        assert taken > 0
        lab = Lab(port, tmp_path, "dying")
        assert lab.gateway.flush(20)
        lab.leave()
    sequences = sorted(int(json.loads(body)["sequence"]) for body in store.events.values())
    assert sequences == list(range(1, len(sequences) + 1))
    assert len(sequences) >= taken


class Storm:
    """Gateways that publish while ingest and the broker are killed again and again."""

    def __init__(self, port: int, folder: Path, luck: random.Random) -> None:
        self.port, self.folder, self.luck = port, folder, luck
        self.labs = [Lab(port, folder, f"gateway-{number}") for number in range(3)]
        self.sent: list[tuple[str, str, int]] = []
        self.ingest = self.start_ingest()

    def start_ingest(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.devices.durable_ingest", str(self.port), str(self.folder / "store.db")]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    def restart_ingest(self) -> None:
        self.ingest.kill()
        self.ingest.wait()
        self.ingest = self.start_ingest()

    def publish(self, stop: threading.Event) -> None:
        while not stop.is_set():
            lab = self.luck.choice(self.labs)
            for entry in lab.gateway.publish([(f"{lab.outbox.boot}-m", STEP)] * self.luck.randint(1, 12)):
                self.sent.append((*entry.stream, entry.sequence))
            stop.wait(0.005)

    def end(self) -> None:
        for lab in self.labs:
            assert lab.gateway.flush(30), f"{lab.gateway.waiting} events are not covered"
            lab.leave()
        self.ingest.kill()
        self.ingest.wait()


def test_kills_of_ingest_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    with embedded_broker() as port:
        weather(Storm(port, tmp_path, random.Random(7)), lambda storm: storm.restart_ingest(), kills=4)


def test_kills_of_ingest_and_broker_lose_nothing_and_double_nothing(real_mosquitto: Mosquitto, tmp_path: Path) -> None:
    def kill_one(storm: Storm) -> None:
        if storm.luck.random() < 0.5:
            storm.restart_ingest()
        else:
            real_mosquitto.kill()
            time.sleep(storm.luck.uniform(0, 0.3))
            real_mosquitto.start()

    weather(Storm(real_mosquitto.port, tmp_path, random.Random(3)), kill_one, kills=6)


def weather(storm: Storm, kill: Callable[[Storm], None], kills: int) -> None:
    stop = threading.Event()
    speaker = threading.Thread(target=storm.publish, args=(stop,))
    speaker.start()
    for _ in range(kills):
        time.sleep(storm.luck.uniform(0.1, 0.6))
        kill(storm)
    stop.set()
    speaker.join()
    storm.end()
    assert len(storm.sent) > 500
    assert StoreOnDisk(storm.folder / "store.db").stored() == sorted(storm.sent)


@pytest.mark.parametrize("inflight", [20, 500])
def test_a_broker_with_a_small_window_serves_too(tmp_path: Path, inflight: int) -> None:
    store = StoreInMemory()
    with mosquitto(tmp_path, inflight) as broker, running_ingest(broker.port, store):
        lab = Lab(broker.port, tmp_path)
        lab.gateway.publish([("m-1", STEP)] * 1000)
        assert lab.gateway.flush(10)
        lab.leave()
    assert len(store.events) == 1000
