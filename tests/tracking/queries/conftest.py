"""One small stored world for the read side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tracking.queries.stored_rows import Rows, TestClock, fresh_database, shipped_registry
from tracking.access import Principal, Role
from tracking.queries.live_board import LiveBoard
from tracking.registry import Registry
from tracking.store.database import Database

ALL = Principal("all", frozenset({Role.VIEWER}), None)


@dataclass
class World:
    database: Database
    registry: Registry
    rows: Rows
    clock: TestClock
    board: LiveBoard

    def row(self, lab: str = "rl4") -> dict:  # type: ignore[type-arg]
        while self.board.catch_up():
            pass
        return self.board.row(ALL, lab)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = fresh_database(tmp_path)
    registry, clock = shipped_registry(), TestClock()
    yield World(database, registry, Rows(database, registry), clock, LiveBoard(database, registry, clock))
    database.close()
