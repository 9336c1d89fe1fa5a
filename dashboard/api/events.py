"""Events in and out: posted ones go through the store's door, answered after commit; the log is read in order."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dashboard.api.answers import answer
from dashboard.api.asking import Anybody, PartsOf, Reading, Writer
from dashboard.api.parts import Parts
from tracking.access import Principal, Role
from tracking.door import Incoming, Receipt
from tracking.errors import Refusal
from tracking.queries.events_log import events_after
from tracking.queries.words import Answer
from tracking.reasons import Reason
from tracking.registry import OWN_KIND

router = APIRouter(tags=["events"])
MOST_BYTES = 8 * 1024 * 1024
MOST_AT_ONCE = 1000
_BATCH = "application/cloudevents-batch+json"
_STRUCTURED = "application/cloudevents"
_CE = "ce-"
_BLANK = b" \t\r\n"
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
_DEEPER = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_NO_DEVICE = "http"  # contradicts every source, so that what is refused moves no device's watermark


@router.post("/events")
async def post_events(request: Request, parts: PartsOf, who: Writer) -> Response:
    """Store one CloudEvent or a batch; say of each ``accepted``, ``duplicate`` or ``rejected`` with reason."""
    body = await _read(request)
    now_us = parts.clock.now_us()
    batch = await asyncio.to_thread(_offered, parts, who, request.headers, body, now_us)
    receipts = await asyncio.to_thread(parts.door.take, batch)
    return answer({"results": [_told(receipt) for receipt in receipts]})


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


def _offered(parts: Parts, who: Principal, headers: Mapping[str, str], body: bytes, now_us: int) -> list[Incoming]:
    """Return what a request offers the door; what its sender may not say goes there too, as refused."""
    content_type = headers.get("content-type", "")
    attributes = binary_mode_attributes(headers, content_type)
    bodies = [body] if attributes is not None else _split(body, content_type)
    return [_incoming(parts, who, one, attributes, now_us) for one in bodies]


def binary_mode_attributes(headers: Mapping[str, str], content_type: str) -> dict[str, str] | None:
    """Return the CloudEvents attributes of HTTP binary mode, ``None`` for structured mode and batches.

    Source: CloudEvents HTTP Protocol Binding 1.0, clause 3.1: headers with ``ce-`` are the attributes, the content type
    is ``datacontenttype``.
    """
    if f"{_CE}specversion" not in headers or content_type.lower().startswith(_STRUCTURED):
        return None
    attributes = {key[len(_CE) :]: value for key, value in headers.items() if key.startswith(_CE)}
    if content_type:
        attributes["datacontenttype"] = content_type
    return attributes


def _incoming(parts: Parts, who: Principal, body: bytes, attributes: dict[str, str] | None, now_us: int) -> Incoming:
    source = (attributes if attributes is not None else _glance(body)).get("source")
    if _is_foreign(parts, who, source):
        why = Reason.OUT_OF_SCOPE
    elif _is_own_voice(parts, source) and not who.has(Role.ADMIN):
        why = Reason.OWN_DEVICE
    else:
        return Incoming(body, "http", now_us, attributes=attributes)
    return Incoming(body, "http", now_us, origin=_NO_DEVICE, attributes=attributes, refusal=why.value)


def _split(body: bytes, content_type: str) -> Sequence[bytes]:
    """Return the events of a body, each as bytes; one that is no array goes to the door as it is."""
    if not (content_type.lower().startswith(_BATCH) or body.lstrip(_BLANK)[:1] == b"["):
        return [body]
    members = array_members(body)
    if members is None:
        return [body]
    if not 1 <= len(members) <= MOST_AT_ONCE:
        raise Refusal("batch_size", f"body: {len(members)} events: expected 1 to {MOST_AT_ONCE}.")
    return members


def array_members(body: bytes) -> list[bytes] | None:
    """Return the members of a JSON array as they were written, whatever is in them; ``None`` when it is no array.

    Only brackets, commas and strings are looked at, so that one unreadable member leaves its neighbours readable.
    """
    text = body.strip(_BLANK)
    cuts = _cuts(text)
    if cuts is None:
        return None
    members = [text[start + 1 : end].strip(_BLANK) for start, end in pairwise(cuts)]
    if members == [b""]:
        return []
    return members if all(members) else None


def _cuts(text: bytes) -> list[int] | None:
    """Return where an array opens, where its own commas stand and where it closes; ``None`` when it is no array."""
    cuts, depth = [0], 0
    if text[:1] != b"[" or text[-1:] != b"]":
        return None
    for token in _TOKEN.finditer(text):
        mark = token[0]
        depth += _DEEPER.get(mark, 0)
        if depth == 1 and mark == b",":
            cuts.append(token.start())
        elif depth == 0 and token.end() < len(text):
            return None
    return [*cuts, len(text) - 1] if depth == 0 else None


def _is_own_voice(parts: Parts, source: Any) -> bool:
    """Tell whether a source is a lab's own device, by which people at screens speak; only an admin may import those."""
    device = parts.registry.devices.get(source) if isinstance(source, str) else None
    return device is not None and device.kind == OWN_KIND


def _is_foreign(parts: Parts, who: Principal, source: Any) -> bool:
    """Tell whether an event names a source that this principal may not speak for.

    One that names none that could be read is not: the door refuses it with its own reason.
    """
    if who.labs is None:
        return False
    if not isinstance(source, str):
        return False
    lab = source_lab(source)
    return lab is None or lab not in parts.registry.labs or not who.may_see(lab)


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
