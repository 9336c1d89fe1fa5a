"""Whether the parts live: one document for people and monitors. Open to everybody, and bounded in time.

What is wrong in a laboratory is told to who may see that laboratory; everybody hears that something is.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from fastapi.responses import Response

from dashboard.api.answers import answer
from dashboard.api.asking import PartsOf
from dashboard.api.parts import Parts
from dashboard.gate import current_principal
from dashboard.troubles_told import WITHOUT_DATABASE, entry, troubles_seen, visible
from tracking.errors import StoreUnavailable
from tracking.queries.health import Vitals
from tracking.queries.troubles import FORECAST, INGEST, Trouble, ago
from tracking.queries.words import Answer, moment, seconds_since

router = APIRouter(tags=["health"])
OLD_FORECAST_S = 3600
_INGEST_DOWN = {"ingest_stopped", "ingest_silent", "broker_unreachable"}
_UNKNOWN = {"state": "unknown", "lag_s": None, "says": "Nobody can tell while the database does not answer."}


@router.get("/health")
def get_health(parts: PartsOf) -> Response:
    """Say whether database, broker, ingest and forecast work, how far behind they are, and what is wrong."""
    began_s = parts.clock.monotonic_s()
    try:
        seen = parts.lookout.vitals()
    except StoreUnavailable as error:
        return answer(_without_database(parts, error), 503)
    lag_s = round(parts.clock.monotonic_s() - began_s, 4)
    found = troubles_seen(parts.lookout, parts.clock, seen)
    states: Answer = {
        "database": _database(seen, found, lag_s),
        "broker": _broker(parts),
        "ingest": _ingest(parts, seen, found),
        "forecast": _forecast(parts, seen, found),
    }
    return answer({
        "status": _status(states, found), "version": parts.version, **states,
        "troubles": [entry(trouble) for trouble in visible(found, current_principal())],
    })  # fmt: skip


def _without_database(parts: Parts, error: StoreUnavailable) -> Answer:
    down: Answer = {"state": "down", "lag_s": None, "says": WITHOUT_DATABASE.sentence}
    if current_principal() is not None:
        down["detail"] = str(error)  # it may name addresses, which are nobody else's business
    return {
        "status": "down", "version": parts.version, "database": down, "broker": _broker(parts), "ingest": _UNKNOWN,
        "forecast": _UNKNOWN, "troubles": [entry(WITHOUT_DATABASE)],
    }  # fmt: skip


def _status(states: Answer, found: Iterable[Trouble]) -> str:
    """An ingest that was never started takes no event, where there is a broker to take them from."""
    if states["ingest"]["state"] == "down" or states["database"]["state"] == "down":
        return "down"
    if states["ingest"]["state"] == "no_data" and states["broker"]["state"] != "not_configured":
        return "degraded"
    is_degraded = any(part["state"] == "down" for part in states.values())
    return "degraded" if is_degraded or any(one.severity == "alarm" for one in found) else "ok"


def _database(seen: Vitals, found: Iterable[Trouble], lag_s: float) -> Answer:
    first = next((one for one in found if one.word in ("storage_full", "database_busy")), None)
    is_full = first is not None and first.word == "storage_full"
    says = first.sentence if first else f"The database answers; it holds {seen.position} events."
    return {"state": "down" if is_full else "up", "lag_s": lag_s, "position": seen.position, "says": says}


def _broker(parts: Parts) -> Answer:
    if parts.broker is None:
        return {"state": "not_configured", "lag_s": None, "says": "No broker is named here."}
    lag_s = parts.lookout.seconds_to(parts.broker)
    if lag_s is not None:
        return {"state": "up", "lag_s": round(lag_s, 4), "says": "The MQTT broker takes connections."}
    return {"state": "down", "lag_s": None, "says": "The MQTT broker does not answer: instruments cannot send."}


def _ingest(parts: Parts, seen: Vitals, found: Iterable[Trouble]) -> Answer:
    beat, lag_s = seen.beats.get(INGEST), seconds_since(seen.last_received_us, parts.clock.now_us())
    first = next((one for one in found if one.word in _INGEST_DOWN), None)
    state, says = "up", "Ingest takes events."
    if first is not None:
        state, says = "down", first.sentence
    elif beat is None:
        state, says = "no_data", "Ingest has not been started with this database yet."
    elif seen.last_received_us is not None:
        says = f"Ingest takes events; the last came {ago(seen.last_received_us, parts.clock)} ago."
    more = {name: beat.detail.get(name) for name in ("round_trip_ms", "waiting")} if beat else {}
    return {"state": state, "lag_s": lag_s, "last_event_at": moment(seen.last_received_us), "says": says, **more}


def _forecast(parts: Parts, seen: Vitals, found: Iterable[Trouble]) -> Answer:
    made_us = seen.last_forecast_us
    age_s = seconds_since(made_us, parts.clock.now_us())
    state = "no_data" if age_s is None else "up" if age_s <= OLD_FORECAST_S else "old"
    says = (
        "There is no forecast yet."
        if made_us is None
        else f"The last forecast was made {ago(made_us, parts.clock)} ago."
    )
    first = next((one for one in found if one.word == f"{FORECAST}_silent"), None)
    if first is not None:
        state, says = "down", first.sentence
    return {"state": state, "lag_s": age_s, "made_at": moment(made_us), "says": says}
