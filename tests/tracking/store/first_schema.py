"""Databases as the first schema had them, filled from a store of today, and a writer of that time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from alembic import command
from sqlalchemy import Connection, Table

from tests.tracking.store.pictures import Bench
from tracking.store import tables
from tracking.store.database import Database, open_database
from tracking.store.migrate import _config
from tracking.store.statements import mark_of

_SAME = (tables.source, tables.item, tables.alias, tables.item_event, tables.visit, tables.case_clock)
Row = tuple[Any, ...]


@contextmanager
def first_schema(url: str) -> Iterator[Database]:
    """Give an empty database of the first schema."""
    database = open_database(url)
    try:
        with database.writing() as connection:
            command.upgrade(_config(connection), "0001")
        yield database
    finally:
        database.close()


def old_events(bench: Bench) -> list[Row]:
    """Return the log of a store as rows of the first schema."""
    digests = {row["position"]: row["digest"] for row in bench.named(tables.event_key)}
    return [
        (e["position"], e["source_id"], e["event_id"], e["type"], e["time_us"], e["received_us"], e["boot"],
         e["sequence"], e["body"], digests[e["position"]])
        for e in sorted(bench.named(tables.event), key=lambda row: row["position"])
    ]  # fmt: skip


def write_old(connection: Connection, events: Iterable[Row]) -> None:
    """Append events as the first version did."""
    rows = list(events)
    _insert(connection, "event", rows)
    connection.exec_driver_sql("DELETE FROM head")
    connection.exec_driver_sql(f"INSERT INTO head VALUES (1, {rows[-1][0]})")  # noqa: S608


def carry_back(bench: Bench, connection: Connection, events: Iterable[Row]) -> None:
    """Fill a database of the first schema with everything that a store of today holds besides its log."""
    for table in _SAME:
        _insert(connection, table.name, [_typed(table, row) for row in bench.rows(table)])
    _insert(connection, "device", [row[:-1] for row in bench.rows(tables.device)])
    _insert(connection, "watermark", [
        (*row[:4], orjson.dumps([some[:2] for some in orjson.loads(row[4])]).decode())
        for row in bench.rows(tables.watermark)
    ])  # fmt: skip
    _insert(connection, "rejected", [row[:14] for row in bench.rows(tables.rejected)])
    write_old(connection, events)


def _typed(table: Table, row: Row) -> Row:
    """Return a row with truth values as PostgreSQL wants them."""
    return tuple(
        bool(value) if column.type.python_type is bool else value
        for value, column in zip(row, table.columns, strict=True)
    )


def _insert(connection: Connection, table: str, rows: list[Row]) -> None:
    if rows:
        marks = ", ".join([mark_of(connection)] * len(rows[0]))
        connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
