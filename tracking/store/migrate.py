"""The schema's revision: bring a database to it, and refuse one that has another. The steps are in ``migrations``."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from tracking.clock import Clock, SystemClock
from tracking.errors import HistotwinError
from tracking.store.database import Database, open_database
from tracking.store.partitions import PARTITION, install
from tracking.store.tables import metadata, store_identity

_STEPS = Path(__file__).with_name("migrations")


class WrongSchema(HistotwinError):
    """The database's schema is not the one this version works with."""


def upgrade(url: str, clock: Clock | None = None, new_id: Callable[[], str] = lambda: secrets.token_hex(8)) -> bool:
    """Bring the database to this version's schema, all steps in one transaction; a new one gets its identity.

    Returns whether what an older version projected was carried over, so that a rebuild is due.
    Raises ``WrongSchema`` when the database is newer than this version, ``StoreUnavailable`` when it cannot work now.
    """
    database = open_database(url)
    try:
        with database.writing() as connection:
            found = _require_known(connection)
            if not database.is_sqlite:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            command.upgrade(_config(connection), "head")
            if not database.is_sqlite:
                install(connection)
            if connection.exec_driver_sql("SELECT count(*) FROM store_identity").scalar_one() == 0:
                give_identity(connection, new_id(), (clock or SystemClock()).now_us())
            return found not in (None, newest_revision())
    finally:
        database.close()


def give_identity(connection: Connection, name: str, now_us: int) -> None:
    """Name the history that this database holds from now on, in the place of any name it had.

    Connectors hear the name with every acknowledgement; a new one tells them to see what the store lacks.
    """
    connection.execute(store_identity.delete())
    connection.execute(store_identity.insert().values(id=name, made_us=now_us))


def require_current(database: Database) -> None:
    """Refuse a database whose schema is not this version's; raises ``WrongSchema``."""
    with database.reading() as connection:
        found, wanted = _revision_of(connection), newest_revision()
    if found != wanted:
        stands = f"at schema {found}" if found else "empty"
        raise WrongSchema(f"The database is {stands}, this version works with {wanted}: run histotwin db upgrade.")


def newest_revision() -> str:
    """Return the schema revision of this version."""
    revision = ScriptDirectory(str(_STEPS)).get_current_head()
    assert revision is not None  # noqa: S101  # shipped with the code
    return revision


def known_revisions() -> frozenset[str]:
    """Return every schema revision that this version can bring to its own."""
    return frozenset(step.revision for step in ScriptDirectory(str(_STEPS)).walk_revisions())


def differences(connection: Connection) -> list[Any]:
    """Return where the database's schema differs from the declared tables; empty when all is well."""
    options = {"compare_type": True, "include_name": _is_declared}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))


def _is_declared(name: str | None, kind: str, _parents: object) -> bool:
    """Leave the partitions of the log alone: the database makes them as it grows."""
    return not (kind == "table" and name is not None and name.startswith(PARTITION))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _require_known(connection: Connection) -> str | None:
    """Return the database's revision; raises ``WrongSchema`` when this version does not know it."""
    found = _revision_of(connection)
    if found is not None and found not in known_revisions():
        raise WrongSchema(f"The database is at schema {found}, which is newer than this version. Install a newer one.")
    return found
