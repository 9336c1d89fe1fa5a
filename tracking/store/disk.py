"""How much room the database takes and has: sizes of files and tables, asked of whoever knows. Judges nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of the disk that holds a folder: free, and in all."""

    free: int
    total: int


def room_at(folder: Path) -> Room | None:
    """Return the room of the disk that holds a folder, ``None`` where that cannot be said."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Room(usage.free, usage.total)


def database_bytes(connection: Connection) -> int:
    """Return the size of the database."""
    if connection.dialect.name == "sqlite":
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def unmerged_bytes(connection: Connection) -> int:
    """Return the size of SQLite's write-ahead log, 0 where there is none."""
    name = connection.engine.url.database if connection.dialect.name == "sqlite" else None
    try:
        return Path(f"{name}-wal").stat().st_size if name else 0
    except OSError:
        return 0
