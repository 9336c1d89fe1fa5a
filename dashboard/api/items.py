"""Items, cases and the search for both."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from dashboard.api.answers import answer
from dashboard.api.asking import Anybody, PartsOf, Reading
from tracking.queries.cases import one_case
from tracking.queries.items import one_item
from tracking.search import search

router = APIRouter(tags=["items"])
Barcode = Annotated[str, Path(min_length=1, max_length=128)]
LabId = Annotated[str | None, Query(max_length=40, description="which lab, where several have that barcode")]


@router.get("/items/{barcode:path}")
def get_item(parts: PartsOf, who: Anybody, connection: Reading, barcode: Barcode, lab: LabId = None) -> Response:
    """Return what an item is, where it is since when, its next step, family, open work and every event."""
    now_us = parts.clock.now_us()
    return answer(one_item(connection, parts.registry, who, barcode, now_us=now_us, lab_id=lab))


@router.get("/cases/{case:path}")
def get_case(parts: PartsOf, who: Anybody, connection: Reading, case: Barcode, lab: LabId = None) -> Response:
    """Return a case: items, turnaround clocks, what is due, forecast, completeness."""
    now_us = parts.clock.now_us()
    return answer(one_case(connection, parts.registry, who, case, now_us=now_us, lab_id=lab))


@router.get("/search")
def get_search(
    parts: PartsOf,
    who: Anybody,
    connection: Reading,
    q: Annotated[str, Query(min_length=1, max_length=128)],
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> Response:
    """Return what an identifier, a part of one, or a raw scan names."""
    return answer(search(connection, parts.registry, who, q, now_us=parts.clock.now_us(), limit=limit))
