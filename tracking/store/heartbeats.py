"""The signs of life of every part, in the database they share: what a part said last, and when. Judges nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from tracking.clock import SECOND_US, Clock, ScaledClock
from tracking.store import tables
from tracking.store.database import Database
from tracking.store.statements import upsert


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a part said of itself; moments in microseconds UTC, ``beat_us`` by the clock that all parts share."""

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
        said = orjson.dumps(detail).decode()
        with self._database.writing() as connection:
            beat_us = _shared_now_us(connection, self._clock)
            upsert(connection, tables.heartbeat, [(self._part, os.getpid(), self._started_us, beat_us, state, said)])


def heartbeats(connection: Connection) -> dict[str, Heartbeat]:
    """Return what every part said last, by part."""
    rows = connection.exec_driver_sql("SELECT part, pid, started_us, beat_us, state, detail FROM heartbeat")
    return {
        part: Heartbeat(part, pid, started_us, beat_us, state, orjson.loads(detail))
        for part, pid, started_us, beat_us, state, detail in rows
    }


def seconds_silent(connection: Connection, clock: Clock, beat: Heartbeat) -> float:
    """Return for how many real seconds a part has said nothing; negative where the clock went back since."""
    return (_shared_now_us(connection, clock) - beat.beat_us) / SECOND_US


def _shared_now_us(connection: Connection, clock: Clock) -> int:
    """Return the moment by which signs of life are compared: PostgreSQL's own, whose parts may run on many machines.

    Those around one SQLite file share a machine, and so a clock; never the one that a demonstration shows.
    """
    if connection.dialect.name == "postgresql":
        asked = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        return int(connection.exec_driver_sql(asked).scalar_one())
    return clock.real_now_us() if isinstance(clock, ScaledClock) else clock.now_us()
