"""Rows in bulk: PostgreSQL hands bytes and numbers out in half the time when they need not become text on the way."""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError


def fetch_quickly(connection: Connection, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
    """Return all rows of a query in this connection's transaction. Raises ``DBAPIError``, as the connection would."""
    if connection.dialect.name == "sqlite":
        return list(connection.exec_driver_sql(sql, parameters).all())
    plain: Any = connection.connection.driver_connection
    try:
        with plain.cursor(binary=True) as cursor:
            return list(cursor.execute(sql, parameters).fetchall())
    except psycopg.Error as error:
        kind = OperationalError if isinstance(error, psycopg.OperationalError) else DBAPIError
        raise kind(sql, parameters, error) from error
