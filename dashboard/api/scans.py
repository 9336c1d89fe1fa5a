"""A scan at a bench: one barcode at one station becomes ``item.scanned`` through the door, answered after commit."""

from __future__ import annotations

import uuid
from typing import Annotated

import orjson
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select

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
from tracking.store.tables import event, source

router = APIRouter(tags=["scans"])


class Scan(BaseModel):
    """What a bench sends; ``id`` is made in the browser, so that sending it again counts once."""

    model_config = ConfigDict(extra="forbid")
    station: Annotated[
        str, Field(min_length=1, max_length=100, description="device, station, lab/device or lab/station")
    ]
    raw: Annotated[str, Field(min_length=1, max_length=512)]
    operator: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    id: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    time: AwareDatetime | None = None


@router.post("/scans")
def post_scan(parts: PartsOf, who: Writer, scan: Scan) -> Response:
    """Store a scan and say whether it is right here: verdict, reason, message, the item, its next step."""
    lab, device = find_station(parts.registry, who, scan.station, scan.raw)
    receipt = _take(parts, lab, device, scan)
    return answer(_told(parts, who, lab, scan.raw, receipt))


def find_station(registry: Registry, who: Principal, station: str, raw: str) -> tuple[Lab, Device]:
    """Return the device a bench names; where several labs have one, that of the lab whose barcode was read.

    Raises ``NotFound``, or ``Refusal`` when the barcode does not tell the labs apart.
    """
    lab_id, _, name = station.rpartition("/")
    labs = visible_labs(registry, who, lab_id.rpartition("/")[2] or None)
    found = [(lab, device) for lab in labs if (device := _device_at(lab, name)) is not None]
    if not found:
        raise NotFound(f"There is no station {station!a}.")
    if len(found) > 1:
        found = [(lab, device) for lab, device in found if _is_own(lab, raw)]
    if len(found) != 1:
        raise Refusal("ambiguous_station", f"station: {station!r}: expected lab/device; several labs have one.")
    return found[0]


def _device_at(lab: Lab, name: str) -> Device | None:
    """Return the device of that name, or else the one that stands for the station of that name: a reader, if any."""
    if name in lab.devices:
        return lab.devices[name]
    at_station = [device for device in lab.devices.values() if device.station == name]
    return min(at_station, key=lambda device: device.kind != "reader", default=None)


def _is_own(lab: Lab, raw: str) -> bool:
    try:
        lab.grammar.read(raw)
    except Refusal:
        return False
    return True


def _take(parts: Parts, lab: Lab, device: Device, scan: Scan) -> Receipt:
    """Offer a scan; one sent again without its time is the same scan, so it is offered with the time that is stored."""
    if scan.time is not None:
        return _offer(parts, lab, device, scan, to_us(scan.time))
    before_us = _stored_time_us(parts, device, scan)
    receipt = _offer(parts, lab, device, scan, parts.clock.now_us() if before_us is None else before_us)
    if receipt.fate == "conflict" and before_us is None:  # the same scan was being stored at the same moment
        before_us = _stored_time_us(parts, device, scan)
        return receipt if before_us is None else _offer(parts, lab, device, scan, before_us)
    return receipt


def _offer(parts: Parts, lab: Lab, device: Device, scan: Scan, time_us: int) -> Receipt:
    body = scan_event(lab, device, scan, time_us)
    return parts.door.take([Incoming(body, "http", parts.clock.now_us(), origin=device.source)])[0]


def _stored_time_us(parts: Parts, device: Device, scan: Scan) -> int | None:
    """Return when a scan with this ``id`` happened; ``None`` when there is none yet."""
    if scan.id is None or "\x00" in scan.id:
        return None
    query = select(event.c.time_us).join(source, source.c.id == event.c.source_id)
    with parts.database.reading() as connection:
        found = connection.execute(query.where(source.c.path == device.source, event.c.event_id == scan.id))
        return found.scalar_one_or_none()


def scan_event(lab: Lab, device: Device, scan: Scan, time_us: int) -> bytes:
    """Return the CloudEvent of a scan; what was read stays in ``raw``, the subject is the item's one right name."""
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
