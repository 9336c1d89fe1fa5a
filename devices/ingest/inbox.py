"""The queue between the thread that reads the wire and the one that writes: bounded by advice, batches by how busy."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from devices.ingest.arrivals import Arrival

_PROBE_S = 0.002


@dataclass(frozen=True, slots=True)
class BatchRule:
    """How many messages are committed together: at once when idle, up to ``most`` or ``linger_s`` when busy."""

    most: int = 1000
    linger_s: float = 0.020
    busy_from: int = 4


class Inbox:
    """Arrivals in the order they came. One thread puts, one takes."""

    def __init__(self, rule: BatchRule | None = None, room: int = 2000) -> None:
        self._rule = rule or BatchRule()
        self._room = room
        self._arrivals: deque[Arrival] = deque()
        self._is_waiting = False
        self._something = threading.Event()
        self._last_size = 0

    def __len__(self) -> int:
        return len(self._arrivals)

    @property
    def has_room(self) -> bool:
        """Say whether more should be read from the wire now."""
        return len(self._arrivals) < self._room

    def put(self, arrival: Arrival) -> None:
        """Add what came; never blocks, never refuses."""
        self._arrivals.append(arrival)
        if self._is_waiting:
            self._something.set()

    def nudge(self) -> None:
        """Wake the taker, so that it can see that it should end."""
        self._something.set()

    def take(self, patience_s: float) -> list[Arrival]:
        """Return the next batch, empty when nothing came in ``patience_s``."""
        if not self._arrivals:
            self._wait(patience_s)
        if self._last_size >= self._rule.busy_from:
            self._linger()
        batch = [self._arrivals.popleft() for _ in range(min(len(self._arrivals), self._rule.most))]
        self._last_size = len(batch)
        return batch

    def _wait(self, patience_s: float) -> None:
        self._something.clear()
        self._is_waiting = True
        if not self._arrivals:
            self._something.wait(patience_s)
        self._is_waiting = False

    def _linger(self) -> None:
        until = time.monotonic() + self._rule.linger_s
        seen = -1
        while seen < len(self._arrivals) < self._rule.most and time.monotonic() < until:
            seen = len(self._arrivals)
            time.sleep(_PROBE_S)
