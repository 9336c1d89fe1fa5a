"""Which days a lab works, and how much of an interval lies on them. Knows dates only; cases and targets are elsewhere.

Working time is elapsed time on working days, counted by whole local days: Saturday, Sunday and public holidays of the
lab's country count nothing, every other local day counts from midnight to midnight (23 or 25 hours when clocks change).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import numpy.typing as npt

from tracking.clock import DAY_US, from_us, to_us
from tracking.registry import Lab

Moments = npt.NDArray[np.int64]
_SATURDAY = 5
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


@dataclass(frozen=True, slots=True)
class _Days:
    """Local midnights of some years, and the working time that had passed at each."""

    first_year: int
    last_year: int
    midnights: Moments
    passed: Moments
    is_working: npt.NDArray[np.bool_]


class LabCalendar:
    """The working days of one place; England unless told otherwise. Public holidays come from ``holidays``."""

    def __init__(self, timezone: str = "Europe/London", country: str = "GB", subdivision: str | None = "ENG") -> None:
        self.timezone = ZoneInfo(timezone)
        self.country = country
        self.subdivision = subdivision
        self._days: _Days | None = None

    def is_working_day(self, day: date) -> bool:
        """Tell whether the lab's country works on that local date."""
        return day.weekday() < _SATURDAY and day not in _public_holidays(self.country, self.subdivision, day.year)

    def local_date(self, moment_us: int) -> date:
        """Return the lab's date at a moment (microseconds UTC)."""
        return from_us(moment_us).astimezone(self.timezone).date()

    def day_start_us(self, day: date) -> int:
        """Return the local midnight that begins a date, microseconds UTC."""
        return to_us(datetime(day.year, day.month, day.day, tzinfo=self.timezone).astimezone(UTC))

    def working_us(self, start_us: int, end_us: int) -> int:
        """Return the microseconds of working days between two moments; 0 when the end is not after the start."""
        return int(self.working_us_of(np.array([start_us]), np.array([end_us]))[0])

    def working_us_of(self, starts_us: Moments, ends_us: Moments) -> Moments:
        """Return the working microseconds of many intervals at once; 0 where the end is not after the start."""
        if not len(starts_us):
            return np.zeros(0, dtype=np.int64)
        days = self._covering(int(min(starts_us.min(), ends_us.min())), int(max(starts_us.max(), ends_us.max())))
        worked = _worked_until(days, ends_us) - _worked_until(days, starts_us)
        return np.asarray(np.maximum(worked, 0), dtype=np.int64)

    def add_working_us(self, start_us: int, working_us: int) -> int:
        """Return the last moment at which no more than ``working_us`` of working days have passed since the start."""
        calendar_us = 3 * working_us + 30 * DAY_US
        days = self._covering(start_us, start_us + calendar_us)
        wanted = int(_worked_until(days, np.array([start_us]))[0]) + working_us
        index = int(np.searchsorted(days.passed, wanted, side="right")) - 1
        return int(days.midnights[index]) + wanted - int(days.passed[index])

    def _covering(self, first_us: int, last_us: int) -> _Days:
        first, last = _year(first_us - DAY_US), _year(last_us + DAY_US)
        known = self._days
        if known is None or first < known.first_year or last > known.last_year:
            if known is not None:
                first, last = min(first, known.first_year), max(last, known.last_year)
            self._days = known = self._lay_out(first, last)
        return known

    def _lay_out(self, first_year: int, last_year: int) -> _Days:
        dates = _dates(first_year, last_year)
        midnights = np.array([self.day_start_us(day) for day in dates], dtype=np.int64)
        is_working = np.array([self.is_working_day(day) for day in dates[:-1]], dtype=np.bool_)
        lengths = np.where(is_working, np.diff(midnights), 0)
        passed = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return _Days(first_year, last_year, midnights, passed, is_working)


@lru_cache(maxsize=64)
def calendar_of(timezone: str, country: str, subdivision: str | None) -> LabCalendar:
    """Return the calendar of a place, laid out once for all its labs."""
    return LabCalendar(timezone, country, subdivision)


def lab_calendar(lab: Lab) -> LabCalendar:
    """Return a lab's calendar."""
    return calendar_of(lab.timezone, lab.country, lab.subdivision)


def _worked_until(days: _Days, moments_us: Moments) -> Moments:
    """Return how much working time had passed at each moment since the first midnight laid out."""
    index = np.clip(np.searchsorted(days.midnights, moments_us, side="right") - 1, 0, len(days.is_working) - 1)
    into_day = np.where(days.is_working[index], moments_us - days.midnights[index], 0)
    return np.asarray(days.passed[index] + into_day, dtype=np.int64)


def _year(moment_us: int) -> int:
    return min(max(from_us(moment_us).year, _FIRST_YEAR), _LAST_YEAR)


def _dates(first_year: int, last_year: int) -> list[date]:
    first = date(first_year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(last_year + 1, 1, 1) - first).days + 1)]


@lru_cache(maxsize=1024)
def _public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))
