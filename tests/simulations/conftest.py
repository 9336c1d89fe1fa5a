"""A store of its own for each test, with the shipped laboratories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tracking.clock import SystemClock
from tracking.door import Door
from tracking.registry import Registry, load_registry
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade

DATA = Path(__file__).parents[2] / "data"


@dataclass(frozen=True)
class Tracking:
    """A real store behind the real door."""

    database: Database
    registry: Registry
    door: Door


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry(sorted((DATA / "networks").glob("*.yaml")))


@pytest.fixture
def tracking(tmp_path: Path, registry: Registry) -> Iterator[Tracking]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    database = open_database(url)
    yield Tracking(database, registry, Door(EventStore(database, registry), registry, SystemClock()))
    database.close()
