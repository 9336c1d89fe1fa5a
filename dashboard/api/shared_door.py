"""The store's door for many callers at once: one goes through at a time and takes along all who wait.

The store takes a batch at a time from one thread. While one transaction is being committed, the calls that arrive
meanwhile gather and are stored together by the next one, so that a hundred benches do not wait for a hundred commits.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tracking.door import Incoming, Receipt
from tracking.errors import StoreUnavailable

MOST_TOGETHER = 1000


class TakesBatches(Protocol):
    """The store's door: commits before it returns, raises ``StoreUnavailable`` when nothing was written."""

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Store what is offered and say what became of each."""

    def rehearse(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Say what ``take`` would do, and store nothing."""


@dataclass(eq=False, slots=True)
class _Call:
    """One caller's batch, and what became of it once ``is_done``."""

    batch: Sequence[Incoming]
    is_done: bool = False
    receipts: list[Receipt] = field(default_factory=list)
    error: Exception | None = None


class SharedDoor:
    """A door that any number of threads may use."""

    def __init__(self, door: TakesBatches) -> None:
        self._door = door
        self._one_at_a_time = threading.Lock()
        self._guard = threading.Lock()
        self._waiting: list[_Call] = []

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Store a batch, together with others that wait; raises what the door raises."""
        call = _Call(batch)
        with self._guard:
            self._waiting.append(call)
        with self._one_at_a_time:
            if not call.is_done:
                self._take_all(self._gather(call))
        if call.error is not None:
            raise call.error
        return call.receipts

    def rehearse(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Say what would become of a batch, and store nothing; raises what the door raises."""
        with self._one_at_a_time:
            return self._door.rehearse(batch)

    def _gather(self, mine: _Call) -> list[_Call]:
        """Return the calls to be stored now: this one, and those before and after it that fit."""
        with self._guard:
            self._waiting.remove(mine)
            chosen, size = [mine], len(mine.batch)
            while self._waiting and size + len(self._waiting[0].batch) <= MOST_TOGETHER:
                chosen.append(self._waiting.pop(0))
                size += len(chosen[-1].batch)
        return chosen

    def _take_all(self, calls: Sequence[_Call]) -> None:
        try:
            receipts = iter(self._door.take([one for call in calls for one in call.batch]))
        except StoreUnavailable as error:
            for call in calls:
                call.error, call.is_done = error, True
        except Exception as error:
            self._take_singly(calls, error)
        else:
            for call in calls:
                call.receipts, call.is_done = [next(receipts) for _ in call.batch], True

    def _take_singly(self, calls: Sequence[_Call], error: Exception) -> None:
        """Keep one caller's trouble from the others: store each call by itself."""
        if len(calls) == 1:
            calls[0].error, calls[0].is_done = error, True
            return
        for call in calls:
            self._take_all([call])
