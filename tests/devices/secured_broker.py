"""A real Mosquitto with the configuration that ships: TLS, dynamic security, our own certificates. No test in here."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from dashboard.operations.broker_rights import ADMIN
from dashboard.operations.device_access import add_device
from dashboard.operations.secret_files import introduce_services, make_secrets, password
from dashboard.operations.settings import Settings
from devices.session import BrokerAddress
from tests.services import Mosquitto, free_port, until
from tracking.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]
NETWORK = ROOT / "data/networks/bcps.yaml"


@dataclass
class SecuredBroker:
    """The broker, its secrets, and the two doors: one for devices, one for services."""

    folder: Path
    device_port: int
    service_port: int
    server: Mosquitto

    @property
    def settings(self) -> Settings:
        """What the ``device`` commands are told."""
        return Settings(
            network=(NETWORK,), mqtt_host="localhost", mqtt_port=self.service_port,
            mqtt_ca_file=self.folder / "ca/ca.crt", mqtt_admin_username=ADMIN,
            mqtt_admin_password_file=self.folder / "mqtt-admin/password",
        )  # fmt: skip

    def service(self, username: str) -> BrokerAddress:
        """Return how one of histotwin's own services signs in."""
        secret = password(self.folder, username.replace("histotwin", "mqtt"))
        return BrokerAddress("localhost", self.service_port, username, secret, str(self.folder / "ca/ca.crt"))

    def add(self, device: str, *, is_gateway: bool = False) -> BrokerAddress:
        """Give a device a credential and return how it signs in."""
        made = add_device(self.settings, device, is_gateway=is_gateway)
        return self.device(made.username, made.password or "")

    def device(self, username: str | None, secret: str | None) -> BrokerAddress:
        """Return how somebody signs in at the door for devices."""
        return BrokerAddress("localhost", self.device_port, username, secret, str(self.folder / "ca/ca.crt"))


@contextlib.contextmanager
def secured_broker(folder: Path) -> Iterator[SecuredBroker]:
    """Run it, with histotwin's own services introduced."""
    make_secrets(folder, ["localhost", "127.0.0.1"], SystemClock(), lambda _: None)
    ports = free_port(), free_port()
    text = (ROOT / "docker/mosquitto.conf").read_text(encoding="utf-8").replace("/histotwin/", f"{folder}/")
    for shipped, ours in zip(("8883", "8884"), ports, strict=True):
        text = text.replace(f"listener {shipped}", f"listener {ours} 127.0.0.1")
    config = folder / "mosquitto.conf"
    config.write_text(f"{text}\nuser root\n", encoding="utf-8")
    broker = SecuredBroker(folder, *ports, Mosquitto(ports[1], config))
    broker.server.start()
    try:
        introduce_services(broker.settings, folder)
        yield broker
    finally:
        broker.server.stop()


@dataclass
class Caller:
    """A plain MQTT client that notes whatever the broker tells it."""

    address: BrokerAddress
    client_id: str = "caller"
    protocol: mqtt.MQTTProtocolVersion = mqtt.MQTTv5
    will: str | None = None
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    granted: list[bool] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = threading.Event()
        client = self._client = mqtt.Client(CallbackAPIVersion.VERSION2, self.client_id, protocol=self.protocol)
        if self.address.username is not None:
            client.username_pw_set(self.address.username, self.address.password)
        if self.address.ca_file is not None:
            client.tls_set(self.address.ca_file)
        if self.will is not None:
            client.will_set(self.will, "gone", qos=1)
        client.reconnect_delay_set(0.05, 0.05)
        client.on_connect = lambda _c, _u, _f, reason, _p: self.connections.append(str(reason))
        client.on_disconnect = lambda *_: self._left.set()
        client.on_message = lambda _c, _u, message: self.heard.append((message.topic, message.payload))
        client.on_publish = lambda _c, _u, _m, reason, _p: self.answers.append(str(reason))
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.granted.extend(not r.is_failure for r in reasons)

    def __enter__(self) -> Caller:
        self._client.connect(self.address.host, self.address.port)
        self._client.loop_start()
        until(lambda: self.connections)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_in(self) -> bool:
        """Say whether the broker took it and has not put it out."""
        return self.connections[-1] == "Success" and not self._left.is_set()

    def break_off(self) -> None:
        """End the connection without a word, so that the broker speaks the last will."""
        self._client.loop_stop()
        sock = self._client.socket()
        assert sock is not None
        sock.close()

    def publish(self, topic: str, payload: str = "x") -> str:
        """Publish and return the broker's word on it; Mosquitto 2.0 hangs up over TLS when it has said no."""
        known = len(self.answers)
        self._client.publish(topic, payload, qos=1)
        until(lambda: len(self.answers) > known)
        return self.answers[-1]

    def subscribe(self, name: str) -> bool:
        """Subscribe and return whether the broker grants it; not to be asked after a publication was refused."""
        known = len(self.granted)
        self._client.subscribe(name, qos=1)
        until(lambda: len(self.granted) > known)
        return self.granted[-1]


def with_password(address: BrokerAddress, secret: str) -> BrokerAddress:
    """Return the same address with another password."""
    return replace(address, password=secret)
