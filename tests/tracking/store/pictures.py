"""What stands in a store, told without the numbers and links that depend on the order of arrival."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Table, event

from tests.tracking.store.histories import incoming
from tracking.clock import SystemClock
from tracking.door import Door, Incoming, Receipt
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade
from tracking.store.verify import rows_of

Picture = dict[str, list[tuple[Any, ...]]]


class Bench:
    """A fresh database with a door on it."""

    def __init__(self, url: str, registry: Registry) -> None:
        upgrade(url)
        self._begin(url, registry, open_database(url))

    def _begin(self, url: str, registry: Registry, database: Database) -> None:
        self.url, self.registry, self.database = url, registry, database
        self.restart()

    def restart(self) -> None:
        """Begin with nothing remembered, as a new process does."""
        self.store = EventStore(self.database, self.registry)
        self.door = Door(self.store, self.registry, SystemClock())

    def beside(self) -> Bench:
        """Give another store and door on the same database, with a memory of their own."""
        other = object.__new__(type(self))
        other._begin(self.url, self.registry, self.database)
        return other

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    def take(self, *events: dict[str, Any] | Incoming) -> list[Receipt]:
        return self.door.take([e if isinstance(e, Incoming) else incoming([e])[0] for e in events])

    def rows(self, table: Table) -> list[tuple[Any, ...]]:
        with self.database.reading() as connection:
            return sorted(rows_of(connection, table), key=repr)

    def named(self, table: Table) -> list[dict[str, Any]]:
        names = [column.name for column in table.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows(table)]

    def item(self, barcode: str) -> dict[str, Any]:
        return next(row for row in self.named(tables.item) if row["barcode"] == barcode)

    def visits(self, barcode: str) -> list[dict[str, Any]]:
        number = self.item(barcode)["id"]
        return sorted((v for v in self.named(tables.visit) if v["item_id"] == number), key=lambda v: v["n"])

    def clock(self, case: str) -> dict[str, Any]:
        return next(row for row in self.named(tables.case_clock) if row["barcode"] == case)

    def projections(self) -> Picture:
        with self.database.reading() as connection:
            return {table.name: sorted(rows_of(connection, table), key=repr) for table in tables.PROJECTIONS}

    def picture(self) -> Picture:
        with self.database.reading() as connection:
            return picture(connection)


class HastyBench(Bench):
    """The same on an SQLite file that is copied from an empty one and never waits for the disk: for many examples."""

    def __init__(self, file: Path, registry: Registry) -> None:
        file.write_bytes(_empty_store())
        database = open_database(f"sqlite:///{file}")
        event.listen(database.engine, "connect", lambda plain, _: plain.execute("PRAGMA synchronous=OFF"))
        self._begin(f"sqlite:///{file}", registry, database)


@cache
def _empty_store() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        upgrade(f"sqlite:///{Path(folder) / 'empty.db'}")
        return (Path(folder) / "empty.db").read_bytes()


@contextmanager
def hasty_bench(registry: Registry) -> Iterator[HastyBench]:
    """Give a bench for one example."""
    with tempfile.TemporaryDirectory() as folder, HastyBench(Path(folder) / "store.db", registry) as bench:
        yield bench


def picture(connection: Connection) -> Picture:
    """Return every projection and the refused messages, with names in the place of numbers."""
    rows = {table.name: list(rows_of(connection, table)) for table in (*tables.PROJECTIONS, tables.source)}
    item: dict[Any, Any] = {row[0]: row[1:3] for row in rows["item"]} | {None: None}
    source = {row[0]: row[1] for row in rows["source"]}
    event = {row[0]: (row[1], row[2]) for row in rows_of(connection, tables.event)}
    told: dict[str, Sequence[tuple[Any, ...]]] = {
        "head": _without(connection, tables.head, "id", "link", "sources"),
        "item": [(*row[1:4], item[row[4]], item[row[5]], *row[6:]) for row in rows["item"]],
        "alias": [(*row[:2], item[row[2]]) for row in rows["alias"]],
        "item_event": [(item[row[0]], source[event[row[1]][0]], event[row[1]][1]) for row in rows["item_event"]],
        "visit": [(item[row[0]], *row[1:6], source[row[6]], *row[7:]) for row in rows["visit"]],
        "case_clock": [(item[row[0]], *row[1:]) for row in rows["case_clock"]],
        "device": [(source[row[0]], *row[1:]) for row in rows["device"]],
        "watermark": [(source[row[0]], *row[1:]) for row in rows["watermark"]],
        "rejected": _without(connection, tables.rejected, "id", "link", "seal"),
    }
    return {name: sorted(some, key=repr) for name, some in told.items()}


def _without(connection: Connection, table: Table, *names: str) -> list[tuple[Any, ...]]:
    kept = [place for place, column in enumerate(table.columns) if column.name not in names]
    return [tuple(row[place] for place in kept) for row in rows_of(connection, table)]
