"""The embedded MQTT broker for one machine: rumqttd (iotcore) behind one port for MQTT 3.1.1 and 5.

It keeps everything in memory and knows no topic rights, so it listens on loopback only; a region runs Mosquitto.
Nothing about events, acknowledgements or the store may go in here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from iotcore import Broker

from devices.protocol_relay import MQTT_3_1_1, MQTT_5, Address, start_relay
from tracking.errors import HistotwinError

_LOOK_EVERY_S = 0.2
_ATTEMPTS = 3
_LISTENER = """
[{version}.1]
name = "{version}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
    [{version}.1.connections]
    connection_timeout_ms = 10000
    max_payload_size = 1048576
    max_inflight_count = 500
    dynamic_filters = true
"""
_ROUTER = """
id = 0
[router]
id = 0
max_connections = 5000
max_outgoing_packet_count = 500
max_segment_size = 4194304
max_segment_count = 16
"""


class BrokerError(HistotwinError):
    """The embedded broker cannot start, or has died."""


def run_broker(host: str, port: int, *, ready: Callable[[], None], stop: threading.Event) -> None:
    """Serve MQTT 3.1.1 and 5 on ``host``:``port`` until ``stop`` is set; ``ready`` is called once it listens.

    Blocks. Raises ``BrokerError`` when the port is taken, the host is not loopback, or the broker dies.
    """
    _require_loopback(host)
    with tempfile.TemporaryDirectory(prefix="histotwin-broker-") as folder:
        broker, listeners = _start_rumqttd(Path(folder))
        try:
            asyncio.run(_relay_until(stop, ready, broker, Address(host, port), listeners))
        finally:
            broker.stop()


async def _relay_until(
    stop: threading.Event, ready: Callable[[], None], broker: Broker, front: Address, listeners: dict[int, Address]
) -> None:
    try:
        server = await start_relay(front, listeners)
    except OSError as error:
        raise BrokerError(f"MQTT port {front.port} on {front.host} cannot be opened: {error.strerror}") from error
    async with server:
        ready()
        while not stop.is_set():
            if not broker.is_running:
                raise BrokerError("the embedded MQTT broker has died")
            await asyncio.sleep(_LOOK_EVERY_S)


def _start_rumqttd(folder: Path) -> tuple[Broker, dict[int, Address]]:
    for _ in range(_ATTEMPTS):
        ports = _free_ports()
        config = folder / "rumqttd.toml"
        config.write_text(_settings(*ports), encoding="utf-8")
        try:
            broker = Broker(config_path=str(config)).start()
        except (OSError, RuntimeError):  # another program took a port in between
            continue
        return broker, {
            level: Address("127.0.0.1", port) for level, port in zip((MQTT_3_1_1, MQTT_5), ports, strict=True)
        }
    raise BrokerError("the embedded MQTT broker did not start")


def _settings(port_of_4: int, port_of_5: int) -> str:
    return _ROUTER + _LISTENER.format(version="v4", port=port_of_4) + _LISTENER.format(version="v5", port=port_of_5)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _require_loopback(host: str) -> None:
    try:
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise BrokerError(
            f"the embedded broker knows no topic rights and serves loopback only, not {host!r}: run Mosquitto"
        )
