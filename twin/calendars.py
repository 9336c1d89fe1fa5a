"""When people are there: shifts, pauses and public holidays of a lab's zone as capacity changes in UTC microseconds.

No simulation and no present time: every question names its moment.
"""

from bisect import bisect_right
from collections.abc import Container, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from twin.distributions import HOUR
from twin.lab import DAYS, Day, Lab, Pause, Profile, Shift, StaffGroup

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
WEEK_HOURS = 168
_LONGEST_DAYS = 366 * 200

Interval = tuple[int, int, int]
"""Start and end in µs UTC, and how many people."""


def to_us(moment: datetime) -> int:
    """Return an aware datetime as microseconds since 1970 UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(moment_us: int) -> datetime:
    """Return microseconds since 1970 as an aware UTC datetime, exactly."""
    return _EPOCH + timedelta(microseconds=moment_us)


class Timetable:
    """A lab's calendar, computed day by day when asked and kept, so that replications share it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._zone = ZoneInfo(lab.timezone)
        self._holidays = _holidays(lab)
        self.at = lru_cache(maxsize=4096)(self._moment)
        self._day_changes = lru_cache(maxsize=None)(self._changes_on)
        self._rates = lru_cache(maxsize=None)(self._rates_from)

    @property
    def start_us(self) -> int:
        """The moment (µs) a run of this lab begins when nobody says otherwise."""
        return self.at(self._lab.run.start, 0)

    def local_date(self, moment_us: int) -> date:
        """Return the lab's local date at a moment."""
        return from_us(moment_us).astimezone(self._zone).date()

    def is_holiday(self, day: date) -> bool:
        """Tell whether a date is a public holiday of the lab."""
        return day in self._holidays

    def _moment(self, day: date, minutes: int) -> int:
        """Return the moment (µs) of a local wall-clock time; 24:00 is the next midnight, DST is honoured."""
        days, rest = divmod(minutes, 24 * 60)
        wall = datetime(day.year, day.month, day.day, rest // 60, rest % 60, tzinfo=self._zone) + timedelta(days=days)
        return to_us(wall.astimezone(UTC))

    def capacity(self, group: str, moment_us: int) -> int:
        """Return how many people of a staff group are present at a moment."""
        people = self._lab.staff[group].people
        if people is not None:
            return people
        day = self.local_date(moment_us)
        changes = [*self._day_changes(group, day - timedelta(days=1)), *self._day_changes(group, day)]
        index = bisect_right([at for at, _ in changes], moment_us)
        return changes[index - 1][1] if index else 0

    def capacity_changes(self, group: str, after_us: int) -> Iterator[tuple[int, int]]:
        """Yield, for ever, each later moment (µs) and the capacity from then on."""
        if self._lab.staff[group].people is not None:
            return
        present = self.capacity(group, after_us)
        day = self.local_date(after_us)
        for _ in range(_LONGEST_DAYS):
            for at, people in self._day_changes(group, day):
                if at > after_us and people != present:
                    yield at, people
                    present = people
            day += timedelta(days=1)

    def clock_times(self, times: tuple[int, ...], days: tuple[Day, ...], after_us: int) -> Iterator[int]:
        """Yield, for ever, the later moments (µs) of local clock times on such days, never on a public holiday."""
        day = self.local_date(after_us)
        for _ in range(_LONGEST_DAYS if times else 0):
            if DAYS[day.weekday()] in days and not self.is_holiday(day):
                for minutes in sorted(times):
                    at = self.at(day, minutes)
                    if at > after_us:
                        yield at
            day += timedelta(days=1)

    def hourly_shares(self, profile: Profile, start_us: int) -> list[float]:
        """Return, for the 168 hours from a whole UTC hour (µs), each hour's share of an ordinary week's cases."""
        return self._rates(profile, start_us)

    def _rates_from(self, profile: Profile, start_us: int) -> list[float]:
        week = np.array([profile.hours(day) for day in DAYS]) / profile.total()
        shares = []
        for hour in range(WEEK_HOURS):
            local = from_us(start_us + hour * HOUR).astimezone(self._zone)
            weekday = 6 if self.is_holiday(local.date()) else local.weekday()
            shares.append(float(week[weekday, local.hour]))
        return shares

    def _changes_on(self, group: str, day: date) -> list[tuple[int, int]]:
        staff = self._lab.staff[group]
        present = self._intervals(staff, staff.shifts, day)
        away = self._intervals(staff, staff.pauses, day)
        start, end = self.at(day, 0), self.at(day, 24 * 60)
        edges = {start} | {edge for interval in (*present, *away) for edge in interval[:2]}
        return [(edge, _people_at(edge, present, away)) for edge in sorted(edges) if start <= edge < end]

    def _intervals(self, staff: StaffGroup, parts: tuple[Shift, ...] | tuple[Pause, ...], day: date) -> list[Interval]:
        found = []
        for start_day in (day - timedelta(days=1), day):
            for part in parts:
                if self._applies(part, start_day):
                    overnight = part.end <= part.start
                    end = self.at(start_day + timedelta(days=1) if overnight else start_day, part.end)
                    found.append((self.at(start_day, part.start), end, _head_count(part, staff)))
        return found

    def _applies(self, part: Shift | Pause, day: date) -> bool:
        works = isinstance(part, Pause) or part.holidays or not self.is_holiday(day)
        return works and DAYS[day.weekday()] in part.days


def _holidays(lab: Lab) -> Container[date]:
    if lab.holidays == "none":
        return ()
    return holidays.country_holidays(lab.holidays.country, subdiv=lab.holidays.subdivision)


def _head_count(part: Shift | Pause, staff: StaffGroup) -> int:
    return sum(shift.people for shift in staff.shifts) if part.people is None else part.people


def _people_at(edge: int, present: list[Interval], away: list[Interval]) -> int:
    here = sum(people for start, end, people in present if start <= edge < end)
    gone = sum(people for start, end, people in away if start <= edge < end)
    return max(here - gone, 0)


def most_people(staff: StaffGroup) -> int:
    """Return an upper bound of how many people of a group can be present at once."""
    return staff.people or sum(shift.people for shift in staff.shifts)
