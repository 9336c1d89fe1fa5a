"""What the embedded broker promises on its one port, asked with paho and with Mosquitto's own clients."""

from __future__ import annotations

import subprocess
import threading
import uuid

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.broker import BrokerError, run_broker
from tests.services import embedded_broker, until

V4, V5 = mqtt.MQTTv311, mqtt.MQTTv5
BOTH_WAYS = [(V4, V5), (V5, V4), (V4, V4), (V5, V5)]


class Client:
    """A paho client that remembers what it got."""

    def __init__(self, port: int, version: int, name: str = "", will: tuple[str, str] | None = None) -> None:
        keep = {"clean_session": not name} if version == V4 else {}
        self.got: list[mqtt.MQTTMessage] = []
        self.had_session: bool | None = None
        self.paho = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=version, **keep)  # type: ignore[arg-type]
        self.paho.on_message = lambda _c, _u, message: self.got.append(message)
        self.paho.on_connect = lambda _c, _u, flags, _r, _p: setattr(self, "had_session", flags.session_present)
        if will:
            self.paho.will_set(will[0], will[1], qos=1, retain=True)
        self._connect(port, version, name)
        until(lambda: self.had_session is not None)

    def _connect(self, port: int, version: int, name: str) -> None:
        if version == V4:
            self.paho.connect("127.0.0.1", port)
        else:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600 if name else 0
            self.paho.connect("127.0.0.1", port, clean_start=not name, properties=properties)
        self.paho.loop_start()

    def subscribe(self, topic: str) -> None:
        done = threading.Event()
        self.paho.on_subscribe = lambda *_: done.set()
        self.paho.subscribe(topic, qos=1)
        assert done.wait(5)

    def send(self, topic: str, payload: str | bytes, retain: bool = False) -> None:
        self.paho.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def vanish(self) -> None:
        self.paho.loop_stop()
        sock = self.paho.socket()
        assert sock is not None
        sock.close()

    def leave(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


@pytest.fixture
def root() -> str:
    return f"t/{uuid.uuid4().hex}"


@pytest.mark.parametrize(("sender", "receiver"), BOTH_WAYS)
def test_a_message_crosses_the_versions(embedded_port: int, root: str, sender: int, receiver: int) -> None:
    hears, speaks = Client(embedded_port, receiver), Client(embedded_port, sender)
    hears.subscribe(f"{root}/#")
    speaks.send(f"{root}/a", b"\x00" * 100_000)
    until(lambda: len(hears.got) == 1)
    assert (hears.got[0].qos, len(hears.got[0].payload)) == (1, 100_000)
    hears.leave()
    speaks.leave()


@pytest.mark.parametrize(("sender", "receiver"), BOTH_WAYS)
def test_a_retained_state_waits_for_the_next_reader(embedded_port: int, root: str, sender: int, receiver: int) -> None:
    speaks = Client(embedded_port, sender)
    speaks.send(f"{root}/state", "online", retain=True)
    hears = Client(embedded_port, receiver)
    hears.subscribe(f"{root}/+")
    until(lambda: len(hears.got) == 1)
    assert (hears.got[0].payload, hears.got[0].retain) == (b"online", True)
    hears.leave()
    speaks.leave()


@pytest.mark.parametrize(("dying", "receiver"), BOTH_WAYS)
def test_the_last_will_is_spoken_and_retained(embedded_port: int, root: str, dying: int, receiver: int) -> None:
    hears = Client(embedded_port, receiver)
    hears.subscribe(f"{root}/#")
    Client(embedded_port, dying, will=(f"{root}/state", "offline")).vanish()
    until(lambda: [m.payload for m in hears.got] == [b"offline"])
    late = Client(embedded_port, receiver)
    late.subscribe(f"{root}/#")
    until(lambda: [m.payload for m in late.got] == [b"offline"])
    hears.leave()
    late.leave()


@pytest.mark.parametrize(("sender", "receiver"), BOTH_WAYS)
def test_a_session_keeps_what_came_while_away(embedded_port: int, root: str, sender: int, receiver: int) -> None:
    name = uuid.uuid4().hex
    away = Client(embedded_port, receiver, name)
    away.subscribe(f"{root}/#")
    away.leave()
    speaks = Client(embedded_port, sender)
    for number in range(1500):
        speaks.paho.publish(f"{root}/{number % 3}", str(number), qos=1)
    speaks.send(f"{root}/end", "1500")
    back = Client(embedded_port, receiver, name)
    until(lambda: len(back.got) == 1501, 10)
    assert back.had_session is True
    assert [int(message.payload) for message in back.got] == list(range(1501))
    back.leave()
    speaks.leave()


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_mosquittos_own_clients_are_served(embedded_port: int, root: str, version: str) -> None:
    common = ["-V", version, "-h", "127.0.0.1", "-p", str(embedded_port), "-q", "1", "-t", f"{root}/state"]
    subprocess.run(["mosquitto_pub", *common, "-m", "online", "-r"], check=True, timeout=10)
    heard = subprocess.run(
        ["mosquitto_sub", *common, "-C", "1", "-W", "5"], check=True, timeout=10, capture_output=True, text=True
    )
    assert heard.stdout == "online\n"


def test_only_loopback_is_served() -> None:
    with pytest.raises(BrokerError, match="loopback only"):
        run_broker("0.0.0.0", 1, ready=lambda: None, stop=threading.Event())  # noqa: S104  # the refused case


def test_a_taken_port_is_named() -> None:
    with embedded_broker() as port, pytest.raises(BrokerError, match=str(port)):
        run_broker("127.0.0.1", port, ready=lambda: None, stop=threading.Event())
