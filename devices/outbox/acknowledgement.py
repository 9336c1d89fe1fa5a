"""What an acknowledgement says, read from its bytes. Pure; what is done about it is decided elsewhere.

``store``, ``head`` and ``at`` may be missing or unreadable: then nothing is concluded from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from devices.outbox.streams import StoreSeen
from tracking.clock import to_us


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Everything of a device's boot is stored up to ``through``; no boot: the store knows none of that device's.

    ``seen`` is the store that says so, ``at_us`` its clock (µs UTC).
    """

    source: str
    boot: str
    through: int
    seen: StoreSeen | None = None
    at_us: int | None = None


def read_acknowledgement(source: str, payload: bytes) -> Acknowledgement:
    """Return what was said to a device; raises ``ValueError``, ``KeyError`` or ``TypeError`` where it says nothing."""
    said = orjson.loads(payload)
    return Acknowledgement(source, str(said["boot"]), int(said["sequence"]), _seen(said), _moment(said.get("at")))


def _seen(said: dict[str, Any]) -> StoreSeen | None:
    store, head = said.get("store"), said.get("head")
    if not isinstance(store, str) or not store:
        return None
    return StoreSeen(store, head if isinstance(head, int) else None)


def _moment(text: object) -> int | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return to_us(moment) if moment.tzinfo is not None else None
