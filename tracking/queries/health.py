"""Whether the parts that share this database are alive: the facts from which health, troubles and figures are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from tracking.clock import Clock
from tracking.queries.events_log import head_position
from tracking.store.disk import database_bytes, unmerged_bytes
from tracking.store.heartbeats import Heartbeat, heartbeats, seconds_silent
from tracking.store.standing import StreamStanding, open_gaps
from tracking.store.tables import device, forecast, rejected, source

CLOCK_NOTED_US = 2_000_000
MOST_CLOCKS = 200


@dataclass(frozen=True, slots=True)
class OpenRefusals:
    """Refused messages of a lab that nobody has settled: how many for one reason, and since when (µs UTC)."""

    lab: str | None
    reason: str
    count: int
    since_us: int


@dataclass(frozen=True, slots=True)
class WrongClock:
    """A device whose clock is wrong, and what has to be added to it (µs)."""

    source: str
    lab: str
    off_us: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """The moments and counts from which a part's state is told; moments in microseconds UTC, sizes in bytes.

    ``silent_s`` is for how many seconds each part has said nothing.
    """

    position: int
    rejected: int
    last_received_us: int | None
    last_forecast_us: int | None
    beats: Mapping[str, Heartbeat]
    silent_s: Mapping[str, float]
    gaps: Sequence[StreamStanding]
    refusals: Sequence[OpenRefusals]
    clocks: Sequence[WrongClock]
    database_bytes: int
    unmerged_bytes: int


def vitals(connection: Connection, clock: Clock) -> Vitals:
    """Return them in a few short reads."""
    beats = heartbeats(connection)
    newest = select(forecast.c.made_us).order_by(forecast.c.id.desc()).limit(1)
    return Vitals(
        head_position(connection),
        connection.execute(select(func.max(rejected.c.id))).scalar() or 0,
        connection.execute(select(func.max(device.c.last_received_us))).scalar(),
        connection.execute(newest).scalar(),
        beats,
        {part: seconds_silent(connection, clock, beat) for part, beat in beats.items()},
        open_gaps(connection),
        _refusals(connection),
        _clocks(connection),
        database_bytes(connection),
        unmerged_bytes(connection),
    )


def _refusals(connection: Connection) -> list[OpenRefusals]:
    query = (
        select(rejected.c.lab, rejected.c.reason, func.count(), func.min(rejected.c.first_us))
        .where(rejected.c.state == "open")
        .group_by(rejected.c.lab, rejected.c.reason)
        .order_by(rejected.c.lab, rejected.c.reason)
    )
    return [OpenRefusals(*row) for row in connection.execute(query)]


def _clocks(connection: Connection) -> list[WrongClock]:
    """Return the clocks that are wrong by more than two seconds, the worst first."""
    off_us = func.abs(device.c.clock_off_us)
    query = (
        select(source.c.path, device.c.lab, device.c.clock_off_us)
        .join(source, source.c.id == device.c.source_id)
        .where(off_us > CLOCK_NOTED_US)
        .order_by(off_us.desc())
        .limit(MOST_CLOCKS)
    )
    return [WrongClock(*row) for row in connection.execute(query)]
