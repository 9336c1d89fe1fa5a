"""Calendar months in UTC as ``2026-09``, and their ends in microseconds. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from tracking.clock import to_us

_FORM = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def is_month(text: str) -> bool:
    """Tell whether a text is a month."""
    return _FORM.fullmatch(text) is not None and not text.startswith("0000")


def month_of(moment_us: int) -> str:
    """Return the month of a moment, microseconds UTC."""
    return datetime.fromtimestamp(moment_us / 1e6, UTC).strftime("%Y-%m")


def months_later(month: str, count: int) -> str:
    """Return the month ``count`` months after another."""
    years, number = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + count, 12)
    return f"{years:04d}-{number + 1:02d}"


def end_us(month: str) -> int:
    """Return the first moment after a month, microseconds UTC."""
    following = months_later(month, 1)
    return to_us(datetime(int(following[:4]), int(following[5:]), 1, tzinfo=UTC))
