"""The databases of a world, as something that can be stopped, killed, frozen or locked; and a reader that judges.

The reader asks by itself, with the plain drivers and not through any part of histotwin.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil
import psycopg
import pysqlite3.dbapi2 as sqlite3

from tests.faults.processes import Program, steady_port
from tests.postgres import BINARIES, user_for

Row = tuple[Any, ...]


class Unreadable(Exception):
    """The database answers nothing now."""


class Reader:
    """A connection of the judge's own; opened again when it broke."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a query with ``?`` for values; raises ``Unreadable``."""
        try:
            if self._connection is None:
                self._connection = self._database.connect()
            return [tuple(row) for row in self._connection.execute(self._database.dialect(sql), tuple(values))]
        except (psycopg.Error, sqlite3.Error, OSError) as error:
            self.close()
            raise Unreadable(str(error)) from error

    def close(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(psycopg.Error, sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
        self._connection = None


class Database(Protocol):
    """What a world needs of a database; ``port`` is where a proxy has to lead, ``None`` for a file."""

    port: int | None

    def url(self, port: int | None) -> str:
        """Return the address for histotwin, by way of a proxy's port."""

    def connect(self) -> Any:
        """Return a plain connection, without any proxy."""

    def dialect(self, sql: str) -> str:
        """Return a query with ``?`` as this driver wants it."""

    def start(self) -> None:
        """Start it without waiting; nothing to do for a file."""

    def close(self) -> None:
        """Stop it and throw it away."""


@dataclass(slots=True)
class SqliteFile:
    """A file. It cannot be stopped, but another program can hold its writer's lock."""

    path: Path
    port: int | None = None
    _holder: Any = None

    def url(self, port: int | None) -> str:  # noqa: ARG002  # a file has no proxy
        return f"sqlite:///{self.path}"

    def connect(self) -> Any:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=2)

    def dialect(self, sql: str) -> str:
        return sql

    def start(self) -> None:
        return

    def lock(self) -> None:
        """Take the writer's lock, as a copying or a repairing program would."""
        self._holder = self.connect()
        self._holder.execute("BEGIN IMMEDIATE")

    def unlock(self) -> None:
        """Let go of it."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None

    def close(self) -> None:
        self.unlock()


@dataclass(slots=True)
class PostgresServer:
    """A real PostgreSQL on one port for its whole life, which may be short, often."""

    folder: Path
    program: Program
    port: int | None
    is_held_down: bool = False
    _frozen: list[psutil.Process] = field(default_factory=list)

    def url(self, port: int | None) -> str:
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/postgres"

    def connect(self) -> Any:
        return psycopg.connect(self.url(None), autocommit=True, connect_timeout=2)

    def dialect(self, sql: str) -> str:
        return sql.replace("?", "%s")

    def start(self) -> None:
        self.program.start()

    def wait_until_ready(self, patience_s: float = 20.0) -> None:
        """Return once it answers. Raises ``TimeoutError``."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg.Error), self.connect():
                return
            time.sleep(0.05)
        raise TimeoutError("PostgreSQL did not start")

    def stop_at_once(self) -> None:
        """Do what ``pg_ctl stop -m immediate`` does: every session is cut, the log is played back at the next start."""
        if self.program.process is not None:
            self.program.process.send_signal(signal.SIGQUIT)
            self.program.process.wait(10)

    def kill(self) -> None:
        """End server and sessions as a power cut would."""
        processes = self._processes()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
        self.program.kill()

    def freeze(self) -> None:
        """Let everything hang: connections stay, nothing answers."""
        self._frozen = self._processes()
        for process in self._frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Go on where it hung."""
        for process in self._frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []

    def close(self) -> None:
        self.thaw()
        if self.program.is_running:
            self.stop_at_once()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _processes(self) -> list[psutil.Process]:
        if not self.program.is_running or self.program.process is None:
            return []
        server = psutil.Process(self.program.process.pid)
        return [server, *server.children(recursive=True)]


def new_postgres(logs: Path, *, is_durable: bool = False) -> PostgresServer:
    """Make an empty server; a durable one waits for the disk at every commit.

    What a killed process has written, the system keeps: nothing here needs the disk to have it, and without waiting
    for the disk the server is back sooner.
    """
    folder = Path(tempfile.mkdtemp(prefix="histotwin-faults-"))
    user, port = user_for(folder), steady_port()
    subprocess.run(
        [str(BINARIES[0] / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "--no-sync",
         "--encoding=UTF8", "--locale=C.UTF-8"],
        user=user, check=True, capture_output=True, cwd="/",
    )  # fmt: skip
    command = [str(BINARIES[0] / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-k", str(folder),
               "-h", "127.0.0.1", "-c", f"fsync={'on' if is_durable else 'off'}"]  # fmt: skip
    program = Program("postgres", command, logs / "postgres.log", user=user)
    return PostgresServer(folder, program, port)


@contextlib.contextmanager
def reading(database: Database) -> Iterator[Reader]:
    """Give a reader and close it."""
    reader = Reader(database)
    try:
        yield reader
    finally:
        reader.close()
