"""An API in front of the real door and a real store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import select

from dashboard.server import build_api, wire
from tests.dashboard.api_world import FAR
from tests.tracking.queries.stored_rows import TestClock, shipped_registry
from tracking.access import Access, Role
from tracking.access.passwords import Passwords
from tracking.door import Door
from tracking.store import tables
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade


class Stored:
    """The API in front of a real store."""

    def __init__(self, database: Database) -> None:
        registry, self.clock, self.database = shipped_registry(), TestClock(), database
        self.access = Access(database, self.clock, Passwords(memory_kib=64, rounds=1))
        door = Door(EventStore(database, registry), registry, self.clock)
        self.api = build_api(wire(database, registry, self.clock, door, is_demo=False, access=self.access))

    def client(self, *labs: str, role: Role = Role.SCIENTIST) -> TestClient:
        label = f"{'-'.join(labs) or 'all'}{'' if role is Role.SCIENTIST else f' {role}'}"
        token = self.access.add_token(label, [role], list(labs) or None).secret
        headers = {"Authorization": f"Bearer {token}"}
        return TestClient(self.api, "http://lab.example", client=FAR, headers=headers, raise_server_exceptions=False)

    def bodies(self) -> list[bytes]:
        with self.database.reading() as connection:
            return list(connection.execute(select(tables.event.c.body).order_by(tables.event.c.position)).scalars())

    def refused(self) -> list[Any]:
        with self.database.reading() as connection:
            return list(connection.execute(select(tables.rejected).order_by(tables.rejected.c.id)))


@contextmanager
def stored_api(folder: Path) -> Iterator[Stored]:
    url = f"sqlite:///{folder / 'store.db'}"
    upgrade(url)
    database = open_database(url)
    yield Stored(database)
    database.close()
