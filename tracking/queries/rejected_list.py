"""What was refused, newest first: the rows of ``rejected`` within the principal's labs."""

from __future__ import annotations

import base64

from sqlalchemy import Connection, Row, select

from tracking.access.principals import Principal
from tracking.queries.scope import visible_labs
from tracking.queries.words import Answer, moment
from tracking.registry import Registry
from tracking.store.tables import rejected


def rejected_events(
    connection: Connection, registry: Registry, principal: Principal, *, lab_id: str | None = None, limit: int = 100
) -> list[Answer]:
    """Return refused messages; those that belong to no lab are for who may see all labs."""
    query = select(rejected).order_by(rejected.c.last_us.desc(), rejected.c.id.desc()).limit(limit)
    if lab_id is not None or principal.labs is not None:
        labs = [lab.id for lab in visible_labs(registry, principal, lab_id)]
        query = query.where(rejected.c.lab.in_(labs))
    return [_entry(row) for row in connection.execute(query)]


def _entry(row: Row[tuple[object, ...]]) -> Answer:
    text = _as_text(row.body)
    return {
        "id": row.id, "lab": row.lab, "channel": row.channel, "origin": row.origin, "kind": row.kind,
        "reason": row.reason, "message": row.message, "event_id": row.event_id, "first_at": moment(row.first_us),
        "last_at": moment(row.last_us), "times": row.times, "bytes": len(row.body), "text": text,
        "base64": None if text is not None else base64.b64encode(row.body[:2048]).decode(),
    }  # fmt: skip


def _as_text(body: bytes) -> str | None:
    try:
        return body[:2048].decode("utf-8", errors="strict" if len(body) <= 2048 else "ignore")
    except UnicodeDecodeError:
        return None
