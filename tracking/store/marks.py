"""Up to which sequence everything of a device is stored, and what the device last said of itself. Pure.

The first sequence of a boot is 1 (0 is tolerated). What was refused but named its device, boot and sequence counts as
stored, because it stands in the rejected list: otherwise its sender would resend it for ever.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

import orjson

from tracking.touches import OrderKey


@dataclass(slots=True)
class Watermark:
    """``contiguous``: all up to here; ``beyond``: closed ranges above it, ascending, with gaps between."""

    contiguous: int = 0
    highest: int = 0
    beyond: list[list[int]] = field(default_factory=list)

    def add(self, sequence: int) -> None:
        """Note one sequence as stored."""
        self.highest = max(self.highest, sequence)
        if sequence <= self.contiguous:
            return
        if sequence == self.contiguous + 1:
            self.contiguous = sequence
            self._close_gap()
        else:
            self._add_beyond(sequence)

    def _close_gap(self) -> None:
        while self.beyond and self.beyond[0][0] <= self.contiguous + 1:
            self.contiguous = max(self.contiguous, self.beyond.pop(0)[1])

    def _add_beyond(self, sequence: int) -> None:
        ranges = self.beyond
        place = bisect_left(ranges, [sequence + 1])
        before = ranges[place - 1] if place else None
        if before is not None and before[1] >= sequence:
            return
        after = ranges[place] if place < len(ranges) and ranges[place][0] == sequence + 1 else None
        if before is not None and before[1] == sequence - 1:
            before[1] = after[1] if after else sequence
            if after:
                del ranges[place]
        elif after:
            after[0] = sequence
        else:
            ranges.insert(place, [sequence, sequence])

    def beyond_text(self) -> str:
        """Return the ranges as they are stored."""
        return orjson.dumps(self.beyond).decode()


@dataclass(slots=True)
class DeviceRow:
    """A device as its events show it; moments in microseconds UTC. ``key`` is ``None`` when read from the database."""

    lab: str
    state: str | None = None
    detail: str | None = None
    state_us: int | None = None
    last_us: int | None = None
    last_received_us: int | None = None
    events: int = 0
    key: OrderKey | None = None

    def note(self, time_us: int, received_us: int) -> None:
        """Count one event."""
        self.events += 1
        if self.last_us is None or time_us > self.last_us:
            self.last_us = time_us
        if self.last_received_us is None or received_us > self.last_received_us:
            self.last_received_us = received_us

    def is_tie(self, key: OrderKey) -> bool:
        """Tell whether only the log can say which of two states at one moment is the later."""
        return self.key is None and self.state_us == key[0]

    def say(self, key: OrderKey, state: str, detail: str | None) -> None:
        """Take a state if it is later than the one known."""
        if self.state_us is None or (key > self.key if self.key is not None else key[0] > self.state_us):
            self.state, self.detail, self.state_us, self.key = state, detail, key[0], key
