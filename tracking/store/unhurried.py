"""Work over a whole database takes its time: PostgreSQL's limits for daily work are lifted for one transaction."""

from __future__ import annotations

from sqlalchemy import Connection


def take_time(connection: Connection) -> None:
    """Let this transaction's statements, and the pauses between them, last as long as they must."""
    if connection.dialect.name != "sqlite":
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {setting} = 0")
