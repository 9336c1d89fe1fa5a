"""Insert, update and look-up statements, compiled once for each dialect from the tables, for rows as plain tuples.

Values go in the order of the table's columns. Half a million rows at start-up are why no ORM and no per-row compiling
stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table

Row = tuple[Any, ...]
LOOK_UP_AT_ONCE = 512


@lru_cache(maxsize=256)
def _insert_sql(table: Table, mark: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join([mark] * len(table.columns))})"  # noqa: S608


@lru_cache(maxsize=256)
def _upsert_sql(table: Table, mark: str) -> str:
    keys = [column.name for column in table.primary_key]
    changed = ", ".join(f"{c.name} = excluded.{c.name}" for c in table.columns if c.name not in keys)
    return f"{_insert_sql(table, mark)} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}"


@lru_cache(maxsize=256)
def _update_sql(table: Table, columns: tuple[str, ...], mark: str) -> str:
    key = table.primary_key.columns[0].name
    changes = ", ".join(f"{name} = {mark}" for name in columns)
    return f"UPDATE {table.name} SET {changes} WHERE {key} = {mark}"  # noqa: S608


@lru_cache(maxsize=256)
def _select_sql(columns: tuple[str, ...], table: str, keys: tuple[str, ...], mark: str, count: int, tail: str) -> str:
    if len(keys) == 1:
        wanted = f"{keys[0]} IN ({', '.join([mark] * count)})"
    else:
        row = f"({', '.join([mark] * len(keys))})"
        wanted = f"({', '.join(keys)}) IN (VALUES {', '.join([row] * count)})"
    return f"SELECT {', '.join(columns)} FROM {table} WHERE {wanted} {tail}"  # noqa: S608


def mark_of(connection: Connection) -> str:
    """Return the placeholder of this database's driver."""
    return "?" if connection.dialect.name == "sqlite" else "%s"


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; an existing key is an error."""
    if rows:
        connection.exec_driver_sql(_insert_sql(table, mark_of(connection)), list(rows))


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; those whose primary key exists take the new values."""
    if rows:
        connection.exec_driver_sql(_upsert_sql(table, mark_of(connection)), list(rows))


def update(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Change columns of rows that exist; a row is the new values, then its key. Cheaper than ``upsert`` in SQLite,
    which then leaves alone the indexes over columns that are not named.
    """
    if rows:
        connection.exec_driver_sql(_update_sql(table, columns, mark_of(connection)), list(rows))


def select_by_keys(
    connection: Connection, table: Table, columns: tuple[str, ...], keys: tuple[str, ...], values: Iterable[Row],
    tail: str = "",
) -> list[Row]:  # fmt: skip
    """Return the rows whose ``keys`` are among ``values``, asked in rounds of a fixed size so that plans are reused."""
    wanted = list(values)
    rows: list[Row] = []
    for start in range(0, len(wanted), LOOK_UP_AT_ONCE):
        some = wanted[start : start + LOOK_UP_AT_ONCE]
        count = next(size for size in (1, 4, 16, 64, 128, 256, LOOK_UP_AT_ONCE) if size >= len(some))
        some += [some[0]] * (count - len(some))
        sql = _select_sql(columns, table.name, keys, mark_of(connection), count, tail)
        parameters = tuple(value for row in some for value in row)
        rows.extend(tuple(row) for row in connection.exec_driver_sql(sql, parameters))
    return rows
