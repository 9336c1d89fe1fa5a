"""When an event happened, as far as its device's clock can be trusted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.clock import DAY_US, HOUR_US, SECOND_US
from tracking.moments import EARLIEST_US, clock_off_us, is_said_moment, moment_us, offset_us, without_leap_second

RECEIVED_US = 1_795_253_400_000_000  # 21 November 2026, 09:30 UTC
MINUTE_US = 60 * SECOND_US
CENTURY_US = 100 * 365 * DAY_US
SAID = st.integers(-(60 * CENTURY_US), 80 * CENTURY_US)
OFFSETS = st.none() | st.integers(-(10**17), 10**17)


@pytest.mark.parametrize(
    ("said", "offset", "happened"),
    [
        (-2 * SECOND_US, None, -2 * SECOND_US),
        (-7 * DAY_US, None, -7 * DAY_US),
        (MINUTE_US, None, MINUTE_US),
        (MINUTE_US + 1, None, 0),
        (HOUR_US, None, 0),
        (CENTURY_US, None, 0),
        (EARLIEST_US - RECEIVED_US, None, EARLIEST_US - RECEIVED_US),
        (EARLIEST_US - RECEIVED_US - 1, None, 0),
        (-RECEIVED_US, None, 0),
        (HOUR_US - SECOND_US, -HOUR_US, -SECOND_US),
        (-HOUR_US - SECOND_US, HOUR_US, -SECOND_US),
        (-3 * HOUR_US, -HOUR_US, -4 * HOUR_US),
        (-SECOND_US, MINUTE_US, -SECOND_US),
        (-RECEIVED_US, RECEIVED_US - SECOND_US, -SECOND_US),
        (-SECOND_US, 10**17, 0),
        (-SECOND_US, -(10**17), 0),
    ],
    ids=[
        "right", "a week late", "a minute ahead", "over a minute ahead", "an hour ahead", "next century", "2000",
        "before 2000", "1970", "an hour ahead, known", "an hour behind, known", "three hours late, an hour ahead",
        "off by a minute at most", "1970, known", "an offset too large", "an offset too low",
    ],
)  # fmt: skip
def test_an_event_happened_when_its_clock_says_where_that_can_be(said: int, offset: int | None, happened: int) -> None:
    assert moment_us(RECEIVED_US + said, offset, RECEIVED_US) == RECEIVED_US + happened


@given(SAID, OFFSETS)
def test_no_event_happened_before_2000_or_more_than_a_minute_after_it_came(said_us: int, offset: int | None) -> None:
    assert EARLIEST_US <= moment_us(said_us, offset, RECEIVED_US) <= RECEIVED_US + MINUTE_US


@given(st.integers(0, 30 * DAY_US), st.integers(-10 * DAY_US, 10 * DAY_US))
def test_a_known_offset_of_more_than_a_minute_gives_the_true_moment_back(late_us: int, ahead_us: int) -> None:
    true_us = RECEIVED_US - late_us
    found = moment_us(true_us + ahead_us, -ahead_us, RECEIVED_US)
    assert abs(found - true_us) <= MINUTE_US
    if abs(ahead_us) > MINUTE_US:
        assert found == true_us


@pytest.mark.parametrize(
    ("said", "offset"),
    [
        ("-3599.82", -3_599_820_000), ("+3600", HOUR_US), ("0", 0), (2.5, 2_500_000), (-7, -7_000_000),
        ("99999999999", 99_999_999_999_000_000), ("-1.2345678", -1_234_568),
        ("", None), ("soon", None), ("1e9", None), ("3600 s", None), ("٣٦٠٠", None), ("NaN", None), ("9" * 12, None),
        (10**12, None), (1e300, None), (True, None), (None, None), ([3600], None), ({"s": 1}, None),
        ("1." + "2" * 21, None),
    ],
)  # fmt: skip
def test_an_offset_is_decimal_seconds_and_anything_else_is_not_said(said: object, offset: int | None) -> None:
    assert offset_us(said) == offset


@given(SAID)
def test_a_clock_is_wrong_by_what_its_connector_says_or_as_far_as_it_is_ahead(said_us: int) -> None:
    assert clock_off_us(said_us, -HOUR_US, RECEIVED_US) == -HOUR_US
    ahead_us = said_us - RECEIVED_US
    assert clock_off_us(said_us, None, RECEIVED_US) == (-ahead_us if ahead_us > 2 * SECOND_US else 0)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.999999Z"),
        ("2016-12-31 23:59:60+00:00", "2016-12-31 23:59:59.999999+00:00"),
        ("2017-01-01t00:59:60+01:00", "2017-01-01t00:59:59.999999+01:00"),
        ("2016-12-31T23:60:00Z", "2016-12-31T23:60:00Z"),
        ("2016-12-31T22:58:59Z", "2016-12-31T22:58:59Z"),
    ],
)
def test_a_leap_second_is_the_last_moment_before_it(text: str, read: str) -> None:
    assert without_leap_second(text) == read


def test_a_moment_inside_an_event_is_believed_where_an_events_own_would_be() -> None:
    assert is_said_moment(RECEIVED_US - CENTURY_US // 5, RECEIVED_US)
    assert not is_said_moment(RECEIVED_US + MINUTE_US + 1, RECEIVED_US)
    assert not is_said_moment(0, RECEIVED_US)
