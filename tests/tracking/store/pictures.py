"""What stands in a store, told without the numbers that depend on the order of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Table

from tests.tracking.store.histories import incoming
from tracking.clock import SystemClock
from tracking.door import Door, Incoming, Receipt
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.database import open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade
from tracking.store.verify import rows_of

Picture = dict[str, list[tuple[Any, ...]]]


class Bench:
    """A fresh database with a door on it."""

    def __init__(self, url: str, registry: Registry) -> None:
        self.url, self.registry = url, registry
        upgrade(url)
        self.database = open_database(url)
        self._numbers = count(1)
        self.restart()

    def restart(self) -> None:
        """Begin with nothing remembered, as a new process does."""
        self.store = EventStore(self.database, self.registry)
        self.door = Door(self.store, self.registry, SystemClock(), new_id=lambda: f"raw-{next(self._numbers)}")

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


def picture(connection: Connection) -> Picture:
    """Return every projection with names in the place of numbers."""
    rows = {table.name: list(rows_of(connection, table)) for table in (*tables.PROJECTIONS, tables.source)}
    item: dict[Any, Any] = {row[0]: row[1:3] for row in rows["item"]} | {None: None}
    source = {row[0]: row[1] for row in rows["source"]}
    event = {row[0]: (row[1], row[2]) for row in rows_of(connection, tables.event)}
    told: dict[str, Sequence[tuple[Any, ...]]] = {
        "head": rows["head"],
        "item": [(*row[1:4], item[row[4]], item[row[5]], *row[6:]) for row in rows["item"]],
        "alias": [(*row[:2], item[row[2]]) for row in rows["alias"]],
        "item_event": [(item[row[0]], source[event[row[1]][0]], event[row[1]][1]) for row in rows["item_event"]],
        "visit": [(item[row[0]], *row[1:6], source[row[6]], *row[7:]) for row in rows["visit"]],
        "case_clock": [(item[row[0]], *row[1:]) for row in rows["case_clock"]],
        "device": [(source[row[0]], *row[1:]) for row in rows["device"]],
        "watermark": [(source[row[0]], *row[1:]) for row in rows["watermark"]],
    }
    return {name: sorted(some, key=repr) for name, some in told.items()}
