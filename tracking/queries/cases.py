"""One case: its clocks, what is due, its items, how complete it is, and what the forecast says of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Connection, select

from tracking.access.principals import Principal
from tracking.errors import NotFound
from tracking.queries.case_rows import cases_by_id
from tracking.queries.events_log import events_of_items
from tracking.queries.forecasts import case_forecast
from tracking.queries.items import canonical, family, row_of
from tracking.queries.scope import visible_labs
from tracking.queries.stages import Route
from tracking.queries.words import Answer, from_json, hours, hours_since, moment, rounded
from tracking.registry import Lab, Registry, Target
from tracking.store.tables import case_clock, item
from tracking.turnaround.calendar import LabCalendar, lab_calendar
from tracking.turnaround.clocks import CaseTimes, contradict, start_us, stop_us
from tracking.turnaround.targets import counts, define, due_us, is_late

_NO_TURNAROUND: Answer = {
    "tat_h": None, "age_h": None, "working_age_h": None, "clocks_contradict": False, "due": None, "targets": [],
}  # fmt: skip
_MOMENTS = ("collected", "received", "booked_in", "assigned", "reported", "authorised")


def one_case(
    connection: Connection,
    registry: Registry,
    principal: Principal,
    case: str,
    *,
    now_us: int,
    lab_id: str | None = None,
) -> Answer:
    """Return a case by its number or by the barcode of any of its items; raises ``NotFound``."""
    lab, case_id, barcode = _find(connection, registry, principal, case, lab_id)
    clocks = connection.execute(select(case_clock).where(case_clock.c.case_id == case_id)).one_or_none()
    still_open, closed = cases_by_id(connection, [case_id], Route(lab.route))
    times = closed.get(case_id) or (still_open[case_id].times if case_id in still_open else None)
    items = family(connection, lab, case_id, now_us)
    return {
        "case": barcode, "lab": lab.id, "lab_name": lab.name,
        "is_open": case_id in still_open,
        "stage": still_open[case_id].standing.stage if case_id in still_open else None,
        **_described(clocks),
        "clocks": {f"{name}_at": moment(getattr(clocks, f"{name}_us", None)) for name in _MOMENTS},
        **(_turnaround(lab, times, now_us) if times else _NO_TURNAROUND),
        "completeness": _completeness(items),
        "forecast": case_forecast(connection, lab.id, case_id, now_us) if case_id in still_open else None,
        "items": items,
        "open_work": _open_work(connection, case_id),
        "events": events_of_items(connection, [case_id]),
    }  # fmt: skip


def _find(
    connection: Connection, registry: Registry, principal: Principal, case: str, lab_id: str | None
) -> tuple[Lab, int, str]:
    for lab in visible_labs(registry, principal, lab_id):
        row = row_of(connection, lab.id, canonical(lab, case))
        if row is None:
            continue
        case_id = row.id if row.kind == "case" else row.case_id
        if case_id is not None:
            name = connection.execute(select(item.c.barcode).where(item.c.id == case_id)).scalar_one()
            return lab, case_id, name
    raise NotFound(f"There is no case {case!a}.")


def _described(clocks: Any) -> Answer:
    fields = ("priority", "pathway", "specialty", "specimen_type", "pathologist")
    steps = from_json(clocks.steps) if clocks is not None else None
    return {**{field: getattr(clocks, field, None) for field in fields}, "steps": sorted(steps or ())}


def _turnaround(lab: Lab, times: CaseTimes, now_us: int) -> Answer:
    """Return how old a case is or how long it took; unknown where its clocks contradict each other."""
    calendar = lab_calendar(lab)
    dues = [due for target in lab.targets if (due := due_us(target, times, calendar)) is not None]
    received, ended, is_wrong = times.received_us, times.authorised_us, contradict(times, "received", "authorised")
    begun = None if is_wrong else received
    return {
        "tat_h": None if begun is None or ended is None else hours(ended - begun),
        "age_h": hours_since(received, now_us) if ended is None else None,
        "working_age_h": None
        if begun is None
        else hours(calendar.working_us(begun, now_us if ended is None else ended)),
        "clocks_contradict": is_wrong,
        "due": moment(min(dues)) if dues else None,
        "targets": [_target(target, times, calendar, now_us) for target in lab.targets],
    }


def _target(target: Target, times: CaseTimes, calendar: LabCalendar, now_us: int) -> Answer:
    is_counted, is_unknown = counts(target, times), contradict(times, target.start, target.stop)
    return {
        "name": target.name, "definition": define(target), "is_counted": is_counted,
        "started_at": moment(start_us(times, target.start)), "stopped_at": moment(stop_us(times, target.stop)),
        "due": moment(due_us(target, times, calendar)),
        "is_late": is_late(target, times, calendar, now_us) if is_counted and not is_unknown else None,
    }  # fmt: skip


def _completeness(items: list[Answer]) -> Answer:
    """Return how many of the case's parts have gone through all their steps."""
    parts = [one for one in items if one["kind"] != "case"]
    finished = Counter(one["kind"] for one in parts if one["next_step"] is None and one["step_state"] != "running")
    total = Counter(one["kind"] for one in parts)
    return {
        "by_kind": {kind: {"finished": finished[kind], "total": count} for kind, count in total.items()},
        "percent": rounded(100 * finished.total() / total.total(), 1) if parts else None,
        "announced": all(one["announced"] for one in items),
    }


def _open_work(connection: Connection, case_id: int) -> list[Answer]:
    query = select(item.c.barcode, item.c.work).where(item.c.case_id == case_id, item.c.work.is_not(None))
    return [
        {**{key: value for key, value in wanted.items() if key != "requested_us"}, "on": barcode,
         "requested_at": moment(wanted.get("requested_us"))}
        for barcode, work in connection.execute(query)
        for wanted in from_json(work) or ()
    ]  # fmt: skip
