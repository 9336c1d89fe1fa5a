"""The rules of the clock estimate: right within half a round trip, however the time of day jumps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from devices.outbox.device_clock import DeviceClock
from devices.outbox.streams import Stream
from tracking.clock import HOUR_US, SECOND_US, to_us

A, B = Stream("/n/l/a", "b1"), Stream("/n/l/b", "b1")
NOW_US = to_us(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
ABSURD_US = [to_us(datetime(year, 1, 1, tzinfo=UTC)) for year in (1970, 2100)]
WRONG_BY_US = st.one_of(
    st.integers(-3 * HOUR_US, 3 * HOUR_US), st.sampled_from([HOUR_US, -HOUR_US, *(us - NOW_US for us in ABSURD_US)])
)


@dataclass
class Instrument:
    """An instrument's clock: true time passes, its time of day is wrong by something, and can be set."""

    true_us: int = NOW_US
    wrong_by_us: int = 0
    booted_us: int = NOW_US - 5 * HOUR_US

    def now_us(self) -> int:
        return self.true_us + self.wrong_by_us

    def monotonic_s(self) -> float:
        return (self.true_us - self.booted_us) / SECOND_US


def exchange(clock: DeviceClock, instrument: Instrument, out_us: int, back_us: int, sequence: int = 1) -> None:
    clock.sent(A, sequence)
    instrument.true_us += out_us
    at_us = instrument.true_us
    instrument.true_us += back_us
    clock.heard(A, sequence, at_us)


@given(wrong_by_us=WRONG_BY_US, out_us=st.integers(0, 999_999), back_us=st.integers(0, 999_999))
def test_the_offset_is_right_within_half_a_round_trip(wrong_by_us: int, out_us: int, back_us: int) -> None:
    instrument = Instrument(wrong_by_us=wrong_by_us)
    clock = DeviceClock(instrument)
    exchange(clock, instrument, out_us, back_us)
    assert abs(clock.offset_us + wrong_by_us) <= (out_us + back_us) // 2 + 5


@given(jumps=st.lists(st.tuples(WRONG_BY_US, st.integers(0, 12 * HOUR_US)), max_size=8))
def test_a_time_of_day_that_is_set_or_jumps_is_allowed_for_at_once(jumps: list[tuple[int, int]]) -> None:
    instrument = Instrument()
    clock = DeviceClock(instrument)
    exchange(clock, instrument, 1000, 1000)
    for wrong_by_us, passed_us in jumps:
        instrument.true_us += passed_us
        instrument.wrong_by_us = wrong_by_us
        assert abs(clock.offset_us + wrong_by_us) <= 1005


def test_a_jump_between_sending_and_hearing_does_no_harm() -> None:
    instrument = Instrument()
    clock = DeviceClock(instrument)
    clock.sent(A, 1)
    instrument.wrong_by_us = HOUR_US
    instrument.true_us += 2000
    clock.heard(A, 1, instrument.true_us)
    assert abs(clock.offset_us + HOUR_US) <= 2000


def test_before_anything_is_known_there_is_no_offset() -> None:
    assert DeviceClock(Instrument(wrong_by_us=HOUR_US)).offset_us == 0


@given(round_trip_us=st.integers(2 * SECOND_US, HOUR_US))
def test_an_acknowledgement_that_took_long_says_nothing(round_trip_us: int) -> None:
    instrument = Instrument(wrong_by_us=HOUR_US)
    clock = DeviceClock(instrument)
    exchange(clock, instrument, round_trip_us, 0)
    assert clock.offset_us == 0
    exchange(clock, instrument, 10, 10, sequence=2)
    assert abs(clock.offset_us + HOUR_US) <= 20


def test_only_the_acknowledgement_that_covers_the_probe_is_a_sample() -> None:
    instrument = Instrument(wrong_by_us=HOUR_US)
    clock = DeviceClock(instrument)
    clock.sent(A, 5)
    clock.sent(A, 6)
    clock.heard(B, 9, instrument.true_us)
    clock.heard(A, 4, instrument.true_us)
    assert clock.offset_us == 0
    clock.heard(A, 5, instrument.true_us)
    assert clock.offset_us == -HOUR_US


def test_a_store_that_tells_no_time_is_not_asked_further() -> None:
    instrument = Instrument(wrong_by_us=HOUR_US)
    clock = DeviceClock(instrument)
    clock.sent(A, 1)
    clock.heard(A, 1, None)
    assert clock.offset_us == 0
