"""Finding an item or a case from whatever somebody has in hand: a number, a part of one, or what a scanner read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, or_, select

from tracking.access.principals import Principal
from tracking.clock import from_us
from tracking.queries.items import find_rows
from tracking.queries.scope import visible_labs
from tracking.queries.words import Answer, moment
from tracking.registry import Lab, Registry
from tracking.store.tables import item

SHORTEST_PART = 3
MOST_FOUND = 50
YEARS_BACK = 4


def search(
    connection: Connection, registry: Registry, principal: Principal, text: str, *, now_us: int, limit: int = 20
) -> Answer:
    """Return what the text names exactly, else the items whose barcode begins with it (at least 3 characters).

    A part without the lab's letters (``26-000123``) is completed with those of each visible lab; a bare number
    (``123``) names the cases of that number in the last four years.
    """
    wanted = text.strip()
    exact = [_hit(lab, row) for lab, row in find_rows(connection, registry, principal, wanted, None)]
    if exact or len(wanted) < SHORTEST_PART:
        return {"query": text, "exact": bool(exact), "results": exact}
    labs = visible_labs(registry, principal)
    rows = _matching(connection, labs, wanted.upper(), from_us(now_us).year, min(limit, MOST_FOUND))
    return {"query": text, "exact": False, "results": [_hit(registry.labs[row.lab], row) for row in rows]}


def _matching(connection: Connection, labs: list[Lab], part: str, year: int, limit: int) -> list[Any]:
    if part.isdecimal():
        wanted = _numbered(labs, part, year)
    elif part[0].isdecimal():
        wanted = or_(false(), *(_range(lab.id, lab.case_prefix + part) for lab in labs if lab.case_prefix))
    else:
        wanted = or_(false(), *(_range(lab.id, part) for lab in labs))
    return list(connection.execute(select(item).where(wanted).order_by(item.c.barcode).limit(limit)))


def _numbered(labs: list[Lab], number: str, year: int) -> ColumnElement[bool]:
    """Return the cases of a bare number: exact barcodes, so that an index answers."""
    years = [f"{past % 100:02}" for past in range(year, year - YEARS_BACK, -1)]
    barcodes = [f"{lab.case_prefix}{short}-{number.zfill(6)}" for lab in labs if lab.case_prefix for short in years]
    return and_(item.c.lab.in_([lab.id for lab in labs]), item.c.barcode.in_(barcodes))


def _range(lab: str, start: str) -> ColumnElement[bool]:
    return and_(item.c.lab == lab, item.c.barcode >= start, item.c.barcode < start + "\U0010ffff")


def _hit(lab: Lab, row: Any) -> Answer:
    stored = row._mapping
    return {
        "barcode": stored["barcode"], "kind": stored["kind"], "lab": lab.id, "lab_name": lab.name,
        "step": stored["step"], "step_state": stored["step_state"], "status": stored["status"],
        "last_event_at": moment(stored["last_us"]),
    }  # fmt: skip
