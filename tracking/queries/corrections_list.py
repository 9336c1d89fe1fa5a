"""The corrections that people have made, within the principal's labs."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tracking.access.principals import Principal
from tracking.queries.scope import visible_labs
from tracking.queries.words import Answer, moment
from tracking.registry import Registry
from tracking.store.tables import correction

MOST = 1000


def corrections_list(
    connection: Connection, registry: Registry, principal: Principal, lab_id: str | None, *, in_force_only: bool
) -> list[Answer]:
    """Return corrections, the newest first, at most a thousand."""
    labs = [lab.id for lab in visible_labs(registry, principal, lab_id)]
    query = select(correction).where(correction.c.lab.in_(labs)).order_by(correction.c.id.desc()).limit(MOST)
    if in_force_only:
        query = query.where(correction.c.ended_us.is_(None))
    return [
        {
            "id": row.id, "lab": row.lab, "field": row.field, "given": row.given, "meant": row.meant,
            "reason": row.reason, "person": row.person, "made_at": moment(row.made_us),
            "ended_at": moment(row.ended_us), "ended_by": row.ended_by,
        }
        for row in connection.execute(query)
    ]  # fmt: skip
