"""The latest forecast of a lab: when each open case will be done, what may be late, and which resource holds it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from tracking.access.principals import Principal
from tracking.queries.scope import visible_labs
from tracking.queries.words import Answer, from_json, moment, rounded, seconds_since
from tracking.registry import Registry
from tracking.store.tables import case_clock, forecast, forecast_case

AT_RISK = 0.5


@dataclass(frozen=True, slots=True)
class ForecastRisk:
    """What the newest forecast says of a lab: each open case's largest probability of missing a target."""

    forecast_id: int
    made_us: int
    state_us: int
    by_case: Mapping[int, float]


def forecast_risk(connection: Connection, lab: str) -> ForecastRisk | None:
    """Return the probabilities of breach in a lab's newest forecast."""
    newest = _newest(connection, lab)
    if newest is None:
        return None
    query = select(forecast_case.c.case_id, forecast_case.c.breach).where(forecast_case.c.forecast_id == newest.id)
    by_case = {case_id: breach_of(from_json(breach)) for case_id, breach in connection.execute(query)}
    return ForecastRisk(newest.id, newest.made_us, newest.state_us, by_case)


def latest_forecasts(
    connection: Connection, registry: Registry, principal: Principal, now_us: int, lab_id: str | None = None
) -> list[Answer]:
    """Return the newest forecast of each visible lab; one that has none yet says so with ``made_at`` null."""
    return [_answer(connection, lab.id, now_us) for lab in visible_labs(registry, principal, lab_id)]


def breach_of(stored: Any) -> float:
    """Return a case's probability of missing any target: the largest of those stored by target's name."""
    if isinstance(stored, dict):
        return max((float(value) for value in stored.values() if value is not None), default=0.0)
    return float(stored) if isinstance(stored, int | float) else 0.0


def case_forecast(connection: Connection, lab: str, case_id: int, now_us: int) -> Answer | None:
    """Return what the lab's newest forecast says of one case."""
    newest = _newest(connection, lab)
    if newest is None:
        return None
    row = connection.execute(
        select(forecast_case).where(forecast_case.c.forecast_id == newest.id, forecast_case.c.case_id == case_id)
    ).one_or_none()
    return None if row is None else {**_case(row), **_age(newest, now_us)}


def _newest(connection: Connection, lab: str) -> Any:
    query = select(forecast).where(forecast.c.lab == lab).order_by(forecast.c.made_us.desc(), forecast.c.id.desc())
    return connection.execute(query.limit(1)).one_or_none()


def _answer(connection: Connection, lab: str, now_us: int) -> Answer:
    newest = _newest(connection, lab)
    if newest is None:
        return {"lab": lab, "made_at": None, "age_s": None, "cases": [], "bottlenecks": [], "busiest": None}
    query = (
        select(forecast_case, case_clock.c.barcode, case_clock.c.priority)
        .join(case_clock, case_clock.c.case_id == forecast_case.c.case_id)
        .where(forecast_case.c.forecast_id == newest.id, case_clock.c.authorised_us.is_(None))
    )
    rows = [(row.barcode, row.priority, row) for row in connection.execute(query)]
    cases = [{"case": barcode, "priority": priority, **_case(row)} for barcode, priority, row in rows]
    return {
        "lab": lab, **_age(newest, now_us), "replications": newest.replications, "seed": newest.seed,
        "cpu_s": rounded(newest.cpu_s), "busiest": newest.busiest,
        "bottlenecks": from_json(newest.resources) or [], "targets": from_json(newest.targets),
        "expected_breaches": rounded(sum(case["breach_probability"] or 0 for case in cases)),
        "cases": sorted(cases, key=lambda case: -(case["breach_probability"] or 0)),
    }  # fmt: skip


def _age(newest: Any, now_us: int) -> Answer:
    return {
        "made_at": moment(newest.made_us), "age_s": seconds_since(newest.made_us, now_us),
        "state_at": moment(newest.state_us), "state_position": newest.state_position,
    }  # fmt: skip


def _case(row: Any) -> Answer:
    stored = from_json(row.breach)
    return {
        "p50": moment(row.p50_us), "p80": moment(row.p80_us), "p95": moment(row.p95_us),
        "breach_probability": rounded(breach_of(stored), 3) if stored else None, "breach_by_target": stored,
    }  # fmt: skip
