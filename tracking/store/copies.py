"""Copies of a whole database while it runs, and back. A copy counts only once it has been read and found sound."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite3
from sqlalchemy import URL, make_url

from tracking.clock import SystemClock
from tracking.errors import HistotwinError
from tracking.kill_points import passing
from tracking.store.database import open_database
from tracking.store.migrate import give_identity, upgrade

PAGES_AT_ONCE = 1_000


class CopyFailed(HistotwinError):
    """A copy could not be made, read or put back; what was there before still stands."""


def backup(url: str, target: Path) -> int:
    """Write a copy of the database to a new file and return the position it goes up to.

    Raises ``CopyFailed``. SQLite: the online backup, checked with ``integrity_check``; PostgreSQL: ``pg_dump``.
    """
    if target.exists():
        raise CopyFailed(f"{target} exists already; a copy never overwrites another. Choose a new name.")
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    address = make_url(url)
    try:
        if address.get_backend_name() == "sqlite":
            head = _copy_sqlite(_file_of(address), unfinished)
        else:
            head = _dump(address, unfinished)
        _flush(unfinished)
        passing("copy_written")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return head


def restore(source: Path, url: str) -> None:
    """Put a copy in the place of the database and bring it to this version's schema. Stop every part first.

    Raises ``CopyFailed``; the database then is as it was.
    """
    if not source.is_file():
        raise CopyFailed(f"{source} is not a file.")
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        _require_sound(source)
        _copy_sqlite(source, _file_of(address))
    else:
        _run(address, "pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error",
             "--dbname", address.database or "", str(source))  # fmt: skip
    upgrade(url)
    _begin_anew(url)


def _begin_anew(url: str) -> None:
    """Name the history anew, so that connectors see to it that the store gets back what came after the copy."""
    database = open_database(url)
    try:
        with database.writing() as connection:
            give_identity(connection, secrets.token_hex(8), SystemClock().now_us())
    finally:
        database.close()


def _file_of(address: URL) -> Path:
    return Path(address.database or "")


def _copy_sqlite(source: Path, target: Path) -> int:
    if not source.is_file():
        raise CopyFailed(f"There is no database at {source}.")
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=5)) as new:
            old.backup(new, pages=PAGES_AT_ONCE)
            new.execute("PRAGMA journal_mode=DELETE")  # a copy is one file; whoever opens it to work sets WAL again
        return _require_sound(target)
    except sqlite3.Error as error:
        raise CopyFailed(f"{source} could not be copied to {target}: {error}.") from error


def _require_sound(file: Path) -> int:
    """Return the position a copy goes up to; raises ``CopyFailed`` when it is damaged or no copy of ours."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            found = [row[0] for row in copy.execute("PRAGMA integrity_check")]
            if found != ["ok"]:
                raise CopyFailed(f"{file} is damaged: {found[0]}.")
            copy.execute("SELECT version_num FROM alembic_version").fetchone()
            return _one(copy, "SELECT coalesce(max(position), 0) FROM event")
    except sqlite3.Error as error:
        raise CopyFailed(f"{file} is not a copy of a histotwin database: {error}.") from error


def _one(connection: Any, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def _flush(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())


def _dump(address: URL, target: Path) -> int:
    _run(address, "pg_dump", "--format=custom", "--file", str(target), address.database or "")
    listed = _run(address, "pg_restore", "--list", str(target))
    if "TABLE DATA" not in listed:
        raise CopyFailed(f"pg_dump wrote {target}, but it holds no data.")
    head = _run(address, "psql", "--no-psqlrc", "-tAc", "SELECT coalesce(max(position), 0) FROM event",
                address.database or "")  # fmt: skip
    return int(head.strip())


def _run(address: URL, program: str, *arguments: str) -> str:
    """Run one of PostgreSQL's own programs; the password goes by the environment, where other users do not see it."""
    settings = {"PGHOST": address.host or "", "PGPORT": str(address.port or 5432), "PGUSER": address.username or ""}
    if address.password is not None:
        settings["PGPASSWORD"] = str(address.password)
    done = subprocess.run(  # noqa: S603  # fixed programs, no shell
        [_program(program), *arguments], env=os.environ | settings, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-300:]
        raise CopyFailed(f"{program} failed: {said}")
    return done.stdout


def _program(name: str) -> str:
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    found = shutil.which(name) or (str(newest[-1]) if newest else None)
    if found is None:
        raise CopyFailed(f"{name} is not installed; install postgresql-client of the server's version.")
    return found
