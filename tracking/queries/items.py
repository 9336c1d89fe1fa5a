"""One item: what it is, where, since when, what comes next, its family, and everything that happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from tracking.access.principals import Principal
from tracking.errors import NotFound, Refusal
from tracking.queries.events_log import events_of_items
from tracking.queries.scope import visible_labs
from tracking.queries.stages import Parts, Route
from tracking.queries.words import Answer, from_json, hours_since, moment
from tracking.registry import Lab, Registry
from tracking.store.tables import alias, item

MOST_RELATIVES = 500
LONGEST_CHAIN = 8


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
    rows = _relatives(connection, row)
    told = {one.id: one for one in _family_of(lab, rows, now_us)}
    chain = _ancestors(rows, row)
    return {
        **told[row.id].summary,
        "aliases": _aliases(connection, row.id),
        "attributes": from_json(row.attributes),
        "open_work": _open_work(row),
        "ancestors": [told[one.id].summary for one in chain],
        "parent": chain[-1].barcode if chain else None,
        "case": row.barcode if row.kind == "case" else getattr(rows.get(row.case_id), "barcode", None),
        "children": [told[one.id].summary for one in rows.values() if one.parent_id == row.id],
        "family": [one.summary for one in told.values()],
        "events": events_of_items(connection, [row.id]),
    }


def find_rows(
    connection: Connection, registry: Registry, principal: Principal, barcode: str, lab_id: str | None
) -> list[tuple[Lab, Any]]:
    """Return the items of visible labs that a barcode, an alias or a raw scan names."""
    labs = visible_labs(registry, principal, lab_id)
    meant = {lab.id: {barcode, canonical(lab, barcode)} for lab in labs}
    texts = sorted(set().union(*meant.values()))
    direct = select(item).where(item.c.lab.in_(meant), item.c.barcode.in_(texts))
    found = {row.lab: row for row in connection.execute(direct) if row.barcode in meant[row.lab]}
    if not found:
        aliased = select(alias.c.value, item).join(item, item.c.id == alias.c.item_id)
        rows = connection.execute(aliased.where(alias.c.lab.in_(meant), alias.c.value.in_(texts)))
        found = {row.lab: row for row in rows if row.value in meant[row.lab]}
    return [(lab, found[lab.id]) for lab in labs if lab.id in found]


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
    return (
        [] if case_id is None else [one.summary for one in _family_of(lab, _rows_of_case(connection, case_id), now_us)]
    )


def _the_one(found: list[tuple[Lab, Any]], barcode: str) -> tuple[Lab, Any]:
    if not found:
        raise NotFound(f"There is no item {barcode!a}.")
    if len(found) > 1:
        labs = ", ".join(lab.id for lab, _ in found)
        raise Refusal("ambiguous_barcode", f"{barcode!a} is in several laboratories ({labs}); say which with ?lab=.")
    return found[0]


@dataclass(frozen=True, slots=True)
class _Told:
    """One member of a family and what is said of it."""

    id: int
    summary: Answer


def _family_of(lab: Lab, rows: Mapping[int, Any], now_us: int) -> list[_Told]:
    route = Route(lab.route)
    parents = {number: row.barcode for number, row in rows.items()}
    return [
        _Told(row.id, {**summary(lab, route, row, now_us), "parent": parents.get(row.parent_id)})
        for row in rows.values()
    ]


def _relatives(connection: Connection, row: Any) -> dict[int, Any]:
    """Return an item's whole case by id, the item included; without a case, its ancestors and children."""
    case_id = row.id if row.kind == "case" else row.case_id
    if case_id is not None:
        return {**_rows_of_case(connection, case_id), row.id: row}
    rows = {row.id: row}
    above = row
    while above.parent_id is not None and above.parent_id not in rows and len(rows) < LONGEST_CHAIN:
        above = connection.execute(select(item).where(item.c.id == above.parent_id)).one()
        rows[above.id] = above
    children = select(item).where(item.c.parent_id == row.id).order_by(item.c.barcode).limit(MOST_RELATIVES)
    return rows | {child.id: child for child in connection.execute(children)}


def _rows_of_case(connection: Connection, case_id: int) -> dict[int, Any]:
    mine = or_(item.c.case_id == case_id, item.c.id == case_id)
    query = select(item).where(mine).order_by(item.c.barcode).limit(MOST_RELATIVES)
    return {row.id: row for row in connection.execute(query)}


def _ancestors(rows: Mapping[int, Any], row: Any) -> list[Any]:
    """Return the items this one was made from, the case first."""
    chain: list[Any] = []
    while row.parent_id in rows and len(chain) < LONGEST_CHAIN:
        row = rows[row.parent_id]
        chain.insert(0, row)
    return chain


def _aliases(connection: Connection, item_id: int) -> list[str]:
    return list(connection.execute(select(alias.c.value).where(alias.c.item_id == item_id)).scalars())


def _open_work(row: Any) -> list[Answer]:
    """Return extra work still wanted on an item."""
    return [
        {**{key: value for key, value in wanted.items() if key != "requested_us"},
         "requested_at": moment(wanted.get("requested_us"))}
        for wanted in from_json(row.work) or ()
    ]  # fmt: skip
