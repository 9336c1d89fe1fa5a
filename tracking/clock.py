"""Time as every part is handed it: integer microseconds UTC. Nothing else in the product reads the machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What a part may ask about time."""

    def now_us(self) -> int:
        """Return the time of day, microseconds since 1970-01-01 UTC."""

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards, for waits and back-off."""


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Return the time of day, microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards and go on while the machine sleeps, where its system counts those."""
        return time.clock_gettime(_STEADY)


def to_us(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970-01-01 UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(moment_us: int) -> datetime:
    """Return microseconds since 1970-01-01 UTC as an aware datetime, exactly."""
    return _EPOCH + timedelta(microseconds=moment_us)


def to_rfc3339(moment_us: int) -> str:
    """Return a moment as the API and the wires write it: RFC 3339, UTC, ``Z``; milliseconds unless finer."""
    precision = "milliseconds" if moment_us % 1000 == 0 else "microseconds"
    return f"{from_us(moment_us).isoformat(timespec=precision)[:-6]}Z"


class ScaledClock:
    """A clock for demonstrations: shows ``shown_us`` at another's ``since_us``, and runs ``speed`` times as fast."""

    def __init__(self, base: Clock, speed: float, since_us: int, shown_us: int) -> None:
        self._base = base
        self._speed = speed
        self._since_us = since_us
        self._shown_us = shown_us

    def now_us(self) -> int:
        """Return the time of day that is shown, microseconds since 1970-01-01 UTC."""
        return self._shown_us + round((self._base.now_us() - self._since_us) * self._speed)

    def monotonic_s(self) -> float:
        """Return unscaled seconds: waits and back-off stay real."""
        return self._base.monotonic_s()

    def real_now_us(self) -> int:
        """Return the time of day of the clock behind it, microseconds since 1970-01-01 UTC."""
        return self._base.now_us()

    @property
    def speed(self) -> float:
        """How many of its seconds pass in a second."""
        return self._speed


def real_seconds_since(clock: Clock, moment_us: int) -> float:
    """Return how many real seconds ago a clock showed a moment; negative for one that is still to come."""
    speed = clock.speed if isinstance(clock, ScaledClock) else 1.0
    return (clock.now_us() - moment_us) / SECOND_US / speed
