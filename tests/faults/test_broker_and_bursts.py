"""A broker whose disk is full keeps nothing it has acknowledged; a burst fills the broker, not the memory of ingest."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.bench_ingest import LAB, NETWORK, fill, messages
from tests.devices.lab_at_a_gateway import Lab
from tests.faults.processes import PYTHON, ROOT, Program, steady_port
from tests.services import Mosquitto, mosquitto, until
from tracking.store.database import Database, open_database
from tracking.store.migrate import upgrade

NETWORK_FILE = ROOT / "data/networks/bcps.yaml"
_SAVES_OFTEN = """
listener {port} 127.0.0.1
user root
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 1
max_queued_messages 0
log_dest file {log}
"""


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=777", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


class Store:
    """A database with ``histotwin ingest`` before it."""

    def __init__(self, folder: Path, port: int) -> None:
        url = f"sqlite:///{folder / 'store.db'}"
        upgrade(url)
        self._database: Database = open_database(url)
        settings = {
            "HISTOTWIN_DATABASE_URL": url, "HISTOTWIN_DATA_DIR": str(folder), "HISTOTWIN_MQTT_PORT": str(port),
            "HISTOTWIN_NETWORK": str(NETWORK_FILE),
        }  # fmt: skip
        self.ingest = Program("ingest", [PYTHON, "-m", "histotwin", "ingest"], folder / "ingest.log", settings)

    def events(self, column: str, value: str) -> int:
        """How many events of the log have a value."""
        with self._database.reading() as connection:
            sql = f"SELECT count(*) FROM event WHERE {column} = ?"  # noqa: S608
            return int(connection.exec_driver_sql(sql, (value,)).scalar_one())

    def is_sound(self) -> bool:
        with self._database.reading() as connection:
            first, last, many = connection.exec_driver_sql(
                "SELECT min(position), max(position), count(*) FROM event"
            ).one()
        return (first, last) == (1, many)

    @contextlib.contextmanager
    def ingesting(self) -> Iterator[Program]:
        self.ingest.start()
        try:
            yield self.ingest
        finally:
            self.ingest.kill()


@pytest.fixture
def full_broker(tiny_disk: Path, tmp_path: Path) -> Iterator[Mosquitto]:
    port = steady_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(_SAVES_OFTEN.format(port=port, folder=tiny_disk, log=tmp_path / "broker.log"), encoding="utf-8")
    broker = Mosquitto(port, config)
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.slow
def test_what_a_broker_with_a_full_disk_has_acknowledged_comes_from_the_outbox(
    full_broker: Mosquitto, tiny_disk: Path, tmp_path: Path
) -> None:
    store, lab = Store(tmp_path, full_broker.port), Lab(full_broker.port, tmp_path)
    with store.ingesting():
        lab.gateway.publish([cut()])
        until(lambda: store.events("type", "histotwin.step.completed") == 1, 40)
    for _ in range(40):
        lab.gateway.publish([cut(note="x" * 2000)] * 10)
    until(lambda: "No space left" in (tmp_path / "broker.log").read_text(encoding="utf-8"), 30)
    full_broker.kill()
    for left in tiny_disk.iterdir():
        left.unlink()  # what was saved by halves is of no use to anybody
    full_broker.start()
    with store.ingesting():
        assert lab.gateway.flush(60)
    assert store.events("type", "histotwin.step.completed") == 401
    assert store.is_sound()
    lab.leave(0.5)


def cut(**more: str) -> tuple[str, dict[str, object]]:
    """A block is cut, as a microtome says it."""
    data = {"step": "microtomy", **more}
    return "microtome-1", {"type": "histotwin.step.completed", "subject": "S26-000001-A-1", "data": data}


@pytest.mark.slow
def test_a_burst_waits_at_the_broker_and_leaves_the_memory_of_ingest_flat(tmp_path: Path) -> None:
    burst = messages(30_000)
    with mosquitto(tmp_path) as broker:
        store = Store(tmp_path, broker.port)
        hello = [(f"histotwin/{NETWORK}/{LAB}/lims-1/state", b"online")]
        with store.ingesting():
            until(lambda: fill(broker.port, hello) or store.events("type", "histotwin.device.state") > 0, 40)
        fill(broker.port, burst)
        largest = 0
        with store.ingesting() as ingest:
            assert ingest.process is not None
            process = psutil.Process(ingest.process.pid)

            def all_in() -> bool:
                nonlocal largest
                largest = max(largest, process.memory_info().rss)
                return store.events("boot", "bench") >= len(burst)

            until(all_in, 120)
        assert largest < 300 * 1024 * 1024
        assert store.is_sound()
