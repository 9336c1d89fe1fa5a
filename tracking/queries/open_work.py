"""Everything that a lab has not finished: each open case with its items, as plain rows. The twin starts from these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, select

from tracking.events import Kind
from tracking.queries.stages import GONE
from tracking.store import tables

_CASE, _ITEM, _VISIT = tables.case_clock.c, tables.item.c, tables.visit.c


@dataclass(slots=True)
class OpenItem:
    """One item of an open case: its last step and how far it is with it. Moments in µs UTC."""

    barcode: str
    kind: Kind
    step: str | None
    step_state: str | None
    step_us: int | None
    run: str | None
    device: str | None
    wanted_us: int | None
    children: list[OpenItem] = field(default_factory=list)


@dataclass(slots=True)
class OpenCase:
    """A case that was received and not authorised. Moments in µs UTC."""

    item: OpenItem
    priority: str
    received_us: int
    assigned_us: int | None
    reported_us: int | None


def open_cases(connection: Connection, lab: str) -> list[OpenCase]:
    """Return the open cases of a lab, oldest first, each with its family."""
    rows = connection.execute(
        select(tables.case_clock)
        .where(_CASE.lab == lab, _CASE.authorised_us.is_(None), _CASE.received_us.is_not(None))
        .order_by(_CASE.received_us, _CASE.barcode)
    ).all()
    items = _families(connection, lab)
    return [
        OpenCase(items[row.case_id], row.priority or "routine", row.received_us, row.assigned_us, row.reported_us)
        for row in rows
        if row.case_id in items
    ]


def last_case_number(connection: Connection, lab: str, prefix: str) -> int:
    """Return the highest running number that the lab has given a case under a prefix such as ``S26-``; 0 if none."""
    highest = connection.scalar(
        select(_CASE.barcode)
        .where(_CASE.lab == lab, _CASE.barcode.startswith(prefix, autoescape=True))
        .order_by(_CASE.barcode.desc())
        .limit(1)
    )
    return int(highest.removeprefix(prefix)) if highest else 0


def _families(connection: Connection, lab: str) -> dict[int, OpenItem]:
    is_open = select(_CASE.case_id).where(_CASE.lab == lab, _CASE.authorised_us.is_(None))
    rows = connection.execute(
        select(
            _ITEM.id, _ITEM.parent_id, _ITEM.barcode, _ITEM.kind, _ITEM.step, _ITEM.step_state, _ITEM.step_us,
            _ITEM.run, _ITEM.work,
        )
        .where(_ITEM.case_id.in_(is_open), (_ITEM.kind == "case") | _ITEM.status.not_in(GONE))
        .order_by(_ITEM.id)
    ).all()  # fmt: skip
    devices = _devices_at_work(connection, [row.id for row in rows if row.step_state == "running"])
    items = {row.id: _open_item(row, devices.get(row.id)) for row in rows}
    for row in rows:
        if row.parent_id in items:
            items[row.parent_id].children.append(items[row.id])
    return items


def _open_item(row: Any, device: str | None) -> OpenItem:
    work = orjson.loads(row.work) if row.work else []
    wanted = [entry["requested_us"] for entry in work]
    return OpenItem(
        row.barcode, Kind(row.kind), row.step, row.step_state, row.step_us, row.run, device, min(wanted, default=None)
    )


def _devices_at_work(connection: Connection, running: list[int]) -> dict[int, str]:
    """Return for each running item the name of the device that it is on."""
    found: dict[int, str] = {}
    for start in range(0, len(running), 500):
        rows = connection.execute(
            select(_VISIT.item_id, tables.source.c.path)
            .join(tables.source, tables.source.c.id == _VISIT.source_id)
            .where(_VISIT.item_id.in_(running[start : start + 500]), _VISIT.ended_us.is_(None))
        )
        found |= {item_id: path.rpartition("/")[2] for item_id, path in rows}
    return found
