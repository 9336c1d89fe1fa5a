"""How far long work has come (seeding, rebuilding, import): the rows of ``progress``."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tracking.queries.words import Answer, moment
from tracking.store.tables import progress


def work_in_progress(connection: Connection) -> list[Answer]:
    """Return all long work, unfinished first. It belongs to no lab, so anybody signed in may see it."""
    rows = connection.execute(select(progress).order_by(progress.c.finished_us.is_not(None), progress.c.started_us))
    return [
        {
            "name": row.name, "done": row.done, "total": row.total, "detail": row.detail,
            "share": round(row.done / row.total, 4) if row.total else None,
            "started_at": moment(row.started_us), "updated_at": moment(row.updated_us),
            "finished_at": moment(row.finished_us),
        }
        for row in rows
    ]  # fmt: skip
