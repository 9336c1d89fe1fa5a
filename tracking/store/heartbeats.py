"""The signs of life of every part, in the database they share: what a part said last, and when. Judges nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from tracking.clock import Clock
from tracking.store import tables
from tracking.store.database import Database
from tracking.store.statements import upsert


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a part said of itself; moments in microseconds UTC."""

    part: str
    pid: int
    started_us: int
    beat_us: int
    state: str
    detail: Mapping[str, Any]


class Heart:
    """One part's signs of life. ``state`` is a word such as ``working``, ``standby`` or ``stopped``."""

    def __init__(self, database: Database, clock: Clock, part: str) -> None:
        self._database, self._clock, self._part = database, clock, part
        self._started_us = clock.now_us()

    def beat(self, state: str = "working", **detail: Any) -> None:
        """Say that the part lives. Raises ``StoreUnavailable``."""
        row = (self._part, os.getpid(), self._started_us, self._clock.now_us(), state, orjson.dumps(detail).decode())
        with self._database.writing() as connection:
            upsert(connection, tables.heartbeat, [row])


def heartbeats(connection: Connection) -> dict[str, Heartbeat]:
    """Return what every part said last, by part."""
    rows = connection.exec_driver_sql("SELECT part, pid, started_us, beat_us, state, detail FROM heartbeat")
    return {
        part: Heartbeat(part, pid, started_us, beat_us, state, orjson.loads(detail))
        for part, pid, started_us, beat_us, state, detail in rows
    }
