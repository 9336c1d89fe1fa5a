"""Turnaround over a period, by day, week, priority or specialty, every figure with the definition it follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Literal

from sqlalchemy import Connection

from tracking.access.principals import Principal
from tracking.errors import Refusal
from tracking.queries.case_rows import closed_cases, open_times
from tracking.queries.scope import visible_labs
from tracking.queries.words import Answer, moment, rounded
from tracking.registry import Lab, Registry, Target
from tracking.turnaround.calendar import LabCalendar, lab_calendar
from tracking.turnaround.clocks import CaseTimes
from tracking.turnaround.measure import Measurement, measure
from tracking.turnaround.targets import define

By = Literal["day", "week", "priority", "specialty"]


def turnaround_report(
    connection: Connection,
    registry: Registry,
    principal: Principal,
    *,
    from_us: int,
    to_us: int,
    now_us: int,
    lab_id: str | None = None,
    by: By = "day",
    target: str | None = None,
) -> Answer:
    """Return each visible lab's turnaround of cases authorised in ``[from, to)``, grouped and in all.

    Raises ``NotFound`` for a lab out of scope, ``Refusal('unknown_target')`` when no lab asked has that target.
    """
    labs = visible_labs(registry, principal, lab_id)
    if target is not None and not any(_chosen(lab, target) for lab in labs):
        known = sorted({one.name for lab in labs for one in lab.targets})
        raise Refusal("unknown_target", f"target: {target!r}: expected one of {', '.join(map(repr, known)) or 'none'}.")
    return {
        "from": moment(from_us), "to": moment(to_us), "by": by,
        "labs": [_report(connection, lab, _chosen(lab, target), (from_us, to_us, now_us), by) for lab in labs],
    }  # fmt: skip


def figures(measured: Measurement) -> Answer:
    """Return a measurement as it is sent: hours and percentages rounded."""
    return {
        "closed": {key: _short(value) for key, value in asdict(measured.closed).items()},
        "clocks_contradict": measured.contradicting,
        "targets": [{key: _short(value) for key, value in asdict(one).items()} for one in measured.targets],
        "definition": measured.definition,
    }


def group_key(by: By, calendar: LabCalendar) -> Callable[[CaseTimes], str]:
    """Return what names a case's group; days and weeks are the lab's own, a week is named by its Monday."""
    if by == "priority":
        return lambda case: case.priority or "unknown"
    if by == "specialty":
        return lambda case: case.specialty or "unknown"
    if by == "day":
        return lambda case: calendar.local_date(case.authorised_us or 0).isoformat()
    return lambda case: _monday(calendar, case.authorised_us or 0)


def _report(
    connection: Connection, lab: Lab, targets: Sequence[Target], period: tuple[int, int, int], by: By
) -> Answer:
    from_us, to_us, now_us = period
    calendar = lab_calendar(lab)
    closed = closed_cases(connection, lab.id, from_us, to_us)
    grouped: defaultdict[str, list[CaseTimes]] = defaultdict(list)
    name_of = group_key(by, calendar)
    for case in closed:
        grouped[name_of(case)].append(case)
    still_open = measure(open_times(connection, lab.id), targets, calendar, now_us)
    return {
        "lab": lab.id, "name": lab.name,
        "targets": [{"name": one.name, "definition": define(one), "source": one.source} for one in targets],
        "all": figures(measure(closed, targets, calendar, now_us)),
        "groups": [
            {"group": name, **figures(measure(grouped[name], targets, calendar, now_us))} for name in sorted(grouped)
        ],
        "open": {
            **{key: _short(value) for key, value in asdict(still_open.open).items()},
            "late": {one.name: {"counted": one.open_counted, "late": one.open_late} for one in still_open.targets},
        },
    }  # fmt: skip


def _chosen(lab: Lab, target: str | None) -> tuple[Target, ...]:
    return lab.targets if target is None else tuple(one for one in lab.targets if one.name == target)


def _monday(calendar: LabCalendar, moment_us: int) -> str:
    day = calendar.local_date(moment_us)
    return (day - timedelta(days=day.weekday())).isoformat()


def _short(value: object) -> object:
    return rounded(value) if isinstance(value, float) else value
