"""Turnaround, forecast and long work."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from dashboard.api.answers import answer
from dashboard.api.asking import Anybody, PartsOf, Reading
from tracking.access import Principal
from tracking.clock import DAY_US, to_us
from tracking.errors import Refusal
from tracking.queries.forecasts import latest_forecasts
from tracking.queries.progress import work_in_progress
from tracking.queries.scope import visible_labs
from tracking.queries.turnaround_report import By, turnaround_report
from tracking.registry import Registry
from tracking.turnaround.calendar import lab_calendar

router = APIRouter(tags=["reports"])
LabId = Annotated[str | None, Query(max_length=40)]
Moment = Annotated[str | None, Query(max_length=40, description="a date (the lab's own day) or an RFC 3339 moment")]
_LONGEST_US = 5 * 366 * DAY_US


@router.get("/turnaround")
def get_turnaround(
    parts: PartsOf,
    who: Anybody,
    connection: Reading,
    lab: LabId = None,
    begin: Annotated[Moment, Query(alias="from")] = None,
    end: Annotated[Moment, Query(alias="to")] = None,
    by: By = "day",
    target: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Return turnaround of cases authorised in the period (default: 28 days until now), with its definition."""
    now_us = parts.clock.now_us()
    to_moment = _moment(parts.registry, who, lab, "to", end)
    to_us_ = now_us if to_moment is None else to_moment
    from_moment = _moment(parts.registry, who, lab, "from", begin)
    from_us = to_us_ - 28 * DAY_US if from_moment is None else from_moment
    if not 0 < to_us_ - from_us <= _LONGEST_US:
        raise Refusal("wrong_period", f"from: {begin!r}: expected a moment before to, at most five years earlier.")
    return answer(
        turnaround_report(
            connection, parts.registry, who, from_us=from_us, to_us=to_us_, now_us=now_us, lab_id=lab, by=by,
            target=target,
        )
    )  # fmt: skip


@router.get("/forecast")
def get_forecast(parts: PartsOf, who: Anybody, connection: Reading, lab: LabId = None) -> Response:
    """Return the newest forecast: each open case's finish and breach probability, and the lab's bottlenecks."""
    found = latest_forecasts(connection, parts.registry, who, parts.clock.now_us(), lab)
    return answer({"labs": found} if lab is None else found[0])


@router.get("/progress")
def get_progress(_who: Anybody, connection: Reading) -> Response:
    """Return how far long work (seeding, import, rebuilding) has come."""
    return answer({"work": work_in_progress(connection)})


def _moment(registry: Registry, who: Principal, lab_id: str | None, field: str, text: str | None) -> int | None:
    """Return a date's first moment at the lab, or a moment, microseconds UTC; raises ``Refusal('wrong_moment')``."""
    if text is None:
        return None
    labs = visible_labs(registry, who, lab_id)
    try:
        if len(text) == len("2026-11-21"):
            return lab_calendar(labs[0]).day_start_us(date.fromisoformat(text)) if labs else 0
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        wanted = "expected a date such as 2026-11-21 or a moment such as 2026-11-21T09:30:00Z."
        raise Refusal("wrong_moment", f"{field}: {text!a}: {wanted}") from None
