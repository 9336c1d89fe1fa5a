"""Batches that go at fixed moments, with at most so many of those who wait. Knows nothing of what happens to them."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Any

from twin.engine.agenda import START, Agenda, Entry
from twin.engine.batches import Batch, Load


class SlotCollector(Entry):
    """Lets those who wait into one batch at each start, the most urgent first, then who came first.

    Places that nobody takes are lost, and who finds none waits for the next start. A start comes after all work that
    ends at its very moment and before everything that comes then.
    """

    __slots__ = ("_agenda", "_numbers", "_places", "_programme", "_size", "_starts", "_strike", "_submit", "_waiting")

    def __init__(
        self,
        agenda: Agenda,
        submit: Callable[[Batch], None],
        size: int,
        starts: Iterator[tuple[int, int]],
        *,
        programme: int = 0,
    ) -> None:
        self._agenda = agenda
        self._submit = submit
        self._size = size
        self._starts = starts
        self._programme = programme
        self._numbers = count()
        self._waiting: list[tuple[int, int, Any]] = []
        self._places = 0
        self._strike = [self._start]
        self._await_start()

    def add(self, part: Load) -> None:
        """Let a part wait for a start."""
        heappush(self._waiting, (part.rank, next(self._numbers), part))

    def loading(self, batch: Batch) -> None:
        """Hear that a batch goes into its machine; nothing could join it anyway."""

    def _await_start(self) -> None:
        start = next(self._starts, None)
        if start is not None:
            at_us, self._places = start
            self._agenda.at(at_us, START, self._strike, self)

    def _start(self, _: Any) -> None:
        batch = Batch(self._programme, self._agenda.now)
        places = min(self._places, self._size)
        while places and self._waiting:
            part, quantity = self._next(places)
            batch.add(part, quantity)
            places -= quantity
        if batch.parts:
            self._submit(batch)
        self._await_start()

    def _next(self, places: int) -> tuple[Any, int]:
        """Take out the first who waits, or as much of them as there are places; the rest keeps its turn."""
        part = self._waiting[0][2]
        if part.quantity > places:
            return part.split(places), places
        heappop(self._waiting)
        return part, part.quantity
