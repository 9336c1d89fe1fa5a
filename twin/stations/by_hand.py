"""Work by hand: one person (or nobody: a delay), at a bench or machine if one is named, on one item at a time.

Where an item goes next is the model's business; who serves whom is the engine's; who may wait is a gate's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, Protocol, cast

from twin.engine.agenda import RELEASE, Agenda, Entry
from twin.engine.machines import MachineGroup
from twin.items import Item
from twin.observe import Observer
from twin.stations.terms import Onward, Terms
from twin.stations.visits import Visits

Making = Callable[[Any], Sequence[Item]]
Pieces = Callable[[Any], int]


class Gate(Protocol):
    """Stands before a station and decides who may wait there, and how long."""

    def arrive(self, item: Item) -> None:
        """Take an item that comes to the step."""

    def queue(self, item: Item) -> None:
        """Take an item that waits here already when the run starts, whatever room there is."""

    def resumed(self, item: Item) -> None:
        """Hear that an item was being worked on when the run started."""

    def began(self, item: Item) -> None:
        """Hear that work on an item began."""

    def ended(self, item: Item) -> None:
        """Hear that work on an item ended, its person and machine given back."""

    def when_room(self, item: Item, go: Onward) -> None:
        """Let an item go on to this step from the one before as soon as there is room for it."""

    def restart(self) -> None:
        """Count anew: the warm-up is over."""


class HandStation:
    """A step by hand. `pieces` says how many draws make up the work on an item; None: one."""

    __slots__ = (
        "_begin", "_benches", "_done", "_env", "_free", "_ids", "_observer", "_queue",
        "agenda", "counts_slides", "gate", "index", "is_plain", "machine", "making", "name",
        "onward", "pieces", "terms", "visits",
    )  # fmt: skip

    def __init__(
        self,
        agenda: Agenda,
        observer: Observer | None,
        name: str,
        index: int,
        *,
        terms: Mapping[int, Terms],
        machine: MachineGroup | None,
        pieces: Pieces | None,
        benches: int,
        making: Making | None,
        visits: Visits | None,
        counts_slides: bool = False,
    ) -> None:
        self.agenda = agenda
        self._env = agenda.env
        self._queue = cast("list[tuple[int, int, int, Entry]]", agenda.env._queue)
        self._ids = cast("Iterator[int]", agenda.env._eid)
        self._observer = observer
        self.name = name
        self.index = index
        self.terms = terms
        self.machine = machine
        self.pieces = pieces
        self.gate: Gate | None = None
        self.onward: Mapping[int, Onward] = {}
        self.making = making
        self._benches = benches
        self._free = list(range(benches))
        self._begin = self.begin
        self.is_plain = observer is None and machine is None
        self._done = [self.end]
        self.visits = visits
        self.counts_slides = counts_slides

    def arrive(self, item: Item) -> None:
        """Queue an item that has come."""
        item.arrived_us = self._env._now  # type: ignore[assignment]
        item.step = self.index
        terms = self.terms[item.kind]
        if terms.staff is None:
            self.begin(item)
        else:
            terms.staff.request(terms.rank, self._begin, item, self.machine)

    def queue(self, item: Item) -> None:
        """Queue an item that has its time of arrival already."""
        item.step = self.index
        item.started_us = None
        if self.gate is None:
            self.ask(item)
        else:
            self.gate.queue(item)

    def ask(self, item: Item) -> None:
        """Ask for whoever works on an item that is here."""
        terms = self.terms[item.kind]
        if terms.staff is None:
            self.begin(item)
        else:
            terms.staff.request(terms.rank, self._begin, item, self.machine)

    def begin(self, item: Item) -> None:
        """Start on an item: the person, and the machine if any, are ours."""
        now: int = self._env._now  # type: ignore[assignment]
        item.started_us = now
        terms = self.terms[item.kind]
        work = terms.draw() if self.pieces is None else self._work(item, terms)
        if self.machine is not None:
            item.unit = self.machine.take(item)
        if self._observer is not None:
            self._tell_start(item, now)
        item.callbacks = self._done
        heappush(self._queue, (now + work, RELEASE, next(self._ids), item))
        if self.gate is not None:
            self.gate.began(item)

    def resume(self, item: Item, started_us: int, unit: int | None, remaining_us: int) -> None:
        """Put an item on the bench half done, whatever the capacity."""
        item.step = self.index
        item.started_us = started_us
        staff = self.terms[item.kind].staff
        if staff is not None:
            staff.hold(item)
        item.unit = self.machine.take_unit(item, unit) if self.machine else self._claim(unit)
        if self.gate is not None:
            self.gate.resumed(item)
        self._go_on(item, remaining_us)

    def keep_for(self, gate: Gate) -> None:
        """Keep an item whose work is done, and its person and machine, until there is room behind a gate."""
        self.is_plain = False
        self._done = [lambda item: gate.when_room(item, self.end)]

    def end(self, item: Item) -> None:
        """Finish an item: person and machine go to whoever waits, then the item goes on."""
        now: int = self._env._now  # type: ignore[assignment]
        unit = item.unit
        self.note(item, now)
        self._give_back(item)
        item.started_us = item.unit = None
        children = self.making(item) if self.making is not None else ()
        if self._observer is not None:
            self._observer.step_completed(item, self.name, unit or 0, now, children)
        if self.gate is not None:
            self.gate.ended(item)
        self.onward[item.kind](item)

    def note(self, item: Item, now: int) -> None:
        """Record a visit that ends."""
        if self.visits is not None:
            self.visits.notes.extend((item.arrived_us, item.started_us, now, item.kind))
            if self.counts_slides:
                self.visits.quantity.append(item.quantity)

    def _go_on(self, item: Item, work_us: int) -> None:
        self.agenda.at(self.agenda.now + work_us, RELEASE, self._done, item)

    def _work(self, item: Item, terms: Terms) -> int:
        if terms.repeat is not None and item.case.looks:
            return terms.repeat()
        draw = terms.draw
        pieces = self.pieces(item) if self.pieces is not None else 1
        return sum([draw() for _ in range(pieces)])

    def _tell_start(self, item: Item, now: int) -> None:
        if self.machine is None:
            item.unit = heappop(self._free) if self._free else self._benches
        self._observer.step_started(item, self.name, item.unit or 0, now)  # type: ignore[union-attr]

    def _claim(self, wanted: int | None) -> int:
        if wanted is None or wanted not in self._free:
            return heappop(self._free) if self._free else self._benches
        self._free.remove(wanted)
        heapify(self._free)
        return wanted

    def _give_back(self, item: Item) -> None:
        if self.machine is not None:
            self.machine.release(item.unit or 0)
        elif item.unit is not None and item.unit < self._benches:
            heappush(self._free, item.unit)
        staff = self.terms[item.kind].staff
        if staff is not None:
            staff.release(item)
