"""Batches that fill and close: by size, waiting time or clock, or at so many. Knows nothing of what happens to them."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, Self

from twin.engine.agenda import ARRIVAL, LAST, Agenda, Entry, Signal

UNLIMITED = 1 << 40
"""Places of a batch that nothing fills."""


class Load(Protocol):
    """What goes into a batch: it takes some room, and what does not fit may go into the next."""

    rank: int
    arrived_us: int

    @property
    def quantity(self) -> int:
        """Places it takes."""
        ...

    def split(self, places: int) -> Self:
        """Keep the rest and return so many places of it as a part of its own."""
        ...


class Batch(Entry):
    """Things that go through a machine together."""

    __slots__ = ("count", "delay_us", "is_closed", "opened_us", "parts", "programme", "rank", "started_us", "unit")

    def __init__(self, programme: int, opened_us: int) -> None:
        self.programme = programme
        self.opened_us = opened_us
        self.parts: list[Any] = []
        self.count = 0
        self.rank = 1 << 20
        self.is_closed = False
        self.unit = -1
        self.started_us: int | None = None
        self.delay_us = 0

    def add(self, part: Load, places: int) -> None:
        """Put a part in; the batch is as urgent as its most urgent part."""
        self.parts.append(part)
        self.count += places
        self.rank = min(self.rank, part.rank)


class Filling(Protocol):
    """Whatever lets parts wait and hands over batches of them."""

    def add(self, part: Any) -> None:
        """Take a part in."""

    def loading(self, batch: Batch) -> None:
        """Hear that a batch goes into its machine: nothing joins it any more."""


class Collector(Entry):
    """Fills batches of one programme and hands each to `submit` when a rule closes it.

    With `top_up`, a closed batch that still waits for its machine keeps filling until `loading` is called. `clock`
    gives the moments at which all closes; `was_called` tells whether one has passed since something found here came.
    """

    __slots__ = (
        "_agenda", "_clock", "_enough", "_expire", "_full", "_held", "_least", "_max_wait", "_programme",
        "_settle", "_size", "_submit", "_tick", "_top_up", "_was_called", "almost", "filling",
    )  # fmt: skip

    def __init__(
        self,
        agenda: Agenda,
        submit: Callable[[Batch], None],
        size: int,
        *,
        programme: int = 0,
        closes_full: bool = True,
        least: int | None = None,
        max_wait: Callable[[], int] | None = None,
        clock: Iterator[int] | None = None,
        was_called: Callable[[int], bool] | None = None,
        top_up: bool = True,
    ) -> None:
        self._agenda = agenda
        self._submit = submit
        self._size = size
        self._programme = programme
        self._full = closes_full
        self._least = least or size + 1
        self._max_wait = max_wait
        self._clock = clock or iter(())
        self._was_called = was_called
        self._top_up = top_up
        self.filling: Batch | None = None
        """The batch that the next part goes into; None: one that is opened for it."""
        self.almost = min(size, self._least)
        """Nothing follows from a part that leaves the batch being filled below this."""
        self._held: list[Batch] = []
        self._tick = [self._strike]
        self._expire = [self._time_out]
        self._enough: Batch | None = None
        self._settle = [self._settled]
        self._await_clock()

    def add(self, part: Load) -> None:
        """Take a part in, over as many batches as it needs."""
        while True:
            batch = self.filling or self._new(part.arrived_us)
            room = self._size - batch.count
            quantity = part.quantity
            if quantity <= room:
                break
            batch.add(part.split(room), room)
            self._filled(batch)
        batch.add(part, quantity)
        if batch.count == self._size:
            self._filled(batch)
        elif batch.count >= self._least and not batch.is_closed:
            self._has_enough(batch)

    def loading(self, batch: Batch) -> None:
        """Say that a batch goes into its machine: nothing joins it any more."""
        if self.filling is batch:
            self.filling = None

    def waiting(self) -> list[Batch]:
        """Return the batches that no rule has closed yet."""
        still_open = [] if self.filling is None or self.filling.is_closed else [self.filling]
        return [*self._held, *still_open]

    def _new(self, since_us: int) -> Batch:
        batch = self.filling = Batch(self._programme, since_us)
        due = self._due(since_us)
        if due is not None:
            self._agenda.at(due, ARRIVAL, self._expire, _Due(batch))
        return batch

    def _due(self, since_us: int) -> int | None:
        """Return when a batch closes whose first item came at a moment, if nothing else closes it; None: never."""
        now = self._agenda.now
        if since_us < now and self._was_called is not None and self._was_called(since_us):
            return now
        return None if self._max_wait is None else max(since_us + self._max_wait(), now)

    def _filled(self, batch: Batch) -> None:
        self.filling = None
        if batch is self._enough:
            self._hand_over(batch)
        elif batch.is_closed:
            return
        elif self._full or batch.count >= self._least:
            self._close(batch)
        else:
            self._held.append(batch)

    def _close(self, batch: Batch) -> None:
        batch.is_closed = True
        if not self._top_up and self.filling is batch:
            self.filling = None
        self._submit(batch)

    def _has_enough(self, batch: Batch) -> None:
        """Close a batch that holds the least: at the end of this moment, so that all who come together go in."""
        if not self._top_up:
            self._close(batch)
            return
        batch.is_closed = True
        self._enough = batch
        self._agenda.at(self._agenda.now, LAST, self._settle, _Due(batch))

    def _settled(self, due: "_Due") -> None:
        if due.batch is self._enough:
            self._hand_over(due.batch)

    def _hand_over(self, batch: Batch) -> None:
        self._enough = None
        self._submit(batch)

    def _time_out(self, expired: "_Due") -> None:
        batch = expired.batch
        if not batch.is_closed:
            if batch in self._held:
                self._held.remove(batch)
            self._close(batch)

    def _await_clock(self) -> None:
        strike = next(self._clock, None)
        if strike is not None:
            self._agenda.at(strike, ARRIVAL, self._tick, self)

    def _strike(self, _: Any) -> None:
        batches = self.waiting()
        self._held = []
        for batch in batches:
            self._close(batch)
        self._await_clock()


class _Due(Signal):
    __slots__ = ("batch",)

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
