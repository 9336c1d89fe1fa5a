"""One lab as its page shows it: the board's row, and per step, device, day and case what stands behind it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, func, select

from tracking.access.principals import Principal
from tracking.clock import DAY_US, HOUR_US
from tracking.queries.board_row import LabPicture, all_times, overdue
from tracking.queries.case_rows import OpenCase, closed_cases
from tracking.queries.device_rows import device_list
from tracking.queries.events_log import newest_events
from tracking.queries.rejected_list import rejected_events
from tracking.queries.words import Answer, hours, hours_since, moment, rounded
from tracking.registry import Lab, Registry
from tracking.store.tables import case_clock, item, visit
from tracking.turnaround.clocks import CaseTimes, contradict
from tracking.turnaround.measure import elapsed_us, measure

TREND_DAYS = 56
MOST_AT_RISK = 20
_BIN_H = 12


@dataclass(frozen=True, slots=True)
class LabHistory:
    """What a lab page shows of the past; worth working out once a minute."""

    trend: list[Answer]
    distribution: Answer
    dwell_median_h: dict[str, float]


def lab_history(connection: Connection, picture: LabPicture, now_us: int) -> LabHistory:
    """Return turnaround by day over 56 days, its distribution over 28, and the median stay per step over 7 days."""
    closed = closed_cases(connection, picture.lab.id, now_us - TREND_DAYS * DAY_US, now_us + 1)
    recent = [one for one in closed if (one.authorised_us or 0) >= now_us - 28 * DAY_US]
    days: defaultdict[str, list[CaseTimes]] = defaultdict(list)
    for one in closed:
        days[picture.calendar.local_date(one.authorised_us or 0).isoformat()].append(one)
    today = picture.calendar.local_date(now_us)
    names = [(today - timedelta(days=back)).isoformat() for back in range(TREND_DAYS - 1, -1, -1)]
    trend = [_day(picture, name, days[name], now_us) for name in names]
    return LabHistory(trend, _distribution(recent), dwell_medians(connection, picture.lab, now_us))


def lab_detail(
    connection: Connection, registry: Registry, principal: Principal, picture: LabPicture, row: Answer,
    *, history: LabHistory, now_us: int,
) -> Answer:  # fmt: skip
    """Return everything the lab page shows: the board's ``row`` and what stands behind it."""
    lab = picture.lab
    return {
        **row,
        "ods": lab.ods, "timezone": lab.timezone,
        "targets": [{"name": one.name, "percentile": one.percentile, "days": one.days, "clock": one.clock,
                     "source": one.source} for one in lab.targets],
        "steps": step_list(connection, picture, history, now_us),
        "device_list": device_list(connection, lab, now_us),
        "tat_trend": history.trend, "tat_distribution": history.distribution,
        "at_risk": most_at_risk(picture, now_us),
        "overdue_open": overdue(picture, now_us),
        "events": newest_events(connection, lab.id),
        "rejected": rejected_events(connection, registry, principal, lab_id=lab.id, limit=10),
    }  # fmt: skip


def step_list(connection: Connection, picture: LabPicture, history: LabHistory, now_us: int) -> list[Answer]:
    """Return each step of the route: what waits, what is in it, since when, and how much was done today."""
    done = _done_today(connection, picture, now_us)
    waiting: defaultdict[str, int] = defaultdict(int)
    running: defaultdict[str, int] = defaultdict(int)
    since: dict[str, int] = {}
    for one in picture.open.values():
        for step, queue in one.standing.queues.items():
            waiting[step] += queue.waiting
            running[step] += queue.running
            if queue.waiting_since_us is not None:
                since[step] = min(since.get(step, queue.waiting_since_us), queue.waiting_since_us)
    return [
        {
            "step": stop.step, "label": picture.lab.step_label(stop.step), "per": stop.per.value,
            "allowance_h": stop.allowance_h, "waiting": waiting[stop.step], "running": running[stop.step],
            "oldest_waiting_h": hours_since(since.get(stop.step), now_us), "done_today": done.get(stop.step, 0),
            "dwell_median_h": history.dwell_median_h.get(stop.step),
        }
        for stop in picture.lab.route
    ]  # fmt: skip


def most_at_risk(picture: LabPicture, now_us: int) -> list[Answer]:
    """Return the 20 open cases most likely to miss a target: by the forecast, then by age."""
    breach = picture.risk.by_case if picture.risk else {}

    def rank(pair: tuple[int, OpenCase]) -> tuple[float, int]:
        return -breach.get(pair[0], 0.0), pair[1].times.received_us or 2**62

    first = sorted(picture.open.items(), key=rank)[:MOST_AT_RISK]
    return [
        {
            "case": one.times.barcode, "priority": one.times.priority, "specialty": one.times.specialty,
            "stage": one.standing.stage, "received_at": moment(one.times.received_us),
            "age_h": hours_since(one.times.received_us, now_us), "due": moment(picture.due.get(case_id)),
            "is_overdue": (picture.due.get(case_id) or 2**62) < now_us,
            "breach_probability": rounded(breach.get(case_id), 3),
        }
        for case_id, one in first
    ]  # fmt: skip


def dwell_medians(connection: Connection, lab: Lab, now_us: int) -> dict[str, float]:
    """Return the median stay per step over 7 days, hours: from when an item could have gone in to when it was done.

    It could have from the end of its step before; the first time, from when its parent was done (a slide: its block's
    microtomy); a case, from when the last of its parts was; where none of this is known, from its start or
    its receipt. Reporting and authorisation count from assignment and from the report where the LIMS tells no steps.
    A stay that clocks contradicting each other would make negative is left out.
    """
    since_us = now_us - 7 * DAY_US
    stays: defaultdict[str, list[int]] = defaultdict(list)
    for step, ended_us, *came in connection.execute(_visits_query(lab.id, since_us)):
        if (came_us := _came_us(*came)) is not None and came_us <= ended_us:
            stays[step].append(ended_us - came_us)
    told = _stays_told(connection, lab.id, since_us)
    return {step: round(float(np.median(some)) / HOUR_US, 2) for step, some in (told | stays).items() if some}


def _came_us(before: int | None, parent: int | None, parts: int | None, first: int | None) -> int | None:
    """Return when an item could have gone into a step, from the moments of which one or all may be missing."""
    known = [moment_us for moment_us in (before if before is not None else parent, parts) if moment_us is not None]
    return max(known) if known else first


def _visits_query(lab: str, since_us: int) -> Select[Any]:
    """Return each finished visit with the end of its item's, its parent's and its parts' step before."""
    earlier, part, part_item = visit.alias("earlier"), visit.alias("part"), item.alias("part_item")
    ended = select(func.max(earlier.c.ended_us))
    before = ended.where(earlier.c.item_id == visit.c.item_id, earlier.c.n < visit.c.n)
    parent = ended.where(earlier.c.item_id == item.c.parent_id, earlier.c.ended_us <= visit.c.ended_us)
    parts = (
        select(func.max(part.c.ended_us))
        .join_from(part_item, part, part.c.item_id == part_item.c.id)
        .where(part_item.c.case_id == visit.c.item_id, part_item.c.kind != "case")
        .where(part.c.ended_us <= visit.c.ended_us)
    )
    return (
        select(
            visit.c.step,
            visit.c.ended_us,
            before.correlate(visit).scalar_subquery(),
            parent.correlate(visit, item).scalar_subquery(),
            parts.correlate(visit).scalar_subquery(),
            func.coalesce(visit.c.started_us, case_clock.c.received_us),
        )
        .join(item, item.c.id == visit.c.item_id)
        .outerjoin(case_clock, case_clock.c.case_id == item.c.id)
        .where(visit.c.lab == lab, visit.c.ended_us >= since_us)
    )


def _stays_told(connection: Connection, lab: str, since_us: int) -> dict[str, list[int]]:
    clocks = case_clock.c
    query = select(clocks.assigned_us, clocks.reported_us, clocks.authorised_us).where(
        clocks.lab == lab, clocks.authorised_us >= since_us
    )
    rows = connection.execute(query).all()
    return {
        "reporting": [row[1] - row[0] for row in rows if None not in row[:2] and row[0] <= row[1]],
        "authorisation": [row[2] - row[1] for row in rows if row[1] is not None and row[1] <= row[2]],
    }


def _done_today(connection: Connection, picture: LabPicture, now_us: int) -> dict[str, int]:
    """Return how often each step was done since local midnight; authorised cases count where no step is told."""
    midnight_us = picture.calendar.day_start_us(picture.calendar.local_date(now_us))
    query = (
        select(visit.c.step, func.count())
        .where(visit.c.lab == picture.lab.id, visit.c.ended_us >= midnight_us, visit.c.outcome == "done")
        .group_by(visit.c.step)
    )
    told = {
        "reporting": sum((one.reported_us or 0) >= midnight_us for one in all_times(picture)),
        "authorisation": sum((one.authorised_us or 0) >= midnight_us for one in all_times(picture)),
    }
    return told | {row[0]: row[1] for row in connection.execute(query)}


def _day(picture: LabPicture, name: str, cases: list[CaseTimes], now_us: int) -> Answer:
    measured = measure(cases, picture.lab.targets, picture.calendar, now_us)
    return {
        "day": name, "n": measured.closed.count, "p50_h": rounded(measured.closed.p50_h),
        "p90_h": rounded(measured.closed.p90_h),
        "within": [rounded(one.percent, 1) for one in measured.targets],
    }  # fmt: skip


def _distribution(cases: list[CaseTimes]) -> Answer:
    """Return how many cases took how long: counts in bins of 12 hours, the last one open."""
    took_h = elapsed_us(cases, "received", "authorised") / HOUR_US
    edges = np.arange(0, 20 * 24 + _BIN_H, _BIN_H)
    counts = np.histogram(np.clip(took_h, 0, edges[-1] - 1e-9), edges)[0]
    return {
        "days": 28, "bin_h": _BIN_H, "counts": counts.tolist(), "n": len(took_h),
        "clocks_contradict": sum(contradict(one, "received", "authorised") for one in cases),
        "definition": "Cases authorised in the last 28 days by elapsed hours from received to authorised; "
                      f"the last bin holds all from {hours(int(edges[-2]) * HOUR_US):g} h on.",
    }  # fmt: skip
