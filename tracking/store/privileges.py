"""What the application's own role may do in PostgreSQL: add to the log and read it, never change or delete it.

Only the owner of the schema could; its secret is with ``db upgrade`` and whoever looks after the database.
"""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import psycopg

from tracking.errors import InputMistakes, Mistake
from tracking.store import tables
from tracking.store.database import open_database
from tracking.store.partitions import MAKE_ROOM

APPEND_ONLY = (tables.event, tables.event_key, tables.source, tables.rejected)
READ_ONLY = (tables.store_identity, tables.archive)
"""What the owner alone writes: which history this is, and which months are in files."""
_REJECTED_MAY_CHANGE = (
    "first_us", "last_us", "times", "state", "settled_us", "person", "note", "position", "seal",
)  # fmt: skip
_quote = psycopg.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so


def grant_application_role(url: str, role: str, password: str | None = None) -> None:
    """Make the role if there is none, set its password if one is given, and give it exactly what the parts need.

    ``url`` is the owner's. Raises ``InputMistakes`` when the database is SQLite, ``StoreUnavailable``.
    """
    database = open_database(url)
    try:
        if database.is_sqlite:
            raise InputMistakes([Mistake("settings", "database_app_role", role, "PostgreSQL; SQLite knows no roles")])
        with database.writing() as connection:
            _make_role(connection, role, password)
            _grant(connection, _quote(role))
    finally:
        database.close()


def grant_rights(url: str, role: str) -> None:
    """Give a role that exists exactly what the parts need. Raises ``StoreUnavailable``."""
    with closing(open_database(url)) as database, database.writing() as connection:
        _grant(connection, _quote(role))


def roles_with_rights(connection: Connection) -> list[str]:
    """Return the roles, other than the owner, that work with this database's tables."""
    sql = (
        "SELECT DISTINCT rolname FROM pg_class CROSS JOIN aclexplode(relacl) AS given "
        "JOIN pg_roles ON pg_roles.oid = given.grantee "
        "WHERE pg_class.oid = to_regclass('head') AND given.grantee <> relowner ORDER BY rolname"
    )
    return [row[0] for row in connection.exec_driver_sql(sql)]


def _make_role(connection: Connection, role: str, password: str | None) -> None:
    exists = connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).scalar()
    if not exists:
        connection.exec_driver_sql(f"CREATE ROLE {_quote(role)} LOGIN")
    if password is not None:
        quoted = connection.exec_driver_sql("SELECT quote_literal(%s)", (password,)).scalar_one()
        connection.exec_driver_sql(f"ALTER ROLE {_quote(role)} PASSWORD {quoted}".replace("%", "%%"))


def _grant(connection: Connection, role: str) -> None:
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    everything = ", ".join(
        table.name for table in tables.metadata.sorted_tables if table not in (*APPEND_ONLY, *READ_ONLY)
    )
    appended = ", ".join(table.name for table in APPEND_ONLY)
    read = ", ".join(table.name for table in READ_ONLY)
    for statement in (
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}",  # or it could put its own functions in our way
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {everything} TO {role}",
        f"GRANT SELECT, INSERT ON {appended} TO {role}",
        f"GRANT UPDATE ({', '.join(_REJECTED_MAY_CHANGE)}) ON rejected TO {role}",
        f"GRANT SELECT ON {read}, alembic_version TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        f"GRANT EXECUTE ON FUNCTION {MAKE_ROOM}(bigint) TO {role}",
    ):
        connection.exec_driver_sql(statement)
