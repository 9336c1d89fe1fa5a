"""When an event happened, as far as its device's clock can be trusted. Pure; the event is never refused for its time.

A clock that is wrong must not reorder what was done to tissue: an event far in the future would stand over everything
that follows, one from 1970 would close a case before it came. So a doubtful time is set aside (it stays in the event)
and the best other knowledge takes its place. The rule looks at one event alone, so that a rebuild gives the same.
"""

from __future__ import annotations

import re

from tracking.clock import SECOND_US

EARLIEST_US = 946_684_800_000_000  # 2000-01-01: before that a clock was never set
TRUSTED_WITHIN_US = 60 * SECOND_US
WARNED_FROM_US = 2 * SECOND_US
_SECONDS = re.compile(r"[+-]?\d{1,11}(\.\d{1,20})?", re.ASCII)
_LEAP_SECOND = re.compile(r"([T ]\d\d:\d\d):60(\.\d+)?", re.IGNORECASE)


def offset_us(said: object) -> int | None:
    """Return what a connector says must be added to its clock, µs, from the attribute ``clockoffset`` (seconds).

    ``None`` for what is no number: a wrong word about the clock is no reason to refuse an event.
    """
    text = said if isinstance(said, str) else str(said) if isinstance(said, int | float) else ""
    return round(float(text) * SECOND_US) if _SECONDS.fullmatch(text) else None


def moment_us(said_us: int, offset_us: int | None, received_us: int) -> int:
    """Return when an event happened: its device's time, put right by a known offset of more than a minute.

    What then lies more than a minute after its receipt, or before 2000, happened when it was received.
    """
    if offset_us is not None and abs(offset_us) > TRUSTED_WITHIN_US:
        said_us += offset_us
    if EARLIEST_US <= said_us <= received_us + TRUSTED_WITHIN_US:
        return said_us
    return received_us


def clock_off_us(said_us: int, offset_us: int | None, received_us: int) -> int:
    """Return by how much the device's clock is wrong, as one event shows it: what would have to be added, µs.

    Without an offset only a clock that is ahead can be told from an event that came late.
    """
    if offset_us is not None:
        return offset_us
    return received_us - said_us if said_us > received_us + WARNED_FROM_US else 0


def is_said_moment(said_us: int, received_us: int) -> bool:
    """Tell whether a moment inside an event, such as when a case came, can be believed."""
    return EARLIEST_US <= said_us <= received_us + TRUSTED_WITHIN_US


def without_leap_second(text: str) -> str:
    """Return a time with a leap second as the last microsecond before it, which every calendar here can hold."""
    return _LEAP_SECOND.sub(r"\1:59.999999", text)
