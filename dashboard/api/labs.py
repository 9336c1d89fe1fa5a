"""The board and one lab, live: answered from memory, caught up with the log first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from dashboard.api.answers import answer
from dashboard.api.asking import Anybody, PartsOf
from tracking.clock import to_rfc3339
from tracking.queries.scope import visible_lab

router = APIRouter(tags=["labs"])


@router.get("/labs")
def get_labs(parts: PartsOf, who: Anybody) -> Response:
    """Return every visible lab's row: work in progress, flow today, turnaround, status, forecast, devices, trends."""
    parts.board.catch_up()
    at = to_rfc3339(parts.clock.now_us())
    return answer({"position": parts.board.position, "at": at, "labs": parts.board.rows(who)})


@router.get("/labs/{lab}")
def get_lab(parts: PartsOf, who: Anybody, lab: Annotated[str, Path(max_length=40)]) -> Response:
    """Return one lab: its row, its steps, devices, turnaround by day and distribution, cases at risk, newest events."""
    visible_lab(parts.registry, who, lab)
    parts.board.catch_up()
    return answer(parts.lab_pages.detail(who, lab))
