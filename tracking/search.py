"""Finding an item or a case from whatever somebody has in hand: a number, a part of one, or what a scanner read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from tracking.access.principals import Principal
from tracking.queries.items import find_rows
from tracking.queries.scope import visible_labs
from tracking.queries.words import Answer, moment
from tracking.registry import Lab, Registry
from tracking.store.tables import item

SHORTEST_PART = 3
MOST_FOUND = 50


def search(connection: Connection, registry: Registry, principal: Principal, text: str, *, limit: int = 20) -> Answer:
    """Return what the text names exactly, else the items whose barcode begins with it (at least 3 characters).

    A part without the lab's letters (``000123`` or ``26-000123``) is completed with the letters of each visible lab.
    """
    wanted = text.strip()
    exact = [_hit(lab, row) for lab, row in find_rows(connection, registry, principal, wanted, None)]
    if exact or len(wanted) < SHORTEST_PART:
        return {"query": text, "exact": bool(exact), "results": exact}
    labs = visible_labs(registry, principal)
    rows = _beginning_with(connection, labs, wanted.upper(), min(limit, MOST_FOUND))
    return {"query": text, "exact": False, "results": [_hit(registry.labs[row.lab], row) for row in rows]}


def _beginning_with(connection: Connection, labs: list[Lab], part: str, limit: int) -> list[Any]:
    ranges = [_range(lab.id, start) for lab in labs for start in _starts(lab, part)]
    if not ranges:
        return []
    return list(connection.execute(select(item).where(or_(*ranges)).order_by(item.c.barcode).limit(limit)))


def _starts(lab: Lab, part: str) -> list[str]:
    """Return the beginnings of barcodes that a part may stand for; ranges over an index, never a scan."""
    if not part[0].isdigit():
        return [part]
    if not lab.case_prefix:
        return [part]
    if "-" in part:
        return [lab.case_prefix + part]
    return [f"{lab.case_prefix}{year}-{part.zfill(6)}" for year in range(20, 36)] if len(part) <= 6 else []


def _range(lab: str, start: str) -> ColumnElement[bool]:
    return and_(item.c.lab == lab, item.c.barcode >= start, item.c.barcode < start + "\U0010ffff")


def _hit(lab: Lab, row: Any) -> Answer:
    stored = row._mapping
    return {
        "barcode": stored["barcode"], "kind": stored["kind"], "lab": lab.id, "lab_name": lab.name,
        "step": stored["step"], "step_state": stored["step_state"], "status": stored["status"],
        "last_event_at": moment(stored["last_us"]),
    }  # fmt: skip
