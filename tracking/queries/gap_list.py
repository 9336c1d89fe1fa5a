"""The gaps in what devices have sent, within the principal's labs: what is missing, and since when that is known."""

from __future__ import annotations

from sqlalchemy import Connection

from tracking.access.principals import Principal
from tracking.names import lab_of
from tracking.queries.scope import visible_labs
from tracking.queries.words import Answer, moment, seconds_since
from tracking.registry import Registry
from tracking.store.standing import open_gaps


def gap_list(
    connection: Connection, registry: Registry, principal: Principal, now_us: int, lab_id: str | None = None
) -> list[Answer]:
    """Return open gaps, the oldest first; those of devices of no known lab are for who may see all labs."""
    labs = {lab.id for lab in visible_labs(registry, principal, lab_id)}
    is_for_all = lab_id is None and principal.labs is None
    found = [
        {
            "device": stream.source, "lab": lab_of(stream.source), "boot": stream.boot, "first": gap.first,
            "last": gap.last, "count": gap.last - gap.first + 1, "since": moment(gap.since_us),
            "age_s": seconds_since(gap.since_us, now_us), "highest": stream.highest,
        }
        for stream in open_gaps(connection)
        if is_for_all or lab_of(stream.source) in labs
        for gap in stream.gaps
    ]  # fmt: skip
    return sorted(found, key=lambda gap: (gap["since"] or "", gap["device"], gap["boot"], gap["first"]))
