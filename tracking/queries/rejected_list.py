"""What was refused: pages of the list, one message whole, how many wait. Within the principal's labs; reads only."""

from __future__ import annotations

import base64
from codecs import getincrementaldecoder
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from tracking.access.principals import Principal
from tracking.corrections import HELPS, given_values
from tracking.decoding import assemble, identity_of
from tracking.errors import NotFound, Refusal
from tracking.queries.scope import visible_labs
from tracking.queries.words import Answer, from_json, moment
from tracking.reasons import Reason
from tracking.registry import Registry
from tracking.store.refused import OPEN
from tracking.store.tables import event, event_key, rejected, source

SHOWN_BYTES = 2048
MOST_DIFFERENCES = 100
_UNPROVEN = (Reason.WRONG_TOPIC.value, Reason.UNREADABLE_MESSAGE.value)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which refused messages are asked for; ``None`` and ``all`` stand for every one."""

    lab_id: str | None = None
    reason: str | None = None
    state: str = "all"
    q: str | None = None


def rejected_events(
    connection: Connection, registry: Registry, principal: Principal, *, lab_id: str | None = None, limit: int = 100
) -> list[Answer]:
    """Return the messages that wait for somebody, those that came last first."""
    return rejected_page(connection, registry, principal, Wanted(lab_id, state=OPEN), limit=limit)


def rejected_page(
    connection: Connection, registry: Registry, principal: Principal, wanted: Wanted, *, before: int | None = None,
    limit: int = 100,
) -> list[Answer]:  # fmt: skip
    """Return a page of refused messages, those that came last first; ``before`` is the last one of the page before.

    Those that belong to no lab are for who may see all labs.
    """
    query = _within(select(rejected), registry, principal, wanted).where(*_asked(connection, wanted))
    if before is not None:
        query = query.where(_is_before(before))
    rows = connection.execute(query.order_by(rejected.c.last_us.desc(), rejected.c.id.desc()).limit(limit))
    return [_entry(row) for row in rows]


def rejected_counts(connection: Connection, registry: Registry, principal: Principal, wanted: Wanted) -> Answer:
    """Return how many there are by state, and by reason within the state that is asked for."""
    query = select(rejected.c.state, rejected.c.reason, func.count()).group_by(rejected.c.state, rejected.c.reason)
    by_state: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    for state, reason, count in connection.execute(_within(query, registry, principal, wanted)):
        by_state[state] = by_state.get(state, 0) + count
        if wanted.state in ("all", state):
            by_reason[reason] = by_reason.get(reason, 0) + count
    return {"state": by_state, "reason": dict(sorted(by_reason.items(), key=lambda item: (-item[1], item[0])))}


def rejected_ids(
    connection: Connection, registry: Registry, principal: Principal, wanted: Wanted, *, after: int, limit: int
) -> list[int]:
    """Return the numbers of messages after ``after`` in the order in which they first came.

    Those of which no topic proves who sent them are left out unless they are asked for by that reason.
    """
    query = _within(select(rejected.c.id), registry, principal, wanted).where(*_asked(connection, wanted))
    if wanted.reason is None:
        query = query.where(rejected.c.reason.not_in(_UNPROVEN))
    return list(connection.execute(query.where(rejected.c.id > after).order_by(rejected.c.id).limit(limit)).scalars())


def require_visible(connection: Connection, registry: Registry, principal: Principal, ids: Sequence[int]) -> None:
    """Raise ``NotFound`` unless the principal may see every one of these messages."""
    query = _within(select(rejected.c.id).where(rejected.c.id.in_(ids)), registry, principal, Wanted())
    found = set(connection.execute(query).scalars())
    for number in ids:
        if number not in found:
            raise NotFound(f"There is no refused event {number}.")


def one_rejected(connection: Connection, registry: Registry, principal: Principal, number: int) -> Answer:
    """Return one message with all its bytes, what could be corrected of it, and how it differs from what is stored."""
    row = _row(connection, registry, principal, number)
    document, lab = _document(row), registry.labs.get(row.lab)
    givens = given_values(document, row.reason, lab) if lab else []
    return {
        **_entry(row), "attributes": from_json(row.attributes),
        "base64": base64.b64encode(row.body).decode(), "text": _as_text(bytes(row.body), len(row.body)),
        "can_correct": [{"field": field, "given": given} for field, given in givens],
        "conflict": _conflict(connection, row, document) if row.reason == Reason.IDENTITY_CONFLICT else None,
    }  # fmt: skip


def rejected_bytes(connection: Connection, registry: Registry, principal: Principal, number: int) -> bytes:
    """Return the bytes of one message as they came."""
    return bytes(_row(connection, registry, principal, number).body)


def _within(query: Select[Any], registry: Registry, principal: Principal, wanted: Wanted) -> Select[Any]:
    if wanted.lab_id is None and principal.labs is None:
        return query
    return query.where(rejected.c.lab.in_([lab.id for lab in visible_labs(registry, principal, wanted.lab_id)]))


def _asked(connection: Connection, wanted: Wanted) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    if wanted.reason is not None:
        asked.append(rejected.c.reason == wanted.reason)
    if wanted.state != "all":
        asked.append(rejected.c.state == wanted.state)
    if wanted.q:
        asked.append(_holds(connection, wanted.q))
    return asked


def _holds(connection: Connection, text: str) -> ColumnElement[bool]:
    """Return whether a message's words hold a text, or its bytes hold it as it is written."""
    columns = (rejected.c.message, rejected.c.event_id, rejected.c.origin, rejected.c.channel, rejected.c.note)
    find = func.instr if connection.dialect.name == "sqlite" else func.pg_catalog.position
    in_bytes: ColumnElement[bool] = find(rejected.c.body, text.encode()) > 0
    return or_(in_bytes, *(column.icontains(text, autoescape=True) for column in columns))


def _is_before(number: int) -> ColumnElement[bool]:
    last_us = select(rejected.c.last_us).where(rejected.c.id == number).scalar_subquery()
    return or_(rejected.c.last_us < last_us, (rejected.c.last_us == last_us) & (rejected.c.id < number))


def _row(connection: Connection, registry: Registry, principal: Principal, number: int) -> Any:
    require_visible(connection, registry, principal, [number])
    return connection.execute(select(rejected).where(rejected.c.id == number)).one()


def _entry(row: Row[tuple[Any, ...]]) -> Answer:
    body = bytes(row.body)
    text = _as_text(body, SHOWN_BYTES)
    said = identity_of(body, from_json(row.attributes)) if row.kind != "raw" else None
    return {
        "id": row.id, "lab": row.lab, "channel": row.channel, "origin": row.origin, "kind": row.kind,
        "source": (said.source if said else None) or row.origin, "event_type": said.event_type if said else None,
        "subject": said.subject if said else None,
        "reason": row.reason, "message": row.message, "event_id": row.event_id, "first_at": moment(row.first_us),
        "last_at": moment(row.last_us), "times": row.times, "bytes": len(body), "text": text,
        "base64": None if text is not None else base64.b64encode(body[:SHOWN_BYTES]).decode(),
        "state": row.state, "acted_at": moment(row.settled_us), "person": row.person, "note": row.note,
        "position": row.position, "is_correctable": row.reason in HELPS and row.lab is not None,
    }  # fmt: skip


def _as_text(body: bytes, most: int) -> str | None:
    try:
        return getincrementaldecoder("utf-8")().decode(body[:most], final=len(body) <= most)
    except UnicodeDecodeError:
        return None


def _document(row: Any) -> Answer:
    """Return the event in a message as far as it can be read; a plain scan as the barcode it was."""
    body = bytes(row.body)
    if row.kind == "raw":
        text = _as_text(body, len(body)) or ""
        return {"source": row.origin, "subject": text.strip("\r\n\t \x03\x02")}
    try:
        document = orjson.loads(body if row.attributes is None else assemble(body, from_json(row.attributes)))
    except (ValueError, Refusal):
        document = None
    return document if isinstance(document, dict) else {"source": row.origin}


def _conflict(connection: Connection, row: Any, came: Answer) -> Answer | None:
    """Return what is stored under the same name, and where the two differ."""
    query = (
        select(event_key.c.position, event.c.body, event.c.received_us)
        .join(source, source.c.id == event_key.c.source_id)
        .outerjoin(event, event.c.position == event_key.c.position)  # an archived month has left its key
        .where(source.c.path == came.get("source"), event_key.c.event_id == row.event_id)
    )
    stored = connection.execute(query).first()
    if stored is None:
        return None
    body = None if stored.body is None else from_json(bytes(stored.body))
    return {
        "position": stored.position, "received_at": moment(stored.received_us), "stored": body,
        "differences": [] if body is None else differences(body, came)[:MOST_DIFFERENCES],
    }  # fmt: skip


def differences(stored: Any, came: Any, path: str = "") -> list[Answer]:
    """Return the fields in which two events differ, by path; ``None`` stands for a field that one of them lacks."""
    if not isinstance(stored, dict) or not isinstance(came, dict):
        return [] if stored == came else [{"field": path, "stored": stored, "came": came}]
    names = [*stored, *(name for name in came if name not in stored)]
    return [
        found
        for name in names
        for found in differences(stored.get(name), came.get(name), f"{path}.{name}" if path else name)
    ]
