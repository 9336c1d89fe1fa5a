"""How answers are written: moments as RFC 3339, durations as rounded hours or seconds, stored JSON as values. Pure."""

from __future__ import annotations

from typing import Any

import orjson

from tracking.clock import HOUR_US, SECOND_US, to_rfc3339

Answer = dict[str, Any]
"""A JSON object ready to be sent: times RFC 3339 UTC, durations in fields named ``…_h`` and ``…_s``."""


def moment(moment_us: int | None) -> str | None:
    """Return a stored moment as RFC 3339, UTC."""
    return None if moment_us is None else to_rfc3339(moment_us)


def hours(duration_us: int | float | None) -> float | None:
    """Return microseconds as hours, to the second decimal."""
    return None if duration_us is None else round(duration_us / HOUR_US, 2)


def rounded(value: float | None, digits: int = 2) -> float | None:
    """Return a figure as it is shown."""
    return None if value is None else round(value, digits)


def seconds_since(moment_us: int | None, now_us: int) -> float | None:
    """Return how long ago a moment was, seconds; never negative."""
    return None if moment_us is None else round(max(now_us - moment_us, 0) / SECOND_US, 1)


def hours_since(moment_us: int | None, now_us: int) -> float | None:
    """Return how long ago a moment was, hours; never negative."""
    return None if moment_us is None else hours(max(now_us - moment_us, 0))


def from_json(text: str | bytes | None) -> Any:
    """Return a stored JSON text as values; ``None`` for nothing or for what is no JSON."""
    try:
        return None if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
