"""Copies of a whole database while it runs, and back. A copy counts only once it has been read and found sound.

A restore is one transaction: until it commits, the database is as it was, whatever ends it. Archives are files of their
own and are copied as files.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pysqlite3.dbapi2 as sqlite3
from sqlalchemy import URL, inspect, make_url
from sqlalchemy.exc import DBAPIError

from tracking.clock import Clock, SystemClock
from tracking.errors import HistotwinError
from tracking.kill_points import passing
from tracking.store import tables
from tracking.store.database import LOCK_TIMEOUT_MS, WRITER_LOCK, open_database
from tracking.store.heartbeats import Heartbeat, heartbeats
from tracking.store.migrate import give_identity, known_revisions, upgrade
from tracking.store.partitions import MAKE_ROOM
from tracking.store.privileges import grant_rights, roles_with_rights
from tracking.store.unhurried import take_time

ALIVE_WITHIN_US = 15_000_000
"""A part whose last sign of life is younger than this is taken to be running."""


class CopyFailed(HistotwinError):
    """A copy could not be made, read or put back; what was there before still stands."""


def backup(url: str, target: Path) -> int:
    """Write a copy of the database to a new file and return the position it goes up to.

    Raises ``CopyFailed``. SQLite: the online backup, checked with ``integrity_check``; PostgreSQL: ``pg_dump``, read
    through once.
    """
    if target.exists():
        raise CopyFailed(f"{target} exists already; a copy never overwrites another. Choose a new name.")
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    address = make_url(url)
    try:
        if address.get_backend_name() == "sqlite":
            head = _copy_sqlite(_file_of(address), unfinished)
            with closing(sqlite3.connect(unfinished)) as copy:
                copy.execute("PRAGMA journal_mode=DELETE")  # a copy is one file; who works with it sets WAL again
        else:
            head = _dump(url, unfinished)
        _flush(unfinished)
        passing("copy_written")
        unfinished.replace(target)
        _flush(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return head


def restore(source: Path, url: str, clock: Clock | None = None, *, force: bool = False) -> bool:
    """Put a copy in the place of the database and bring it to this version's schema. Stop every part first.

    Returns whether the copy was of an older schema, so that a rebuild is due. Raises ``CopyFailed``; the database
    then is as it was. Refuses while a part shows signs of life, unless ``force``.
    """
    if not source.is_file():
        raise CopyFailed(f"{source} is not a file.")
    clock, roles = clock or SystemClock(), []
    address = make_url(url)
    _require_known(_revision(address, source), source)
    if not force:
        _require_stopped(url, clock)
    if address.get_backend_name() == "sqlite":
        _require_sound(source)
        _copy_sqlite(source, _file_of(address))
    else:
        roles = _restore_postgresql(url, source)
    is_older = upgrade(url, clock)
    for role in roles:
        grant_rights(url, role)
    _begin_anew(url, clock)
    return is_older


def _begin_anew(url: str, clock: Clock) -> None:
    """Name the history anew, so that connectors see to it that the store gets back what came after the copy.

    Whoever was alive when the copy was made is not alive in what stands now.
    """
    with closing(open_database(url)) as database, database.writing() as connection:
        give_identity(connection, secrets.token_hex(8), clock.now_us())
        connection.execute(tables.heartbeat.delete())


def _require_stopped(url: str, clock: Clock) -> None:
    now_us = clock.now_us()
    alive = [
        f"{beat.part} (process {beat.pid})"
        for beat in _beats(url)
        if beat.state != "stopped" and abs(now_us - beat.beat_us) < ALIVE_WITHIN_US
    ]
    if alive:
        raise CopyFailed(
            f"Parts are running: {', '.join(sorted(alive))}. Stop them first; --force restores all the same."
        )


def _beats(url: str) -> list[Heartbeat]:
    """Return the signs of life; none where the database is new, older, or so damaged that nobody can work with it."""
    with closing(open_database(url)) as database, suppress(DBAPIError), database.reading() as connection:
        if inspect(connection).has_table("heartbeat"):
            return list(heartbeats(connection).values())
    return []


def _revision(address: URL, source: Path) -> str | None:
    """Return the schema that a copy has; ``None`` when that cannot be told. Raises ``CopyFailed``."""
    if address.get_backend_name() == "sqlite":
        found: str | None = _one(source, "SELECT version_num FROM alembic_version")
        return found
    listed = _run(address, "pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(source))
    lines = listed.splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("COPY ") and "alembic_version" in line), None)
    return None if start is None else lines[start + 1]


def _require_known(revision: str | None, source: Path) -> None:
    if revision is None:
        raise CopyFailed(f"{source} is not a copy of a histotwin database.")
    if revision not in known_revisions():
        raise CopyFailed(f"{source} has schema {revision}, which is newer than this version. Install a newer one.")


def _file_of(address: URL) -> Path:
    return Path(address.database or "")


def _copy_sqlite(source: Path, target: Path) -> int:
    if not source.is_file():
        raise CopyFailed(f"There is no database at {source}.")
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=5)) as new:
            old.backup(new)  # in one step: between two, any commit elsewhere would make it begin again
        return _require_sound(target)
    except sqlite3.Error as error:
        raise CopyFailed(f"{source} could not be copied to {target}: {error}.") from error


def _require_sound(file: Path) -> int:
    """Return the position a copy goes up to; raises ``CopyFailed`` when it is damaged or no copy of ours."""
    found = _one(file, "PRAGMA integrity_check")
    if found != "ok":
        raise CopyFailed(f"{file} is damaged: {found}.")
    return int(_one(file, "SELECT coalesce(max(position), 0) FROM head"))


def _one(file: Path, sql: str) -> Any:
    """Return the first value that a copy answers; raises ``CopyFailed`` when it is no copy of ours."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            row = copy.execute(sql).fetchone()
            return row[0] if row else None
    except sqlite3.Error as error:
        raise CopyFailed(f"{file} is not a copy of a histotwin database: {error}.") from error


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _dump(url: str, target: Path) -> int:
    """Have PostgreSQL write one moment of the database, and say to which position it goes."""
    address = make_url(url)
    with closing(open_database(url)) as database, database.reading() as connection:
        take_time(connection)
        head = int(connection.exec_driver_sql("SELECT coalesce(max(position), 0) FROM head").scalar_one())
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
        _run(address, "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--schema={schema}", "--file",
             str(target), address.database or "")  # fmt: skip
    _run(address, "pg_restore", "--file=/dev/null", str(target))  # reads, and unpacks, all of it
    if _revision(address, target) is None:
        raise CopyFailed(f"pg_dump wrote {target}, but it holds no data.")
    return head


def _restore_postgresql(url: str, source: Path) -> list[str]:
    """Put a copy in the place of our tables, all or nothing; return the roles that could work with those before."""
    address = make_url(url)
    with closing(open_database(url)) as database, database.reading() as connection:
        schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
        roles = roles_with_rights(connection)
    if f" TABLE {schema} event " not in _run(address, "pg_restore", "--list", str(source)):
        raise CopyFailed(f"{source} is of another schema than {schema}, in which the database is.")
    with tempfile.TemporaryFile() as said:
        try:
            _replace(address, source, schema, said)
        except (BrokenPipeError, subprocess.CalledProcessError) as error:
            said.seek(0)
            words = " ".join(said.read().decode(errors="replace").split())[-300:]
            raise CopyFailed(f"The copy could not be put back: {words or error}") from error
    return roles


def _replace(address: URL, source: Path, schema: str, said: IO[bytes]) -> None:
    """Have one session of psql drop what is ours and fill in the copy; it commits only when all of it was read.

    ``said`` takes what the programs complain of. Raises ``CalledProcessError`` or ``BrokenPipeError``.
    """
    reading = [_program("pg_restore"), "--no-owner", "--no-privileges", f"--schema={schema}", "--file=-", str(source)]
    writing = [_program("psql"), "--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1",
               f"--dbname={address.database or ''}"]  # fmt: skip
    environment = os.environ | _connection_settings(address)
    with _running(writing, environment, said, stdin=subprocess.PIPE) as psql:
        assert psql.stdin is not None  # noqa: S101  # asked for above
        psql.stdin.write(f"BEGIN;\nSET LOCAL lock_timeout = {LOCK_TIMEOUT_MS};\n".encode())
        psql.stdin.write(f"SELECT pg_advisory_xact_lock({WRITER_LOCK});\n{_drops()}\n".encode())
        with _running(reading, environment, said, stdout=subprocess.PIPE) as copy:
            assert copy.stdout is not None  # noqa: S101  # asked for above
            shutil.copyfileobj(copy.stdout, psql.stdin, 1 << 20)
        passing("restore_in_transaction")
        psql.stdin.write(b"\nCOMMIT;\n")


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], said: IO[bytes], **pipes: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Give a running program and wait for its end; raises ``CalledProcessError`` when it fails."""
    with subprocess.Popen(command, env=environment, stderr=said, **pipes) as process:  # type: ignore[call-overload]  # noqa: S603  # fixed programs, no shell
        yield process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, command[0])


def _drops() -> str:
    names = [table.name for table in tables.metadata.sorted_tables] + ["alembic_version"]
    function = f"DROP FUNCTION IF EXISTS {MAKE_ROOM}(bigint);"
    return "\n".join([*(f"DROP TABLE IF EXISTS {name} CASCADE;" for name in names), function])


def _run(address: URL, program: str, *arguments: str) -> str:
    """Run one of PostgreSQL's own programs; the password goes by the environment, where other users do not see it."""
    done = subprocess.run(  # noqa: S603  # fixed programs, no shell
        [_program(program), *arguments], env=os.environ | _connection_settings(address), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-300:]
        raise CopyFailed(f"{program} failed: {said}")
    return done.stdout


def _connection_settings(address: URL) -> dict[str, str]:
    settings = {"PGHOST": address.host or "", "PGPORT": str(address.port or 5432), "PGUSER": address.username or ""}
    return settings if address.password is None else {**settings, "PGPASSWORD": str(address.password)}


def _program(name: str) -> str:
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    found = shutil.which(name) or (str(newest[-1]) if newest else None)
    if found is None:
        raise CopyFailed(f"{name} is not installed; install postgresql-client of the server's version.")
    return found
