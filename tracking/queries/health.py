"""Whether the parts that share this database are alive: what ``GET /health`` and ``/metrics`` say."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from tracking.queries.events_log import head_position
from tracking.store.tables import device, forecast, rejected


@dataclass(frozen=True, slots=True)
class Vitals:
    """The few moments and counts from which a part's state is told; moments in microseconds UTC."""

    position: int
    rejected: int
    last_received_us: int | None
    last_forecast_us: int | None


def vitals(connection: Connection) -> Vitals:
    """Return them in four short reads."""
    newest = select(forecast.c.made_us).order_by(forecast.c.id.desc()).limit(1)
    return Vitals(
        head_position(connection),
        connection.execute(select(func.max(rejected.c.id))).scalar() or 0,
        connection.execute(select(func.max(device.c.last_received_us))).scalar(),
        connection.execute(newest).scalar(),
    )
