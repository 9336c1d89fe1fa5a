"""Real services that tests run against: Mosquitto and the embedded broker on free loopback ports. No fakes in here."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from devices.broker import BrokerError, run_broker

T = TypeVar("T")

_CONFIG = """
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages {inflight}
max_packet_size 1048576
set_tcp_nodelay true
log_dest none
"""


def free_port() -> int:
    """Return a loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], object], patience_s: float = 15.0) -> None:
    """Return once something is true. Raises ``AssertionError`` when it does not become so in time."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def wait_for_port(port: int, patience_s: float = 10.0) -> None:
    """Return once something listens on the port. Raises ``TimeoutError``."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


@dataclass
class Mosquitto:
    """A real Mosquitto of our own: ``start``, ``stop``, ``kill`` (-9), on one port for its whole life."""

    port: int
    config: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens. Raises ``RuntimeError`` when it ends instead (the port is taken)."""
        binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen([binary, "-c", str(self.config)], stderr=subprocess.DEVNULL)
        wait_for_port(self.port)
        time.sleep(0.02)
        if self.process.poll() is not None:
            raise RuntimeError(f"Mosquitto did not start on port {self.port}")

    def stop(self) -> None:
        """Ask it to end, and wait."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def kill(self) -> None:
        """End it as a power cut would: whatever it held in memory is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@contextlib.contextmanager
def mosquitto(folder: Path, inflight: int = 500) -> Iterator[Mosquitto]:
    """Run a real Mosquitto without queue limits on a free port of loopback."""
    broker = _first_that_starts(lambda: _start_mosquitto(folder, inflight))
    try:
        yield broker
    finally:
        broker.stop()


@contextlib.contextmanager
def embedded_broker() -> Iterator[int]:
    """Run the product's embedded broker on a free port and give the port."""
    port, stop, thread = _first_that_starts(_start_embedded)
    try:
        yield port
    finally:
        stop.set()
        thread.join(10)


def _first_that_starts(start: Callable[[], T]) -> T:
    """Try a few ports: between our finding one free and a broker's taking it, another program may."""
    for _ in range(4):
        with contextlib.suppress(RuntimeError, TimeoutError):
            return start()
    return start()


def _start_mosquitto(folder: Path, inflight: int) -> Mosquitto:
    port = free_port()
    config = folder / f"mosquitto-{port}.conf"
    config.write_text(_CONFIG.format(port=port, inflight=inflight), encoding="utf-8")
    broker = Mosquitto(port, config)
    broker.start()
    return broker


def _start_embedded() -> tuple[int, threading.Event, threading.Thread]:
    port, ready, stop, ended = free_port(), threading.Event(), threading.Event(), threading.Event()

    def serve() -> None:
        with contextlib.suppress(BrokerError):
            run_broker("127.0.0.1", port, ready=ready.set, stop=stop)
        ended.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    while not ready.wait(0.05):
        if ended.is_set():
            raise RuntimeError(f"the embedded broker did not start on port {port}")
    return port, stop, thread
