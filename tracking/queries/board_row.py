"""One lab as a line of the board: pure arithmetic over the cases in memory, no database.

Status, one rule for all labs:
- ``late``: of the cases authorised in the last 7 days (28 when fewer than 5 were), a target's share was missed.
- ``at_risk``: every target was kept, but would be missed once the open cases are counted as the forecast expects, or,
  where there is no forecast, with every open case that is overdue now counted as late.
- ``on_target``: kept, and kept then too. ``no_data``: nothing was authorised in the last 28 days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from tracking.clock import DAY_US, HOUR_US
from tracking.queries.case_rows import OpenCase
from tracking.queries.forecasts import AT_RISK, ForecastRisk
from tracking.queries.words import Answer, hours_since, moment, rounded, seconds_since
from tracking.registry import Lab
from tracking.turnaround.calendar import LabCalendar
from tracking.turnaround.clocks import CaseTimes, contradict
from tracking.turnaround.measure import Spread, Within, elapsed_us, spread, within

FEW_CASES = 5
TREND_DAYS = 14
TREND_HOURS = 24


@dataclass(frozen=True, slots=True)
class Percentiles:
    """What is worked out of the closed cases, at most every 15 seconds."""

    week: Spread
    month: Spread
    within_week: tuple[Within, ...]
    within_month: tuple[Within, ...]
    per_hour: tuple[int, ...]
    daily_median_h: tuple[float | None, ...]
    contradicting: int


@dataclass(slots=True)
class LabPicture:
    """All that the board knows of one lab, kept in memory and renewed case by case."""

    lab: Lab
    calendar: LabCalendar
    open: dict[int, OpenCase] = field(default_factory=dict)
    closed: dict[int, CaseTimes] = field(default_factory=dict)
    due: dict[int, int | None] = field(default_factory=dict)
    devices: Mapping[str, int] = field(default_factory=dict)
    last_event_us: int | None = None
    risk: ForecastRisk | None = None
    percentiles: Percentiles | None = None


def percentiles_of(picture: LabPicture, now_us: int) -> Percentiles:
    """Return the turnaround figures of the last 7 and 28 days, and the two small trends."""
    month = list(picture.closed.values())
    week = [case for case in month if (case.authorised_us or 0) >= now_us - 7 * DAY_US]
    targets, calendar = picture.lab.targets, picture.calendar
    return Percentiles(
        spread(elapsed_us(week, "received", "authorised")),
        spread(elapsed_us(month, "received", "authorised")),
        tuple(within(target, week, calendar, now_us) for target in targets),
        tuple(within(target, month, calendar, now_us) for target in targets),
        _per_hour(month, now_us),
        _daily_medians(month, calendar, now_us),
        sum(contradict(case, "received", "authorised") for case in month),
    )


def board_row(picture: LabPicture, now_us: int, position: int) -> Answer:
    """Return the lab's row as ``GET /labs`` and the stream send it."""
    lab, figures = picture.lab, picture.percentiles or percentiles_of(picture, now_us)
    midnight_us = picture.calendar.day_start_us(picture.calendar.local_date(now_us))
    urgent = [case for case in picture.open.values() if case.times.priority == "urgent"]
    return {
        "id": lab.id, "name": lab.name, "network": lab.network, "network_name": lab.network_name,
        "synthetic": lab.synthetic, "position": position, "at": moment(now_us),
        "status": status_of(picture, figures, now_us),
        "wip": len(picture.open), "stages": stages_of(picture),
        "received_today": sum((case.received_us or 0) >= midnight_us for case in all_times(picture)),
        "authorised_today": sum((case.authorised_us or 0) >= midnight_us for case in picture.closed.values()),
        "tat_p50_h": rounded(figures.week.p50_h), "tat_p90_h": rounded(figures.week.p90_h),
        "closed_7d": figures.week.count,
        "tat_p50_28d_h": rounded(figures.month.p50_h), "tat_p90_28d_h": rounded(figures.month.p90_h),
        "closed_28d": figures.month.count, "clocks_contradict_28d": figures.contradicting,
        "within": within_of(figures),
        "overdue_open": overdue(picture, now_us),
        "oldest_open": _oldest(list(picture.open.values()), now_us), "oldest_urgent": _oldest(urgent, now_us),
        "forecast": _forecast(picture, now_us),
        "freshness": {
            "last_event_at": moment(picture.last_event_us), "age_s": seconds_since(picture.last_event_us, now_us),
        },
        "devices": dict(picture.devices),
        "trend": {"authorised_hourly": figures.per_hour, "tat_p50_daily": figures.daily_median_h},
    }  # fmt: skip


def stages_of(picture: LabPicture) -> dict[str, int]:
    """Return open cases by stage, every step of the route in its order."""
    count = {stop.step: 0 for stop in picture.lab.route}
    for case in picture.open.values():
        count[case.standing.stage] = count.get(case.standing.stage, 0) + 1
    return count


def overdue(picture: LabPicture, now_us: int) -> int:
    """Return how many open cases are past the first target that counts them."""
    return sum(due is not None and due < now_us for due in picture.due.values())


def status_of(picture: LabPicture, figures: Percentiles, now_us: int) -> str:
    """Return the lab's status by the rule at the top of this module."""
    recent = recent_of(figures)
    if not figures.month.count:
        return "no_data"
    if any(kept.is_met is False for kept in recent):
        return "late"
    expected_late = _expected_late(picture, now_us)
    ahead = len(picture.open)
    for kept in recent:
        counted = kept.counted + ahead
        if counted and 100 * (kept.within + ahead - min(expected_late, ahead)) / counted < kept.percentile:
            return "at_risk"
    return "on_target"


def _expected_late(picture: LabPicture, now_us: int) -> float:
    if picture.risk is None:
        return overdue(picture, now_us)
    return sum(picture.risk.by_case.get(case_id, 0.0) for case_id in picture.open)


def _forecast(picture: LabPicture, now_us: int) -> Answer | None:
    risk = picture.risk
    if risk is None:
        return None
    breaches = [risk.by_case.get(case_id, 0.0) for case_id in picture.open]
    return {
        "made_at": moment(risk.made_us), "age_s": seconds_since(risk.made_us, now_us),
        "expected_breaches": rounded(sum(breaches)), "at_risk": sum(breach >= AT_RISK for breach in breaches),
    }  # fmt: skip


def recent_of(figures: Percentiles) -> tuple[Within, ...]:
    """Return the targets' figures that count as recent: of 7 days, of 28 when fewer than 5 cases closed in 7."""
    return figures.within_week if figures.week.count >= FEW_CASES else figures.within_month


def within_of(figures: Percentiles) -> list[Answer]:
    """Return each target's recent figures, saying over which period, and both periods beside them."""
    over = "7 days" if figures.week.count >= FEW_CASES else "28 days"
    together = zip(recent_of(figures), figures.within_week, figures.within_month, strict=True)
    return [{**_within(recent), "over": over, **_both(week, month)} for recent, week, month in together]


def _within(recent: Within) -> Answer:
    return {
        "name": recent.name, "percentile": recent.percentile, "days": recent.days, "clock": recent.clock,
        "percent": rounded(recent.percent, 1), "n": recent.counted, "is_met": recent.is_met,
        "definition": recent.definition,
    }  # fmt: skip


def _both(week: Within, month: Within) -> Answer:
    return {
        "percent_7d": rounded(week.percent, 1), "n_7d": week.counted,
        "percent_28d": rounded(month.percent, 1), "n_28d": month.counted,
    }  # fmt: skip


def _oldest(cases: Sequence[OpenCase], now_us: int) -> Answer | None:
    known = [case.times for case in cases if case.times.received_us is not None]
    if not known:
        return None
    oldest = min(known, key=lambda case: (case.received_us or 0, case.barcode))
    return {"case": oldest.barcode, "age_h": hours_since(oldest.received_us, now_us), "priority": oldest.priority}


def all_times(picture: LabPicture) -> list[CaseTimes]:
    """Return every case in memory: the open ones and those authorised in the last 28 days."""
    return [*(case.times for case in picture.open.values()), *picture.closed.values()]


def _per_hour(cases: Sequence[CaseTimes], now_us: int) -> tuple[int, ...]:
    """Return how many cases were authorised in each of the last 24 hours, oldest first."""
    counts = [0] * TREND_HOURS
    for case in cases:
        ago = (now_us - (case.authorised_us or 0)) // HOUR_US
        if 0 <= ago < TREND_HOURS:
            counts[TREND_HOURS - 1 - ago] += 1
    return tuple(counts)


def _daily_medians(cases: Sequence[CaseTimes], calendar: LabCalendar, now_us: int) -> tuple[float | None, ...]:
    """Return the median turnaround of each of the last 14 local days, oldest first; ``None`` on days without any.

    Cases whose clocks contradict each other are left out.
    """
    first = calendar.local_date(now_us) - timedelta(days=TREND_DAYS - 1)
    took: list[list[int]] = [[] for _ in range(TREND_DAYS)]
    edges = np.array([calendar.day_start_us(first + timedelta(days=n)) for n in range(TREND_DAYS + 1)])
    for case in cases:
        if case.received_us is None or case.authorised_us is None or contradict(case, "received", "authorised"):
            continue
        day = int(np.searchsorted(edges, case.authorised_us, side="right")) - 1
        if 0 <= day < TREND_DAYS:
            took[day].append(case.authorised_us - case.received_us)
    return tuple(rounded(float(np.median(lengths)) / HOUR_US) if lengths else None for lengths in took)
