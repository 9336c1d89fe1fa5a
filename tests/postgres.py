"""A private PostgreSQL for a test session: made, started, stopped and thrown away here. No test lives in this file."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.services import free_port

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


@dataclass(frozen=True)
class Postgres:
    """A server of our own; ``process`` is ours to stop."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def new_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def is_ready(self) -> bool:
        with contextlib.suppress(psycopg.Error), psycopg.connect(self._dsn("postgres"), connect_timeout=1):
            return True
        return False

    def _dsn(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres dbname={database}"


def has_postgres() -> bool:
    """Tell whether Debian's PostgreSQL is installed."""
    return bool(BINARIES)


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL on a free port of loopback; trust is fine, nobody else reaches it and it dies with the tests."""
    folder = Path(tempfile.mkdtemp(prefix="histotwin-pg-"))
    user = user_for(folder)
    data, port = folder / "data", free_port()
    _run(
        user,
        "initdb",
        "-D",
        str(data),
        "-U",
        "postgres",
        "--auth=trust",
        "-k",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    )
    process = subprocess.Popen(
        [str(BINARIES[0] / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1",
         "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off"],
        user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    server = Postgres(port, folder, process)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.send_signal(3)  # SIGQUIT: at once, connections or not
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def user_for(folder: Path) -> int | None:
    """Return as whom to run, and give that user the folder: PostgreSQL refuses root, so Debian's user of its name."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("postgres")
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return entry.pw_uid


def _run(user: int | None, program: str, *arguments: str) -> None:
    subprocess.run([str(BINARIES[0] / program), *arguments], user=user, check=True, capture_output=True, cwd="/")


def _wait_until_ready(server: Postgres, patience_s: float = 20.0) -> None:
    deadline = time.monotonic() + patience_s
    while not server.is_ready():
        if time.monotonic() > deadline or server.process.poll() is not None:
            raise TimeoutError("PostgreSQL did not start")
        time.sleep(0.05)
