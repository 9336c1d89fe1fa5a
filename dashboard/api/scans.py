"""A scan at a bench: one barcode at one station becomes ``item.scanned`` through the door, answered after commit."""

from __future__ import annotations

import uuid
from typing import Annotated

import orjson
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dashboard.api.answers import answer
from dashboard.api.asking import PartsOf, Writer
from dashboard.api.parts import Parts
from tracking.access import Principal
from tracking.clock import to_rfc3339, to_us
from tracking.door import Incoming, Receipt
from tracking.errors import NotFound, Refusal
from tracking.queries.items import canonical, find_rows, summary
from tracking.queries.scope import visible_labs
from tracking.queries.stages import Route
from tracking.queries.words import Answer
from tracking.registry import Device, Lab, Registry

router = APIRouter(tags=["scans"])


class Scan(BaseModel):
    """What a bench sends; ``id`` is made in the browser, so that sending it again counts once."""

    model_config = ConfigDict(extra="forbid")
    station: Annotated[str, Field(min_length=1, max_length=100, description="device, or lab/device")]
    raw: Annotated[str, Field(min_length=1, max_length=512)]
    operator: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    id: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    time: AwareDatetime | None = None


@router.post("/scans")
def post_scan(parts: PartsOf, who: Writer, scan: Scan) -> Response:
    """Store a scan and say whether it is right here: verdict, reason, message, the item, its next step."""
    lab, device = find_station(parts.registry, who, scan.station)
    now_us = parts.clock.now_us()
    body = scan_event(lab, device, scan, now_us)
    receipt = parts.door.take([Incoming(body, "http", now_us, origin=device.source)])[0]
    return answer(_told(parts, who, lab, scan.raw, receipt))


def find_station(registry: Registry, who: Principal, station: str) -> tuple[Lab, Device]:
    """Return the device a bench names; raises ``NotFound``, or ``Refusal`` when several labs have one of that name."""
    lab_id, _, name = station.rpartition("/")
    labs = visible_labs(registry, who, lab_id.rpartition("/")[2] or None)
    found = [(lab, lab.devices[name]) for lab in labs if name in lab.devices]
    if not found:
        raise NotFound(f"There is no station {station!a}.")
    if len(found) > 1:
        raise Refusal("ambiguous_station", f"station: {station!r}: expected lab/device; several labs have one.")
    return found[0]


def scan_event(lab: Lab, device: Device, scan: Scan, now_us: int) -> bytes:
    """Return the CloudEvent of a scan; what was read stays in ``raw``, the subject is the item's one right name."""
    time_us = to_us(scan.time) if scan.time else now_us
    data = {"station": device.station, "raw": scan.raw, **({"operator": scan.operator} if scan.operator else {})}
    return orjson.dumps({
        "specversion": "1.0", "id": scan.id or str(uuid.uuid4()), "source": device.source,
        "type": "histotwin.item.scanned", "subject": canonical(lab, scan.raw)[:128], "time": to_rfc3339(time_us),
        "datacontenttype": "application/json", "data": data,
    })  # fmt: skip


def _told(parts: Parts, who: Principal, lab: Lab, raw: str, receipt: Receipt) -> Answer:
    item: Answer | None = None
    with parts.database.reading() as connection:
        for found_in, row in find_rows(connection, parts.registry, who, raw, None):
            if item is None or found_in.id == lab.id:
                item = summary(found_in, Route(found_in.route), row, parts.clock.now_us())
    return {
        "verdict": receipt.verdict, "reason": receipt.reason, "message": receipt.message, "item": item,
        "next_step": item["next_step"] if item else None, "print": [], "id": receipt.event_id,
        "position": receipt.position,
    }  # fmt: skip
