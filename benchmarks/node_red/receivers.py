"""The receivers side by side, each a process of its own that can be killed. What is asked of them is not in here.

All speak MQTT 5 with QoS 1 and one persistent session, and write SQLite in WAL mode with ``synchronous=FULL`` (the
default of ``sqlite3``'s own build; ours sets it) into a table with a unique key.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite3

from devices.ingest import Ingest, IngestSettings
from devices.session import BrokerAddress
from tracking.clock import SystemClock
from tracking.door import Door
from tracking.registry import load_registry
from tracking.store.database import open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade

CLIENT_ID = "bench"  # whose session ``bench_ingest.leave_session`` leaves behind
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NETWORK = ROOT / "data/networks/bcps.yaml"


@dataclass(frozen=True)
class Receiver:
    """How to make a receiver's empty database in a folder, how to start it there, and where it keeps events."""

    name: str
    table: str
    prepare: Callable[[Path, int], None]
    command: Callable[[Path, int], Sequence[str]]


@contextlib.contextmanager
def database(folder: Path) -> Iterator[Any]:
    """Open a receiver's database beside it."""
    db = sqlite3.connect(database_path(folder), isolation_level=None, timeout=10)
    try:
        yield db
    finally:
        db.close()


def database_path(folder: Path) -> Path:
    return folder / "receiver.db"


# Ours.


def ours() -> Receiver:
    return Receiver("ours", "event", _prepare_ours, _command_of_ours)


def _prepare_ours(folder: Path, _port: int) -> None:
    upgrade(f"sqlite:///{database_path(folder)}")


def _command_of_ours(folder: Path, port: int) -> Sequence[str]:
    return [sys.executable, "-m", "benchmarks.node_red.receivers", str(folder), str(port)]


def run_ours(folder: Path, port: int) -> None:
    """Receive until killed: the real ingest, the real door."""
    registry = load_registry([NETWORK])
    store = EventStore(open_database(f"sqlite:///{database_path(folder)}"), registry)
    clock = SystemClock()
    settings = IngestSettings(BrokerAddress(port=port), client_id=CLIENT_ID)
    Ingest(settings, Door(store, registry, clock), clock).start()
    threading.Event().wait()


# Node-RED.


def node_red(installation: Path, flow: str, name: str) -> Receiver:
    """Return a Node-RED that runs the flow ``flow``.json of this folder."""

    def prepare(folder: Path, port: int) -> None:
        _make_table(folder)
        text = (HERE / f"{flow}.json").read_text(encoding="utf-8")
        for word, value in (("PORT", str(port)), ("CLIENT", CLIENT_ID), ("DATABASE", str(database_path(folder)))):
            text = text.replace(f"@{word}@", json.dumps(value)[1:-1])
        (folder / "flow.json").write_text(text, encoding="utf-8")

    def command(folder: Path, _port: int) -> Sequence[str]:
        main, settings = installation / "node_modules/node-red/red.js", HERE / "settings.js"
        return ["node", str(main), "--userDir", str(folder), "--settings", str(settings), str(folder / "flow.json")]

    return Receiver(name, "message", prepare, command)


def _make_table(folder: Path) -> None:
    with database(folder) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(
            "CREATE TABLE message (id INTEGER PRIMARY KEY, source TEXT NOT NULL, event_id TEXT NOT NULL,"
            " body TEXT NOT NULL, UNIQUE (source, event_id))"
        )


# A receiver at work.


class Running:
    """A receiver's process, and what its database holds so far. A context: the process ends with it."""

    def __init__(self, receiver: Receiver, folder: Path, port: int, db: Any, environment: Mapping[str, str]) -> None:
        self._table, self._db, self._log = receiver.table, db, folder / "receiver.log"
        command = receiver.command(folder, port)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.process.kill()
        self.process.wait(10)

    def stored(self) -> int:
        """Return how many events are committed; both tables are numbered without gaps."""
        self._require_alive()
        return int(self._db.execute(f"SELECT coalesce(max(rowid), 0) FROM {self._table}").fetchone()[0])  # noqa: S608

    def has(self, event_id: str) -> bool:
        """Say whether an event is committed."""
        self._require_alive()
        query = f"SELECT 1 FROM {self._table} WHERE event_id = ?"  # noqa: S608
        return self._db.execute(query, (event_id,)).fetchone() is not None

    def event_ids(self) -> list[str]:
        """Return the id of every row."""
        return [event_id for (event_id,) in self._db.execute(f"SELECT event_id FROM {self._table}")]  # noqa: S608

    def _require_alive(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the receiver ended by itself: {self._log.read_text(errors='replace')[-500:]}")


if __name__ == "__main__":
    run_ours(Path(sys.argv[1]), int(sys.argv[2]))
