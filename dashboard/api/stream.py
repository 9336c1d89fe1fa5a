"""The live stream: which topics, who may see them, and the headers that keep proxies from holding it back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from dashboard.api.asking import Anybody, PartsOf
from dashboard.live import Topics
from tracking.access import Principal
from tracking.errors import Refusal
from tracking.queries.scope import visible_lab
from tracking.registry import Registry

router = APIRouter(tags=["stream"])
_HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
_KNOWN = "board, lab/ID, troubles, alerts"
_PLAIN = {"board", "troubles", "alerts"}
_MOST_TOPICS = 40


@router.get("/stream")
async def get_stream(
    request: Request,
    parts: PartsOf,
    who: Anybody,
    topics: Annotated[str, Query(max_length=2000, description=f"{_KNOWN}; comma-separated")] = "board",
) -> StreamingResponse:
    """Stream server-sent events: a snapshot of each topic first, then what changes."""
    topics_chosen = chosen(parts.registry, who, topics)
    still_valid = request.scope["state"].get("still_valid")
    frames = parts.live.read(who, topics_chosen, still_valid=still_valid)
    return StreamingResponse(frames, media_type="text/event-stream", headers=_HEADERS)


def chosen(registry: Registry, who: Principal, topics: str) -> Topics:
    """Return what is asked for; raises ``NotFound`` or ``Refusal('unknown_topic')``."""
    wanted = {topic.strip() for topic in topics.split(",") if topic.strip()} or {"board"}
    labs = {topic.removeprefix("lab/") for topic in wanted if topic.startswith("lab/")}
    unknown = {topic for topic in wanted if topic not in _PLAIN and not topic.startswith("lab/")}
    if unknown or len(wanted) > _MOST_TOPICS:
        raise Refusal("unknown_topic", f"topics: {topics[:80]!r}: expected at most {_MOST_TOPICS} of {_KNOWN}.")
    visible = frozenset(visible_lab(registry, who, lab).id for lab in labs)
    return Topics("board" in wanted, visible, "troubles" in wanted)
