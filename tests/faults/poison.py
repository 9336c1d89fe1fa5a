"""The sixteen kinds of message that have ended or jammed an ingest somewhere: their topics and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

ROOM = "histotwin/bcps/rl4/check-1/event"
ELSEWHERE = "histotwin/bcps/atlantis/check-1/event"
SOURCE = "/bcps/rl4/check-1"


@dataclass(frozen=True, slots=True)
class Dose:
    """One message that must not be stored as an event, and must be kept with its bytes in the rejected list."""

    kind: str
    topic: str
    body: bytes
    is_retained: bool = False


def doses() -> tuple[Dose, ...]:
    """Return one message of each kind; no two have the same bytes. The retained one comes first."""
    return (
        Dose("retained event", ROOM, _event("retained"), is_retained=True),
        *(Dose(kind, ROOM, body) for kind, body in _BODIES.items()),
        Dose("unknown laboratory", ELSEWHERE, _event("elsewhere", source="/bcps/atlantis/check-1")),
    )


def _document(name: str, **changed: Any) -> dict[str, Any]:
    whole = {
        "specversion": "1.0", "id": f"poison-{name}", "source": SOURCE, "type": "histotwin.step.completed",
        "subject": "S26-999999-A", "time": "2026-11-20T10:00:00Z", "data": {"step": "cut_up", "operator": name},
    }  # fmt: skip
    return {key: value for key, value in {**whole, **changed}.items() if value is not None}


def _event(name: str, **changed: Any) -> bytes:
    return orjson.dumps(_document(name, **changed))


def _spoilt(name: str, instead: bytes) -> bytes:
    """Return a document whose operator's text, quotes included, is other bytes."""
    return _event(name).replace(orjson.dumps(name).join([b":", b"}"]), b":" + instead + b"}")


_BODIES: Mapping[str, bytes] = {
    "not UTF-8": _spoilt("latin", b'"M\xfcller"'),
    "NUL character": _spoilt("nul", b'"bms\\u0000 7"'),
    "lone surrogate": _spoilt("surrogate", b'"bms \\ud800"'),
    "NaN": _spoilt("nan", b"NaN"),
    "nested 100,000 deep": _spoilt("deep", b"[" * 100_000 + b"]" * 100_000),
    "integer of 2^63": _spoilt("wide", b"9223372036854775808"),
    "year 10000": _event("year", time="10000-01-01T00:00:00Z"),
    "not JSON": b"S26-999999-A at cut-up\r\n",
    "JSON array": b"[" + _event("array") + b"]",
    "empty": b"",
    "70 kB": _event("large", data={"step": "cut_up", "operator": "x" * 70_000}),
    "unknown type": _event("type", type="histotwin.step.pondered"),
    "missing field": _event("missing", data={"operator": "missing"}),
    "another device's source": _event("source", source="/bcps/rl4/microtome-1"),
}


def forged(body: bytes, mark: str, value: int) -> bytes:
    """Return an event's document under the same identity with other content: ``mark`` in its data becomes ``value``."""
    document = orjson.loads(body)
    document["data"][mark] = value
    return orjson.dumps(document)
