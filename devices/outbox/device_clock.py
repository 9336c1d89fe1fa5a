"""How far a connector's clock is from the store's, from acknowledgements. Knows no MQTT and keeps nothing on disk.

The estimate is tied to the monotonic clock, not to the time of day: however the time of day is set or jumps, the
offset is right at once. An acknowledgement says when the store committed; that lay between our sending and our hearing
it, so the estimate is wrong by half the round trip at most.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.outbox.streams import Stream
from tracking.clock import SECOND_US, Clock

LONGEST_ROUND_TRIP_US = 2 * SECOND_US


@dataclass(frozen=True, slots=True)
class _Probe:
    """One event that was never sent before, and when it was (µs of the monotonic clock)."""

    stream: Stream
    sequence: int
    sent_us: int


class DeviceClock:
    """One event at a time is a probe: from its sending to the acknowledgement that covers it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._probe: _Probe | None = None
        self._store_ahead_us: int | None = None

    @property
    def offset_us(self) -> int:
        """What has to be added to our time of day now to get the store's (µs); 0 while nothing is known."""
        ahead_us = self._store_ahead_us
        return 0 if ahead_us is None else ahead_us + self._monotonic_us() - self._clock.now_us()

    def sent(self, stream: Stream, sequence: int) -> None:
        """Take note of an event's very first sending; what was sent before may be acknowledged by an old message.

        One that has been under way for too long is a probe no more.
        """
        now_us = self._monotonic_us()
        if self._probe is None or now_us - self._probe.sent_us >= LONGEST_ROUND_TRIP_US:
            self._probe = _Probe(stream, sequence, now_us)

    def heard(self, stream: Stream, through: int, at_us: int | None) -> None:
        """Take note of an acknowledgement of everything ``through`` a sequence, committed at ``at_us`` (µs UTC)."""
        probe = self._probe
        if probe is None or probe.stream != stream or through < probe.sequence:
            return
        self._probe = None
        round_trip_us = self._monotonic_us() - probe.sent_us
        if at_us is not None and round_trip_us < LONGEST_ROUND_TRIP_US:
            self._store_ahead_us = at_us - (probe.sent_us + round_trip_us // 2)

    def _monotonic_us(self) -> int:
        return round(self._clock.monotonic_s() * SECOND_US)
