"""Compares the projections of two databases row for row and says which rows differ, and where. Changes nothing.

Both are read in the order of the table's key, so that nothing has to be kept, however large they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, Text

from tracking.store import tables
from tracking.store.statements import Row

SHOWN = 5
_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what the log says. ``column`` is empty when the whole row is missing or too many."""

    table: str
    key: dict[str, Any]
    column: str = ""
    stored: Any = None
    expected: Any = None

    def __str__(self) -> str:
        key = ", ".join(f"{name} {value}" for name, value in self.key.items())
        if self.column:
            return f"{key}: {self.column} is {self.stored!r}, the log says {self.expected!r}"
        return f"{key}: {'the row is missing' if self.stored is None else 'the log knows no such row'}"


@dataclass(slots=True)
class TableCheck:
    """How a table compares: its rows, how many differ, and the first few of these."""

    table: str
    rows: int = 0
    differing: int = 0
    shown: list[Difference] = field(default_factory=list)

    def __str__(self) -> str:
        more = f"; and {self.differing - len(self.shown)} more" if self.differing > len(self.shown) else ""
        rows = "1 row" if self.differing == 1 else f"{self.differing} rows"
        return (
            f"Table {self.table} is not what the log says in {rows} ({'; '.join(map(str, self.shown))}{more}): "
            "run histotwin db rebuild."
        )


def compare_table(stored: Connection, anew: Connection, table: Table) -> TableCheck:
    """Compare a table as it stands with the same made anew."""
    check = TableCheck(table.name)
    width = len(table.primary_key)
    names = [column.name for column in table.columns]
    for row, expected in _pairs(_in_order(stored, table), _in_order(anew, table), width):
        check.rows += row is not None
        if row != expected:
            check.differing += 1
            if len(check.shown) < SHOWN:
                check.shown.append(_difference(table.name, names, width, row, expected))
    return check


def _difference(table: str, names: list[str], width: int, row: Row | None, expected: Row | None) -> Difference:
    key = dict(zip(names[:width], row or expected or (), strict=False))
    if row is None or expected is None:
        return Difference(table, key, stored=None if row is None else plain(row))
    place = next(place for place, value in enumerate(row) if value != expected[place])
    return Difference(table, key, names[place], plain(row[place]), plain(expected[place]))


def _pairs(left: Iterator[Row], right: Iterator[Row], width: int) -> Iterator[tuple[Row | None, Row | None]]:
    """Pair rows of two streams by their keys, which are their first columns; ``None`` where one has no such row."""
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if one == other:
            is_left = is_right = True
        else:
            mine, its = _rank(one, width), _rank(other, width)
            is_left, is_right = mine <= its, its <= mine
        yield (one if is_left else None), (other if is_right else None)
        one, other = next(left, None) if is_left else one, next(right, None) if is_right else other


def _rank(row: Row | None, width: int) -> tuple[tuple[int, Any], ...]:
    """Return what both databases sort by: numbers before text before bytes; no row comes after all of them."""
    if row is None:
        return ((4, 0),)
    return tuple((_KINDS.get(type(value), 3), value) for value in row[:width])


_KINDS = {int: 1, float: 1, bool: 1, str: 2, bytes: 3}


def _in_order(connection: Connection, table: Table) -> Iterator[Row]:
    is_sqlite = connection.dialect.name == "sqlite"
    order = ", ".join(
        f'{column.name} COLLATE "C"' if isinstance(column.type, Text) and not is_sqlite else column.name
        for column in table.primary_key
    )
    return map(tuple, _streamed(connection, table, f"ORDER BY {order}"))


def rows_of(connection: Connection, table: Table) -> Iterator[Row]:
    """Yield a table's rows as both databases would give them, the log in order of position."""
    order = "ORDER BY position" if table is tables.event else ""
    for row in _streamed(connection, table, order):
        yield tuple(plain(value) for value in row)


def _streamed(connection: Connection, table: Table, tail: str) -> Any:
    columns = ", ".join(column.name for column in table.columns)
    sql = f"SELECT {columns} FROM {table.name} {tail}"  # noqa: S608
    return connection.exec_driver_sql(sql, execution_options={"yield_per": _ROWS_AT_ONCE})


def plain(value: Any) -> Any:
    """Return a value as SQLite would give it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return bytes(value) if isinstance(value, memoryview) else value
