"""Whether the parts live: one document for people and monitors, one page of figures for Prometheus."""

from __future__ import annotations

import contextlib
import socket

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from dashboard.api.answers import answer
from dashboard.api.asking import PartsOf
from dashboard.api.parts import Parts
from tracking.errors import StoreUnavailable
from tracking.queries.health import Vitals, vitals
from tracking.queries.words import Answer, moment, seconds_since

router = APIRouter(tags=["health"])
at_root = APIRouter()
QUIET_AFTER_S = 900
OLD_FORECAST_S = 3600
_TRY_BROKER_S = 0.3


@router.get("/health")
def get_health(parts: PartsOf) -> Response:
    """Say whether database, broker, ingest and forecast work, and how far behind they are. Open to everybody."""
    began_s = parts.clock.monotonic_s()
    try:
        with parts.database.reading() as connection:
            seen = vitals(connection)
    except StoreUnavailable as error:
        down = {"state": "down", "lag_s": None, "detail": str(error)}
        return answer({"status": "down", "version": parts.version, "database": down}, 503)
    lag_s = round(parts.clock.monotonic_s() - began_s, 4)
    states: Answer = {
        "database": {"state": "up", "lag_s": lag_s, "position": seen.position},
        "broker": _broker(parts), "ingest": _ingest(parts, seen), "forecast": _forecast(parts, seen),
    }  # fmt: skip
    is_degraded = any(part["state"] == "down" for part in states.values())
    return answer({"status": "degraded" if is_degraded else "ok", "version": parts.version, **states})


@at_root.get("/metrics", include_in_schema=False)
def get_metrics(parts: PartsOf) -> Response:
    """Return counts for Prometheus, text format 0.0.4."""
    with parts.database.reading() as connection:
        seen = vitals(connection)
    lag_s = seconds_since(seen.last_received_us, parts.clock.now_us())
    lines = [
        *_metric("histotwin_events_stored_total", "counter", "Events in the log.", seen.position),
        *_metric("histotwin_events_rejected_total", "counter", "Different messages refused.", seen.rejected),
        *_metric("histotwin_ingest_lag_seconds", "gauge", "Seconds since the last event came.", _number(lag_s)),
        *_metric("histotwin_board_behind_events", "gauge", "Events that the live board has not drawn yet.",
                 max(seen.position - parts.board.position, 0)),
        *_metric("histotwin_stream_viewers", "gauge", "Open live streams.", parts.live.viewers),
    ]  # fmt: skip
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


def _broker(parts: Parts) -> Answer:
    if parts.broker is None:
        return {"state": "not_configured", "lag_s": None}
    began_s = parts.clock.monotonic_s()
    with contextlib.suppress(OSError), socket.create_connection(parts.broker, timeout=_TRY_BROKER_S):
        return {"state": "up", "lag_s": round(parts.clock.monotonic_s() - began_s, 4)}
    return {"state": "down", "lag_s": None}


def _ingest(parts: Parts, seen: Vitals) -> Answer:
    """Say ``quiet``, not ``down``, when nothing came for 15 minutes: labs sleep, and nobody can tell from here."""
    age_s = seconds_since(seen.last_received_us, parts.clock.now_us())
    state = "no_data" if age_s is None else "up" if age_s <= QUIET_AFTER_S else "quiet"
    return {"state": state, "lag_s": age_s, "last_event_at": moment(seen.last_received_us)}


def _forecast(parts: Parts, seen: Vitals) -> Answer:
    age_s = seconds_since(seen.last_forecast_us, parts.clock.now_us())
    state = "no_data" if age_s is None else "up" if age_s <= OLD_FORECAST_S else "old"
    return {"state": state, "lag_s": age_s, "made_at": moment(seen.last_forecast_us)}


def _metric(name: str, kind: str, text: str, value: float) -> tuple[str, str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
