"""The log as it stands, in order of position: pages of it, the newest of a lab, the events of one item."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, select, union_all

from tracking.access.principals import Principal
from tracking.queries.scope import visible_labs
from tracking.queries.words import Answer, from_json, moment
from tracking.registry import Registry
from tracking.store.tables import event, head, item_event, source

_COLUMNS = (
    event.c.position, event.c.type, event.c.time_us, event.c.at_us, event.c.received_us, event.c.body, source.c.path,
)  # fmt: skip


def head_position(connection: Connection) -> int:
    """Return the position of the last event that the projections know; 0 when there is none."""
    return int(connection.execute(select(func.max(head.c.position))).scalar() or 0)


def events_after(
    connection: Connection,
    registry: Registry,
    principal: Principal,
    *,
    after: int = 0,
    limit: int = 500,
    lab_id: str | None = None,
) -> Answer:
    """Return the log after a position, at most ``limit`` events of the visible labs, and where to go on."""
    query = _log().where(event.c.position > after, event.c.position <= head_position(connection))
    if lab_id is not None or principal.labs is not None:
        labs = [lab.id for lab in visible_labs(registry, principal, lab_id)]
        query = query.where(event.c.source_id.in_(select(source.c.id).where(source.c.lab.in_(labs))))
    rows = connection.execute(query.order_by(event.c.position).limit(limit)).all()
    return {"events": [_stored(row) for row in rows], "next_after": rows[-1].position if rows else after}


def newest_events(connection: Connection, lab: str, limit: int = 20) -> list[Answer]:
    """Return a lab's events that happened last, newest first: the last of each device, merged.

    What devices say of themselves is left out; their state stands elsewhere.
    """
    sources = connection.scalars(select(source.c.id).where(source.c.lab == lab)).all()
    if not sources:
        return []
    last_of_each = [
        select(event.c.position, event.c.at_us)
        .where(event.c.source_id == source_id, event.c.type != "histotwin.device.state")
        .order_by(event.c.at_us.desc())
        .limit(limit)
        .subquery()
        for source_id in sources
    ]
    merged = union_all(*(select(last.c.position, last.c.at_us) for last in last_of_each)).subquery()
    newest = select(merged.c.position).order_by(merged.c.at_us.desc(), merged.c.position.desc()).limit(limit)
    query = _log().where(event.c.position.in_(newest)).order_by(event.c.at_us.desc(), event.c.position.desc())
    return [told(row) for row in connection.execute(query)]


def events_of_items(connection: Connection, item_ids: Iterable[int], limit: int = 2000) -> list[Answer]:
    """Return every event of some items in the order they happened: by time, ties by position."""
    mine = select(item_event.c.position).where(item_event.c.item_id.in_(list(item_ids)))
    query = _log().where(event.c.position.in_(mine)).order_by(event.c.at_us, event.c.position).limit(limit)
    return [told(row) for row in connection.execute(query)]


def told(row: Any) -> Answer:
    """Return one event as a line of a history; ``device_time`` only where the device's clock was set aside."""
    body = from_json(row.body) or {}
    data = body.get("data") or {}
    return {
        **({"device_time": _device_time(row.time_us, body)} if row.time_us != row.at_us else {}),
        "position": row.position, "id": body.get("id"), "type": row.type, "time": moment(row.at_us),
        "received": moment(row.received_us), "source": row.path, "subject": body.get("subject"),
        "step": data.get("step"), "station": data.get("station"), "operator": data.get("operator"), "data": data,
    }  # fmt: skip


def _device_time(said_us: int, body: Answer) -> str | None:
    """Return what the device's clock said; in its own words where that is beyond the calendar in UTC."""
    try:
        return moment(said_us)
    except OverflowError:
        return body.get("time")


def _log() -> Any:
    return select(*_COLUMNS).join(source, source.c.id == event.c.source_id)


def _stored(row: Any) -> Answer:
    return {"position": row.position, "received": moment(row.received_us), "event": from_json(row.body)}
