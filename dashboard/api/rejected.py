"""Refused events: see why with all bytes, offer them again through the same door, set them aside, take them up again.

Everybody may read within their scope; to change anything takes a manager, whose name is kept with what was done.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from dashboard.api.answers import answer
from dashboard.api.asking import Anybody, Manager, PartsOf, Reading, Sentence, require_storable
from dashboard.api.parts import Parts
from tracking.access import Principal
from tracking.queries.rejected_list import (
    Wanted,
    one_rejected,
    rejected_bytes,
    rejected_counts,
    rejected_ids,
    rejected_page,
    require_visible,
)
from tracking.queries.words import Answer
from tracking.store.refused import OPEN
from tracking.store.replays import Replay, Replays

router = APIRouter(tags=["refused events"])
MOST_AT_ONCE = 5_000
LabId = Annotated[str | None, Query(max_length=40)]
Reason = Annotated[Annotated[str, AfterValidator(require_storable)] | None, Query(max_length=64)]
State = Literal["open", "replayed", "dismissed", "all"]
Number = Annotated[int, Path(ge=1, lt=2**63)]
Ids = Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(min_length=1, max_length=MOST_AT_ONCE)]


class ReplayOrder(BaseModel):
    """Which refused events to offer again: by number, or all open ones of a lab and a reason."""

    model_config = ConfigDict(extra="forbid")
    ids: Ids | None = None
    lab: Annotated[str | None, Field(max_length=40)] = None
    reason: Annotated[str, Field(max_length=64), AfterValidator(require_storable)] | None = None
    state: Literal["open"] = "open"
    after: Annotated[int, Field(ge=0, lt=2**63)] = 0
    dry_run: bool = False

    @model_validator(mode="after")
    def _names_some(self) -> ReplayOrder:
        if self.ids is None and self.lab is None and self.reason is None:
            raise ValueError("ids, or a lab, or a reason")
        return self


class DismissOrder(BaseModel):
    """Which refused events to set aside, or to take up again, and why."""

    model_config = ConfigDict(extra="forbid")
    ids: Ids
    note: Sentence


@router.get("/rejected-events")
def get_rejected(
    parts: PartsOf,
    who: Anybody,
    connection: Reading,
    lab: LabId = None,
    reason: Reason = None,
    state: State = "open",
    q: Annotated[Annotated[str, AfterValidator(require_storable)] | None, Query(max_length=200)] = None,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Return a page of what was refused, the last that came first, and how many there are by state and reason."""
    wanted = Wanted(lab, reason, state, q)
    page = rejected_page(connection, parts.registry, who, wanted, before=before, limit=limit)
    return answer({
        "rejected": page, "next_before": page[-1]["id"] if len(page) == limit else None,
        "counts": rejected_counts(connection, parts.registry, who, wanted),
    })  # fmt: skip


@router.get("/rejected-events/{number}")
def get_one_rejected(parts: PartsOf, who: Anybody, connection: Reading, number: Number) -> Response:
    """Return one refused event with all its bytes, what could be corrected, and how it differs from what is stored."""
    return answer(one_rejected(connection, parts.registry, who, number))


@router.get("/rejected-events/{number}/bytes")
def get_rejected_bytes(parts: PartsOf, who: Anybody, connection: Reading, number: Number) -> Response:
    """Return the bytes of one refused event as they came."""
    headers = {"Content-Disposition": f'attachment; filename="refused-{number}.bin"'}
    body = rejected_bytes(connection, parts.registry, who, number)
    return Response(body, media_type="application/octet-stream", headers=headers)


@router.post("/rejected-events/replay")
def post_replay(parts: PartsOf, who: Manager, order: ReplayOrder) -> Response:
    """Offer refused events again; say of each what became of it, or with ``dry_run`` what would.

    At most 5,000 at once; where more are meant, go on with ``after`` from ``next_after``.
    """
    ids = _ids(parts, who, order)
    replays = Replays(parts.database, parts.door, parts.clock)
    told = replays.rehearse(ids) if order.dry_run else replays.replay(ids, who.name)
    is_last = order.ids is not None or len(ids) < MOST_AT_ONCE
    return answer({
        "dry_run": order.dry_run, "results": [_told(one) for one in told], "counts": _counts(told),
        "next_after": None if is_last else ids[-1],
    })  # fmt: skip


@router.post("/rejected-events/dismiss")
def post_dismiss(parts: PartsOf, who: Manager, order: DismissOrder) -> Response:
    """Set open refused events aside, with the reason of a named person. They stay in the list."""
    _require_visible(parts, who, order.ids)
    told = Replays(parts.database, parts.door, parts.clock).dismiss(order.ids, who.name, order.note)
    return answer({"results": [_told(one) for one in told]})


@router.post("/rejected-events/reopen")
def post_reopen(parts: PartsOf, who: Manager, order: DismissOrder) -> Response:
    """Take up again what was set aside."""
    _require_visible(parts, who, order.ids)
    told = Replays(parts.database, parts.door, parts.clock).reopen(order.ids, who.name, order.note)
    return answer({"results": [_told(one) for one in told]})


def _ids(parts: Parts, who: Principal, order: ReplayOrder) -> list[int]:
    if order.ids is not None:
        ids = sorted(set(order.ids))
        _require_visible(parts, who, ids)
        return ids
    with parts.database.reading() as connection:
        wanted = Wanted(order.lab, order.reason, OPEN)
        return rejected_ids(connection, parts.registry, who, wanted, after=order.after, limit=MOST_AT_ONCE)


def _require_visible(parts: Parts, who: Principal, ids: list[int]) -> None:
    with parts.database.reading() as connection:
        require_visible(connection, parts.registry, who, ids)


def _told(one: Replay) -> Answer:
    receipt: Any = one.receipt
    said = None if receipt is None else {
        "fate": receipt.fate, "verdict": receipt.verdict, "reason": receipt.reason, "message": receipt.message,
        "event_id": receipt.event_id, "source": receipt.source, "position": receipt.position,
    }  # fmt: skip
    return {"id": one.id, "state": one.state, "position": one.position, "receipt": said}


def _counts(told: list[Replay]) -> dict[str, int]:
    fates = [one.receipt.fate if one.receipt else "left_alone" for one in told]
    return {fate: fates.count(fate) for fate in sorted(set(fates))}
