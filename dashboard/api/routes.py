"""Every call of the API, by module, under ``/api/v1``; and the end of the road for addresses that are none."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from dashboard.api import corrections, events, gaps, health, items, labs, metrics, rejected, reports, scans, stream
from tracking.errors import NotFound

PREFIX = "/api/v1"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def add_routes(app: FastAPI) -> None:
    """Register all calls, then the answer 404 for the rest, before Dash's catch-all can take them."""
    v1 = APIRouter(prefix=PREFIX)
    for module in (health, events, scans, items, labs, reports, rejected, corrections, gaps, stream):
        v1.include_router(module.router)
    app.include_router(v1)
    app.include_router(metrics.at_root)
    app.add_api_route("/api/{rest:path}", _no_such_call, methods=_METHODS, include_in_schema=False)


async def _no_such_call(rest: str) -> None:
    raise NotFound(f"There is no call /api/{rest[:100]}.")
