"""What must hold of working time, whatever the dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking.clock import DAY_US, HOUR_US, to_us
from tracking.turnaround.calendar import LabCalendar

ENGLAND = LabCalendar()
LONDON = ZoneInfo("Europe/London")
moments = st.integers(to_us(datetime(2019, 1, 1, tzinfo=UTC)), to_us(datetime(2031, 1, 1, tzinfo=UTC)))


def at(*parts: int) -> int:
    return to_us(datetime(*parts, tzinfo=LONDON))  # type: ignore[arg-type]


def by_hand_us(start_us: int, end_us: int) -> int:
    """The definition, hour for hour of local days, as slowly as can be."""
    day = ENGLAND.local_date(start_us)
    total = 0
    while ENGLAND.day_start_us(day) < end_us:
        begin, after = ENGLAND.day_start_us(day), ENGLAND.day_start_us(day + timedelta(days=1))
        if ENGLAND.is_working_day(day):
            total += max(min(after, end_us) - max(begin, start_us), 0)
        day += timedelta(days=1)
    return total


@settings(deadline=None)
@given(moments, moments)
def test_working_time_is_never_more_than_elapsed_time(a: int, b: int) -> None:
    assert 0 <= ENGLAND.working_us(min(a, b), max(a, b)) <= abs(a - b)


@settings(deadline=None)
@given(moments, st.integers(0, 40 * DAY_US))
def test_working_time_agrees_with_the_definition_day_by_day(start_us: int, length_us: int) -> None:
    assert ENGLAND.working_us(start_us, start_us + length_us) == by_hand_us(start_us, start_us + length_us)


@settings(deadline=None)
@given(moments, st.integers(0, 60 * DAY_US), st.integers(0, 60 * DAY_US))
def test_working_time_adds_up(start_us: int, first_us: int, second_us: int) -> None:
    middle, end = start_us + first_us, start_us + first_us + second_us
    whole = ENGLAND.working_us(start_us, middle) + ENGLAND.working_us(middle, end)
    assert ENGLAND.working_us(start_us, end) == whole


@settings(deadline=None)
@given(moments, st.integers(0, 30 * DAY_US))
def test_adding_working_time_is_the_inverse_of_measuring_it(start_us: int, working_us: int) -> None:
    due = ENGLAND.add_working_us(start_us, working_us)
    assert ENGLAND.working_us(start_us, due) == working_us
    assert ENGLAND.working_us(start_us, due + 1) == working_us + 1


def test_a_weekend_does_not_count() -> None:
    assert ENGLAND.working_us(at(2026, 11, 20, 17), at(2026, 11, 23, 9)) == 16 * HOUR_US


@pytest.mark.parametrize("day", [date(2026, 12, 25), date(2026, 12, 28), date(2026, 4, 3), date(2026, 8, 31)])
def test_english_bank_holidays_do_not_count(day: date) -> None:
    assert not ENGLAND.is_working_day(day)


def test_scotland_works_on_easter_monday_when_england_does_not() -> None:
    easter_monday = date(2026, 4, 6)
    assert LabCalendar(subdivision="SCT").is_working_day(easter_monday)
    assert not ENGLAND.is_working_day(easter_monday)


def test_a_working_day_has_23_or_25_hours_when_clocks_change() -> None:
    """Cairo changes its clocks on a Friday, so that the change falls on a day that counts."""
    egypt = LabCalendar("Africa/Cairo", "EG", None)
    day = date(2026, 4, 24)
    start = egypt.day_start_us(day)
    assert egypt.day_start_us(day + timedelta(days=1)) - start == 23 * HOUR_US
    assert egypt.working_us(start, start + 23 * HOUR_US) == 23 * HOUR_US


def test_a_night_in_which_clocks_change_counts_nothing_extra_on_a_sunday() -> None:
    for sunday in ((2026, 3, 29), (2026, 10, 25)):
        friday = date(*sunday) - timedelta(days=2)
        monday = date(*sunday) + timedelta(days=1)
        start = to_us(datetime(friday.year, friday.month, friday.day, 12, tzinfo=LONDON))
        end = to_us(datetime(monday.year, monday.month, monday.day, 12, tzinfo=LONDON))
        assert ENGLAND.working_us(start, end) == 24 * HOUR_US


def test_many_cases_at_once_give_what_each_alone_gives() -> None:
    starts = np.linspace(at(2024, 1, 1), at(2026, 1, 1), 500).astype(np.int64)
    ends = starts + 9 * DAY_US
    alone = [ENGLAND.working_us(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
    assert ENGLAND.working_us_of(starts, ends).tolist() == alone
