"""Events in and out: posted ones go through the store's door, answered after commit; the log is read in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.api.answers import answer
from dashboard.api.asking import Anybody, PartsOf, Reading, Writer
from dashboard.api.parts import Parts
from tracking.access import Principal
from tracking.door import Incoming, Receipt
from tracking.errors import Refusal
from tracking.queries.events_log import events_after
from tracking.queries.words import Answer

router = APIRouter(tags=["events"])
MOST_BYTES = 8 * 1024 * 1024
MOST_AT_ONCE = 1000
_BATCH = "application/cloudevents-batch+json"
_CE = "ce-"


@router.post("/events")
async def post_events(request: Request, parts: PartsOf, who: Writer) -> Response:
    """Store one CloudEvent or a batch; say of each ``accepted``, ``duplicate`` or ``rejected`` with reason."""
    body = await _read(request)
    bodies = _split(body, request.headers.get("content-type", ""))
    attributes = {key[len(_CE) :]: value for key, value in request.headers.items() if key.startswith(_CE)} or None
    now_us = parts.clock.now_us()
    results: list[Answer | None] = [_foreign(parts, who, one, attributes) for one in bodies]
    mine = [index for index, refused in enumerate(results) if refused is None]
    batch = [Incoming(bodies[index], "http", now_us, attributes=attributes) for index in mine]
    receipts = await asyncio.to_thread(parts.door.take, batch) if batch else []
    for index, receipt in zip(mine, receipts, strict=True):
        results[index] = _told(receipt)
    return answer({"results": results})


@router.get("/events")
def get_events(
    parts: PartsOf,
    who: Anybody,
    connection: Reading,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
    lab: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Return the log after a position, in order; go on with ``next_after``."""
    return answer(events_after(connection, parts.registry, who, after=after, limit=limit, lab_id=lab))


def source_lab(source: Any) -> str | None:
    """Return the lab in a source path ``/network/lab/device``; ``None`` when it is none."""
    pieces = source.split("/") if isinstance(source, str) else []
    return pieces[2] if len(pieces) == 4 and not pieces[0] else None


async def _read(request: Request) -> bytes:
    """Return the body; raises ``Refusal('too_large')`` before it is all in memory."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise Refusal("too_large", f"body: more than {MOST_BYTES} bytes: expected less; send it in parts.")
    if not body.strip():
        raise Refusal("empty", "body: nothing: expected one CloudEvent or an array of them.")
    return bytes(body)


def _split(body: bytes, content_type: str) -> Sequence[bytes]:
    """Return the events of a body, each as bytes; one that is no readable array goes to the door as it is."""
    if not (content_type.startswith(_BATCH) or body.lstrip()[:1] == b"["):
        return [body]
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return [body]
    if not isinstance(document, list):
        return [body]
    if not 1 <= len(document) <= MOST_AT_ONCE:
        raise Refusal("batch_size", f"body: {len(document)} events: expected 1 to {MOST_AT_ONCE}.")
    return [orjson.dumps(one) for one in document]


def _foreign(parts: Parts, who: Principal, body: bytes, attributes: dict[str, str] | None) -> Answer | None:
    """Return the refusal of an event from a lab that this principal may not speak for; ``None`` lets it go on."""
    if who.labs is None:
        return None
    event = _glance(body)
    source = (attributes or {}).get("source") or event.get("source")
    lab = source_lab(source)
    if lab is not None and lab in parts.registry.labs and who.may_see(lab):
        return None
    message = f"source: {source!r}: expected a device of a laboratory in your scope."
    return {"id": event.get("id"), "source": source, "status": "rejected", "verdict": "rejected",
            "reason": "unknown_lab", "message": message, "position": None}  # fmt: skip


def _glance(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _told(receipt: Receipt) -> Answer:
    return {
        "id": receipt.event_id, "source": receipt.source,
        "status": "rejected" if receipt.fate == "conflict" else receipt.fate,
        "verdict": receipt.verdict, "reason": receipt.reason, "message": receipt.message,
        "position": receipt.position,
    }  # fmt: skip
