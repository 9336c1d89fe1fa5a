"""How far the store is with every device: its identity, its head, its watermarks and gaps. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import Connection

from tracking.store.chain import FIRST_LINK
from tracking.store.database import Database
from tracking.store.statements import mark_of


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """Which history this is: ``id`` changes when a copy is put back; ``head`` is the last position."""

    id: str
    head: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Sequences ``first`` to ``last`` that are missing; ``since_us`` is when that was first known, µs UTC."""

    first: int
    last: int
    since_us: int


@dataclass(frozen=True, slots=True)
class StreamStanding:
    """One device during one start of its connector: all up to ``contiguous`` is stored; ``gaps`` above it."""

    source: str
    boot: str
    contiguous: int
    highest: int
    gaps: tuple[Gap, ...]


class Standing:
    """What is asked of the store about itself. Every call may raise ``StoreUnavailable``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def identity(self) -> StoreIdentity:
        """Return the store's identity and head."""
        with self._database.reading() as connection:
            return identity_of_store(connection)

    def streams(self, since_us: int = 0) -> list[StreamStanding]:
        """Return the streams of devices of which something was received since then, and all that have gaps."""
        with self._database.reading() as connection:
            return streams(connection, since_us)

    def gaps(self) -> list[StreamStanding]:
        """Return the streams that have gaps."""
        with self._database.reading() as connection:
            return open_gaps(connection)

    def numbered(self) -> set[str]:
        """Return the sources of which any boot was ever known."""
        sql = "SELECT path FROM source WHERE id IN (SELECT source_id FROM watermark)"
        with self._database.reading() as connection:
            return set(connection.exec_driver_sql(sql).scalars())

    def anchor(self) -> str:
        """Return the log's head as ``position:link``, to be noted outside the database for ``db verify``."""
        with self._database.reading() as connection:
            row = connection.exec_driver_sql("SELECT position, link FROM head WHERE id = 1").first()
            return f"{row[0]}:{bytes(row[1]).hex()}" if row else f"0:{FIRST_LINK.hex()}"


def identity_of_store(connection: Connection) -> StoreIdentity:
    """Return the store's identity and head."""
    name = connection.exec_driver_sql("SELECT id FROM store_identity").scalar() or ""
    head = connection.exec_driver_sql("SELECT position FROM head WHERE id = 1").scalar() or 0
    return StoreIdentity(name, head)


def streams(connection: Connection, since_us: int = 0) -> list[StreamStanding]:
    """Return the streams of devices of which something was received since ``since_us``, and all that have gaps."""
    sql = (
        f"{_STREAMS} LEFT JOIN device ON device.source_id = watermark.source_id "
        f"WHERE device.last_received_us >= {mark_of(connection)} OR beyond <> '[]' ORDER BY path, boot"
    )
    return [_standing(*row) for row in connection.exec_driver_sql(sql, (since_us,))]


def open_gaps(connection: Connection) -> list[StreamStanding]:
    """Return the streams that have gaps."""
    sql = f"{_STREAMS} WHERE beyond <> '[]' ORDER BY path, boot"
    return [_standing(*row) for row in connection.exec_driver_sql(sql)]


_STREAMS = (
    "SELECT path, boot, contiguous, highest, beyond FROM watermark JOIN source ON source.id = watermark.source_id"
)


def _standing(path: str, boot: str, contiguous: int, highest: int, beyond: str) -> StreamStanding:
    gaps, last = [], contiguous
    for first, end, since_us in orjson.loads(beyond):
        gaps.append(Gap(last + 1, first - 1, since_us))
        last = end
    return StreamStanding(path, boot, contiguous, highest, tuple(gaps))
