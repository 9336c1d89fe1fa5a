"""Gaps: what is missing of a device's events, and a named person's statement that it will not come.

The statement is an event like any other, spoken by the lab's own device through the same door; nothing is deleted.
"""

from __future__ import annotations

import uuid
from typing import Annotated

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from dashboard.api.answers import answer
from dashboard.api.asking import Anybody, Manager, PartsOf, Reading, Sentence
from dashboard.api.parts import Parts
from tracking.access import Principal
from tracking.clock import to_rfc3339
from tracking.errors import NotFound, Refusal
from tracking.names import lab_of
from tracking.offering import Incoming
from tracking.queries.gap_list import gap_list
from tracking.queries.words import Answer
from tracking.registry import OWN_DEVICE

router = APIRouter(tags=["gaps"])
CHANNEL = "screen"
Sequence = Annotated[int, Field(ge=0, lt=2**63)]


class Statement(BaseModel):
    """Sequences ``first`` to ``last`` of one start (``boot``) of a device will not come."""

    model_config = ConfigDict(extra="forbid")
    device: Annotated[str, Field(min_length=1, max_length=200)]
    boot: Annotated[str, Field(min_length=1, max_length=64)]
    first: Sequence
    last: Sequence
    reason: Sentence


@router.get("/gaps")
def get_gaps(
    parts: PartsOf, who: Anybody, connection: Reading, lab: Annotated[str | None, Query(max_length=40)] = None
) -> Response:
    """Return what is missing of each device's events, the gap known longest first."""
    return answer({"gaps": gap_list(connection, parts.registry, who, parts.clock.now_us(), lab)})


@router.post("/gaps/close")
def post_close(parts: PartsOf, who: Manager, said: Statement) -> Response:
    """State that missing events will not come; their device's acknowledgement passes them."""
    gap = _gap(parts, who, said)
    receipt = parts.door.take([_offer(parts, who, said, gap)])[0]
    return answer({
        "verdict": receipt.verdict, "reason": receipt.reason, "message": receipt.message, "id": receipt.event_id,
        "position": receipt.position,
    })  # fmt: skip


def _gap(parts: Parts, who: Principal, said: Statement) -> Answer:
    """Return the open gap that holds the range; raises ``NotFound`` or ``Refusal('not_a_gap')``."""
    with parts.database.reading() as connection:
        gaps = gap_list(connection, parts.registry, who, parts.clock.now_us())
    own = [gap for gap in gaps if (gap["device"], gap["boot"]) == (said.device, said.boot)]
    if not own:
        raise NotFound(f"Nothing is missing of {said.device!a} since its start {said.boot!a}.")
    for gap in own:
        if gap["first"] <= said.first <= said.last <= gap["last"]:
            return gap
    missing = ", ".join(f"{gap['first']} to {gap['last']}" for gap in own[:10])
    raise Refusal("not_a_gap", f"first, last: {said.first} to {said.last}: expected a range within {missing}.")


def _offer(parts: Parts, who: Principal, said: Statement, gap: Answer) -> Incoming:
    lab = parts.registry.labs.get(lab_of(gap["device"]))
    if lab is None:
        raise Refusal("unknown_lab", f"device: {said.device!a}: expected a device of a laboratory in the network file.")
    now_us = parts.clock.now_us()
    data = {**said.model_dump(), "person": who.name}
    return Incoming(orjson.dumps({
        "specversion": "1.0", "id": str(uuid.uuid4()), "source": f"/{lab.network}/{lab.id}/{OWN_DEVICE}",
        "type": "histotwin.gap.closed", "time": to_rfc3339(now_us), "datacontenttype": "application/json",
        "data": data,
    }), CHANNEL, now_us)  # fmt: skip
