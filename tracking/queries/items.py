"""One item: what it is, where, since when, what comes next, its family, and everything that happened to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from tracking.access.principals import Principal
from tracking.errors import NotFound, Refusal
from tracking.queries.events_log import events_of_items
from tracking.queries.scope import visible_labs
from tracking.queries.stages import Parts, Route
from tracking.queries.words import Answer, from_json, hours_since, moment
from tracking.registry import Lab, Registry
from tracking.store.tables import alias, item

MOST_RELATIVES = 500


def one_item(
    connection: Connection,
    registry: Registry,
    principal: Principal,
    barcode: str,
    *,
    now_us: int,
    lab_id: str | None = None,
) -> Answer:
    """Return an item by any of its barcodes.

    Raises ``NotFound`` when no visible lab has it, ``Refusal('ambiguous_barcode')`` when several labs do.
    """
    lab, row = _the_one(find_rows(connection, registry, principal, barcode, lab_id), barcode)
    route = Route(lab.route)
    return {
        **summary(lab, route, row, now_us),
        "aliases": _aliases(connection, row.id),
        "attributes": from_json(row.attributes),
        "open_work": _open_work(row),
        "ancestors": [summary(lab, route, one, now_us) for one in _ancestors(connection, row)],
        "parent": _barcode_of(connection, row.parent_id),
        "case": row.barcode if row.kind == "case" else _barcode_of(connection, row.case_id),
        "children": [summary(lab, route, one, now_us) for one in _children(connection, row.id)],
        "family": family(connection, lab, row.id if row.kind == "case" else row.case_id, now_us),
        "events": events_of_items(connection, [row.id]),
    }


def find_rows(
    connection: Connection, registry: Registry, principal: Principal, barcode: str, lab_id: str | None
) -> list[tuple[Lab, Any]]:
    """Return the items of visible labs that a barcode, an alias or a raw scan names."""
    found: list[tuple[Lab, Any]] = []
    for lab in visible_labs(registry, principal, lab_id):
        for text in dict.fromkeys((barcode, canonical(lab, barcode))):
            if (row := row_of(connection, lab.id, text)) is not None:
                found.append((lab, row))
                break
    return found


def row_of(connection: Connection, lab: str, barcode: str) -> Any:
    """Return the row of an item by barcode or alias; ``None`` when the lab has none."""
    direct = connection.execute(select(item).where(item.c.lab == lab, item.c.barcode == barcode)).one_or_none()
    if direct is not None:
        return direct
    aliased = select(item).join(alias, alias.c.item_id == item.c.id)
    return connection.execute(aliased.where(alias.c.lab == lab, alias.c.value == barcode)).one_or_none()


def canonical(lab: Lab, barcode: str) -> str:
    """Return a barcode in its one right form, or as it is when it is none of the lab's."""
    try:
        return lab.grammar.read(barcode).barcode
    except Refusal:
        return barcode


def summary(lab: Lab, route: Route, row: Any, now_us: int) -> Answer:
    """Return what an item is, where it is since when, and its next step."""
    since_us = row.step_us if row.step_us is not None else row.last_us
    seen_us = max((value for value in (row.seen_us, row.step_us) if value is not None), default=None)
    return {
        "barcode": row.barcode, "kind": row.kind, "lab": lab.id, "status": row.status, "announced": row.announced,
        "step": row.step, "step_label": lab.step_label(row.step) if row.step else None, "step_state": row.step_state,
        "since": moment(since_us), "since_h": hours_since(since_us, now_us), "station": row.station,
        "seen_at": moment(seen_us), "last_event_at": moment(row.last_us), "run": row.run, "stain": row.stain,
        "images": row.images, "next_step": next_step(route, row),
    }  # fmt: skip


def next_step(route: Route, row: Any) -> str | None:
    """Return the step an item is waiting for, or will go to from the one it is in; ``None`` when it is finished."""
    if row.step_state == "running":
        return route.next_of(row.kind, row.step)
    place = route.place_of(Parts(row.kind, row.step, row.step_state, row.status))
    return None if place is None else place.step


def family(connection: Connection, lab: Lab, case_id: int | None, now_us: int) -> list[Answer]:
    """Return all items of a case as a flat list with ``parent``, by barcode; at most 500."""
    if case_id is None:
        return []
    route = Route(lab.route)
    parts = select(item).where(item.c.case_id == case_id).order_by(item.c.barcode).limit(MOST_RELATIVES)
    itself = connection.execute(select(item).where(item.c.id == case_id)).all()
    rows = {row.id: row for row in (*itself, *connection.execute(parts))}
    return [
        {**summary(lab, route, row, now_us), "parent": rows[row.parent_id].barcode if row.parent_id in rows else None}
        for row in rows.values()
    ]


def _the_one(found: list[tuple[Lab, Any]], barcode: str) -> tuple[Lab, Any]:
    if not found:
        raise NotFound(f"There is no item {barcode!a}.")
    if len(found) > 1:
        labs = ", ".join(lab.id for lab, _ in found)
        raise Refusal("ambiguous_barcode", f"{barcode!a} is in several laboratories ({labs}); say which with ?lab=.")
    return found[0]


def _ancestors(connection: Connection, row: Any) -> list[Any]:
    """Return the items this one was made from, the case first."""
    chain: list[Any] = []
    while row.parent_id is not None and len(chain) < 8:
        row = connection.execute(select(item).where(item.c.id == row.parent_id)).one_or_none()
        if row is None:
            break
        chain.insert(0, row)
    return chain


def _children(connection: Connection, item_id: int) -> list[Any]:
    query = select(item).where(item.c.parent_id == item_id).order_by(item.c.barcode).limit(MOST_RELATIVES)
    return list(connection.execute(query))


def _aliases(connection: Connection, item_id: int) -> list[str]:
    return list(connection.execute(select(alias.c.value).where(alias.c.item_id == item_id)).scalars())


def _barcode_of(connection: Connection, item_id: int | None) -> str | None:
    if item_id is None:
        return None
    return connection.execute(select(item.c.barcode).where(item.c.id == item_id)).scalar_one_or_none()


def _open_work(row: Any) -> list[Answer]:
    """Return extra work still wanted on an item."""
    return [
        {**{key: value for key, value in wanted.items() if key != "requested_us"},
         "requested_at": moment(wanted.get("requested_us"))}
        for wanted in from_json(row.work) or ()
    ]  # fmt: skip
