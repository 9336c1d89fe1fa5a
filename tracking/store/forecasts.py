"""Keeps forecasts: the newest of each lab whole, of the superseded ones one an hour. Not part of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, insert, select

from tracking.clock import DAY_US, HOUR_US
from tracking.store import tables
from tracking.store.database import Database

KEPT_US = 28 * DAY_US
"""How long superseded forecasts are kept, to be judged when the truth is in."""

_FORECAST, _CASE = tables.forecast.c, tables.forecast_case.c


@dataclass(frozen=True, slots=True)
class CaseOutlook:
    """When a case will be authorised (µs UTC; ``None``: not within the horizon), and what it will be late for."""

    barcode: str
    p50_us: int | None
    p80_us: int | None
    p95_us: int | None
    breach: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LabOutlook:
    """One forecast of a lab, as it is stored. ``resources`` are ranked, busiest first; ``cpu_s`` is what it cost."""

    lab: str
    made_us: int
    state_us: int
    state_position: int
    replications: int
    seed: int
    cpu_s: float
    busiest: str | None
    resources: Sequence[Mapping[str, Any]]
    targets: Sequence[str]
    cases: Sequence[CaseOutlook]


def keep_forecast(database: Database, outlook: LabOutlook) -> None:
    """Store a forecast as the lab's newest, and thin out those it supersedes. Raises ``StoreUnavailable``."""
    with database.writing() as connection:
        number = _insert(connection, outlook)
        ids = _case_ids(connection, outlook.lab)
        rows = [_row(number, ids[case.barcode], case) for case in outlook.cases if case.barcode in ids]
        if rows:
            connection.execute(insert(tables.forecast_case), rows)
        _thin_out(connection, outlook.lab, number, outlook.made_us)


def _insert(connection: Connection, outlook: LabOutlook) -> int:
    values = {
        "lab": outlook.lab, "made_us": outlook.made_us, "state_us": outlook.state_us,
        "state_position": outlook.state_position, "replications": outlook.replications, "seed": outlook.seed,
        "cpu_s": outlook.cpu_s, "busiest": outlook.busiest, "resources": orjson.dumps(outlook.resources).decode(),
        "targets": orjson.dumps(outlook.targets).decode(),
    }  # fmt: skip
    return int(connection.execute(insert(tables.forecast).values(**values).returning(_FORECAST.id)).scalar_one())


def _case_ids(connection: Connection, lab: str) -> dict[str, int]:
    clocks = tables.case_clock.c
    rows = connection.execute(
        select(clocks.barcode, clocks.case_id).where(clocks.lab == lab, clocks.authorised_us.is_(None))
    )
    return {row.barcode: row.case_id for row in rows}


def _row(number: int, case_id: int, case: CaseOutlook) -> dict[str, Any]:
    return {
        "forecast_id": number, "case_id": case_id, "p50_us": case.p50_us, "p80_us": case.p80_us,
        "p95_us": case.p95_us, "breach": orjson.dumps(case.breach).decode(),
    }  # fmt: skip


def _thin_out(connection: Connection, lab: str, newest: int, made_us: int) -> None:
    """Keep the first forecast of each hour for four weeks; drop the others."""
    first_of_hour = select(func.min(_FORECAST.id)).where(_FORECAST.lab == lab).group_by(_FORECAST.made_us // HOUR_US)
    superseded = select(_FORECAST.id).where(
        _FORECAST.lab == lab,
        _FORECAST.id != newest,
        _FORECAST.id.not_in(first_of_hour) | (_FORECAST.made_us < made_us - KEPT_US),
    )
    doomed = list(connection.scalars(superseded))
    if doomed:
        connection.execute(delete(tables.forecast_case).where(_CASE.forecast_id.in_(doomed)))
        connection.execute(delete(tables.forecast).where(_FORECAST.id.in_(doomed)))
