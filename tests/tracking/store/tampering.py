"""Seeded changes to stored rows, as somebody with the database's password could make them. Every one changes a value.

Each works on a connection whose transaction is rolled back afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table

from tracking.store import tables
from tracking.store.statements import mark_of

LOG = (tables.event, tables.event_key, tables.source, tables.rejected)
CHANGED = (*LOG, *tables.PROJECTIONS)
Row = tuple[Any, ...]


def tamper(connection: Connection, luck: random.Random) -> str:
    """Change something and say what."""
    return luck.choice(_KINDS)(connection, luck)


def _change_value(connection: Connection, luck: random.Random) -> str:
    table, row = _some_row(connection, luck)
    place = luck.randrange(len(table.columns))
    changed = list(row)
    changed[place] = _other(row[place], table.columns[place], luck)
    _replace(connection, table, row, tuple(changed))
    return f"{table.name}.{table.columns[place].name} of {row!r} is now {changed[place]!r}"


def _swap_rows(connection: Connection, luck: random.Random) -> str:
    """Two rows change places: each keeps its key and takes what else the other says."""
    while True:
        table = luck.choice([table for table in CHANGED if table is not tables.head and table is not tables.item_event])
        rows = _rows(connection, table)
        one, other = luck.sample(rows, 2) if len(rows) > 1 else (rows[0], rows[0])
        width = len(table.primary_key)
        if one[width:] == other[width:]:
            continue
        _delete(connection, table, one)
        _delete(connection, table, other)
        _insert(connection, table, (*one[:width], *other[width:]))
        _insert(connection, table, (*other[:width], *one[width:]))
        return f"{table.name}: {one!r} and {other!r} have changed places"


def _delete_row(connection: Connection, luck: random.Random) -> str:
    table, row = _some_row(connection, luck)
    _delete(connection, table, row)
    return f"{table.name} lacks {row!r}"


def _delete_last(connection: Connection, luck: random.Random) -> str:
    """The end of the log is cut off, with the duplicate keys of what was there."""
    last = connection.exec_driver_sql("SELECT max(position) FROM event").scalar_one()
    kept = last - luck.choice((1, 1, 2, 20))
    for table in ("event", "event_key"):
        connection.exec_driver_sql(f"DELETE FROM {table} WHERE position > {kept}")  # noqa: S608
    return f"the log ends at {kept}"


def _delete_last_of(connection: Connection, luck: random.Random) -> str:
    table = luck.choice(CHANGED)
    row = max(_rows(connection, table), key=lambda row: tuple(map(str, row[: len(table.primary_key)])))
    _delete(connection, table, row)
    return f"{table.name} lacks its last row {row!r}"


def _forge_row(connection: Connection, luck: random.Random) -> str:
    """A row is added: another one's with a key of its own."""
    while True:
        table, row = _some_row(connection, luck)
        width = len(table.primary_key)
        unique = [place for place, column in enumerate(table.columns) if place < width or column.unique]
        forged = list(row)
        for place in unique:
            forged[place] = _fresh(row[place], connection, table, place)
        if table is tables.item:
            forged[2] = f"{row[2]}-9"
        _insert(connection, table, tuple(forged))
        return f"{table.name} has {tuple(forged)!r} too"


def _move_position(connection: Connection, luck: random.Random) -> str:
    """Two events, keys and all, change their order in the log."""
    last = connection.exec_driver_sql("SELECT max(position) FROM event").scalar_one()
    one, other = luck.sample(range(1, last + 1), 2)
    for table in ("event", "event_key"):
        for was, becomes in ((one, -1), (other, one), (-1, other)):
            if table == "event" and connection.dialect.name != "sqlite" and becomes == -1:
                becomes = last + 7  # noqa: PLW2901  # there is no partition below nought
            if table == "event" and connection.dialect.name != "sqlite" and was == -1:
                was = last + 7  # noqa: PLW2901
            connection.exec_driver_sql(f"UPDATE {table} SET position = {becomes} WHERE position = {was}")  # noqa: S608
    return f"events {one} and {other} have changed places"


_KINDS: tuple[Callable[[Connection, random.Random], str], ...] = (
    *[_change_value] * 8, *[_swap_rows] * 3, *[_delete_row] * 3, _delete_last_of, _delete_last, *[_forge_row] * 2,
    _move_position,
)  # fmt: skip


def _some_row(connection: Connection, luck: random.Random) -> tuple[Table, Row]:
    table = luck.choice(CHANGED)
    return table, luck.choice(_rows(connection, table))


def _rows(connection: Connection, table: Table) -> list[Row]:
    keys = ", ".join(column.name for column in table.primary_key)
    return [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table.name} ORDER BY {keys}")]  # noqa: S608


def _other(value: Any, column: Any, luck: random.Random) -> Any:
    """Return another value that the column takes."""
    kind = column.type.python_type
    if value is None:
        return {int: 1, str: "", bytes: b"", bool: True}[kind]
    if column.nullable and luck.random() < 0.2:
        return None
    if kind is bool:
        return not value
    if kind is int:
        return value + luck.choice((1, -1, 1_000_000))
    if kind is bytes:
        place = luck.randrange(len(value))
        return value[:place] + bytes([value[place] ^ (1 << luck.randrange(8))]) + value[place + 1 :]
    others = {f"{value} ", f"x{value}", value[:-1], value.swapcase()} - {value}
    return luck.choice(sorted(others))


def _fresh(value: Any, connection: Connection, table: Table, place: int) -> Any:
    if isinstance(value, int):
        name = table.columns[place].name
        return connection.exec_driver_sql(f"SELECT max({name}) + 1 FROM {table.name}").scalar_one()  # noqa: S608
    return f"{value}9" if isinstance(value, str) else value[::-1] + b"9"


def _replace(connection: Connection, table: Table, row: Row, changed: Row) -> None:
    _delete(connection, table, row)
    _insert(connection, table, changed)


def _delete(connection: Connection, table: Table, row: Row) -> None:
    mark = mark_of(connection)
    keys = " AND ".join(f"{column.name} = {mark}" for column in table.primary_key)
    connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE {keys}", row[: len(table.primary_key)])  # noqa: S608


def _insert(connection: Connection, table: Table, row: Row) -> None:
    marks = ", ".join([mark_of(connection)] * len(row))
    connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", row)  # noqa: S608
