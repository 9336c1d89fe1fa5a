"""Units of time a lab file may use, in whole microseconds. Nothing random lives here."""

from typing import Literal

Unit = Literal["s", "min", "h", "d"]
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MICROSECONDS: dict[Unit, int] = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
"""Microseconds in each unit a lab file may use."""

LONGEST_US = 1000 * 365 * DAY
"""No duration is longer than a thousand years, so that every one fits a 64-bit number of microseconds."""
