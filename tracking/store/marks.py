"""Up to which sequence everything of a device is stored, and what the device last said of itself. Pure.

The first sequence of a boot is 1 (0 is tolerated). What was refused but named its device, boot and sequence counts as
stored, because it stands in the rejected list: otherwise its sender would resend it for ever. What a named person has
stated will not come counts as stored too.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

import orjson

from tracking.moments import clock_off_us
from tracking.touches import OrderKey


@dataclass(slots=True)
class Watermark:
    """``contiguous``: all up to here; ``beyond``: closed ranges above it, ascending, with gaps between.

    A range is ``[first, last, since_us]``; ``since_us`` is the earliest receipt in it, so the first range's tells since
    when the gap below it has been known.
    """

    contiguous: int = 0
    highest: int = 0
    beyond: list[list[int]] = field(default_factory=list)

    def add(self, sequence: int, received_us: int) -> None:
        """Note one sequence as stored."""
        if sequence == self.contiguous + 1 and not self.beyond:
            self.contiguous = sequence
            self.highest = max(self.highest, sequence)
        else:
            self.add_range(sequence, sequence, received_us)

    def add_range(self, first: int, last: int, received_us: int) -> None:
        """Note all from ``first`` to ``last`` as stored; nothing happens where ``last`` is below ``first``."""
        if last < first:
            return
        self.highest = max(self.highest, last)
        if first > self.contiguous + 1:
            self._add_beyond(first, last, received_us)
        elif last > self.contiguous:
            self.contiguous = last
        while self.beyond and self.beyond[0][0] <= self.contiguous + 1:
            self.contiguous = max(self.contiguous, self.beyond.pop(0)[1])

    def _add_beyond(self, first: int, last: int, since_us: int) -> None:
        ranges = self.beyond
        place = bisect_left(ranges, first - 1, key=lambda known: known[1])
        end = place
        while end < len(ranges) and ranges[end][0] <= last + 1:
            first, last = min(first, ranges[end][0]), max(last, ranges[end][1])
            since_us = min(since_us, ranges[end][2])
            end += 1
        ranges[place:end] = [[first, last, since_us]]

    def beyond_text(self) -> str:
        """Return the ranges as they are stored."""
        return orjson.dumps(self.beyond).decode()


@dataclass(slots=True)
class DeviceRow:
    """A device as its events show it; moments in microseconds UTC. ``key`` is ``None`` when read from the database.

    ``clock_off_us`` is what would have to be added to its clock, as the event shows that was received last.
    """

    lab: str
    state: str | None = None
    detail: str | None = None
    state_us: int | None = None
    last_us: int | None = None
    last_received_us: int | None = None
    events: int = 0
    clock_off_us: int | None = None
    key: OrderKey | None = None

    def note(self, time_us: int, received_us: int) -> None:
        """Count one event."""
        self.events += 1
        if self.last_us is None or time_us > self.last_us:
            self.last_us = time_us
        if self.last_received_us is None or received_us > self.last_received_us:
            self.last_received_us, self.clock_off_us = received_us, None

    def note_clock(self, said_us: int, offset_us: int | None, received_us: int) -> None:
        """Take note of the clock as an event shows it; of several received at once the greatest error counts."""
        if received_us != self.last_received_us:
            return
        off = clock_off_us(said_us, offset_us, received_us)
        if self.clock_off_us is None or (abs(off), off) > (abs(self.clock_off_us), self.clock_off_us):
            self.clock_off_us = off

    def is_tie(self, key: OrderKey) -> bool:
        """Tell whether only the log can say which of two states at one moment is the later."""
        return self.key is None and self.state_us == key[0]

    def say(self, key: OrderKey, state: str, detail: str | None) -> None:
        """Take a state if it is later than the one known."""
        if self.state_us is None or (key > self.key if self.key is not None else key[0] > self.state_us):
            self.state, self.detail, self.state_us, self.key = state, detail, key[0], key
