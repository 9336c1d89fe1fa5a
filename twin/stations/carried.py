"""Carried: items wait for a delivery, a carrier takes it there, with a person if one is named, and comes back for more.

How deliveries fill is the engine's business, who may be asked the staff's, where items go next the model's.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import Any

from twin.engine.agenda import RELEASE, Agenda
from twin.engine.batches import Batch, Collector
from twin.items import SLIDE
from twin.observe import Observer
from twin.stations.terms import Draw, Onward, Staff
from twin.stations.visits import Visits


class Carrying:
    """Who carries, how urgent the request for them is, and how long each part of a journey takes.

    `staff` None: a van that needs nobody. `rank` None: as urgent as the most urgent item; a single item asks as its own
    class always. `outward` holds loading, the way there and unloading, as far as there are any; `back` None: at once.
    """

    __slots__ = ("back", "outward", "rank", "staff")

    def __init__(self, staff: Staff | None, rank: int | None, outward: Sequence[Draw], back: Draw | None) -> None:
        self.staff = staff
        self.rank = rank
        self.outward = outward
        self.back = back

    def rank_for(self, delivery: Batch) -> int:
        """Return the rank of the request for a delivery."""
        alone = self.rank is None or len(delivery.parts) == 1
        return delivery.rank if alone else self.rank or 0


class CarriedStation:
    """A step on somebody's feet or wheels: each carrier takes the first delivery, then asks for a person, then goes."""

    __slots__ = (
        "_alone", "_arrived", "_back", "_begin", "_carriers", "_carrying", "_filled", "_idle", "_lines_up", "_observer",
        "agenda", "collector", "goes_alone", "index", "name", "onward", "under_way", "visits",
    )  # fmt: skip

    def __init__(
        self,
        agenda: Agenda,
        observer: Observer | None,
        name: str,
        index: int,
        *,
        carrying: Carrying,
        carriers: int,
        goes_alone: Mapping[int, bool],
        visits: Visits | None,
        batches_line_up: bool = False,
    ) -> None:
        self.agenda = agenda
        self._observer = observer
        self.name = name
        self.index = index
        self.visits = visits
        self.collector: Collector
        self.onward: Mapping[int, Onward] = {}
        self.under_way: dict[Batch, None] = {}
        self._carrying = carrying
        self._carriers = carriers
        self._idle = list(range(carriers))
        self.goes_alone = goes_alone
        self._alone: deque[Batch] = deque()
        self._filled: deque[Batch] = deque()
        self._lines_up = batches_line_up
        self._begin = self.begin
        self._arrived = [self._arrive_there]
        self._back = [self._come_back]

    def arrive(self, item: Any) -> None:
        """Let an item that has come wait for its delivery, or go at once if it goes alone."""
        item.arrived_us = self.agenda.env._now
        self.queue(item)

    def queue(self, item: Any) -> None:
        """Take in an item that has its time of arrival already."""
        item.step = self.index
        item.started_us = item.unit = None
        if not self.goes_alone[item.kind]:
            self.collector.add(item)
            return
        delivery = Batch(0, item.arrived_us)
        delivery.add(item, item.quantity)
        self._alone.append(delivery)
        self._send()

    def submit(self, delivery: Batch) -> None:
        """Put a delivery that is ready behind all others, or where it lines up, among those that go alone."""
        joins = self._lines_up and self._alone and not self._filled
        (self._alone if joins else self._filled).append(delivery)
        self._send()

    def begin(self, delivery: Batch) -> None:
        """Load a delivery and go: the carrier, and the person if any, are ours."""
        now = self.agenda.now
        self._set_out(delivery, now)
        if self._observer is not None:
            for part in delivery.parts:
                self._observer.step_started(part, self.name, delivery.unit, now)
        length = sum([draw() for draw in self._carrying.outward])
        self.agenda.at(now + length, RELEASE, self._arrived, delivery)

    def resume(self, delivery: Batch, started_us: int, unit: int | None, remaining_us: int) -> None:
        """Put a delivery on its way, with so much of the way there left, whoever is present."""
        delivery.unit = self._claim(unit)
        if self._carrying.staff is not None:
            self._carrying.staff.hold(delivery)
        self._set_out(delivery, started_us)
        self.agenda.at(self.agenda.now + remaining_us, RELEASE, self._arrived, delivery)

    def _send(self) -> None:
        """Give each idle carrier the first delivery; what it has taken, nothing overtakes any more."""
        while self._idle and (self._alone or self._filled):
            delivery = (self._alone or self._filled).popleft()
            delivery.unit = heappop(self._idle)
            staff = self._carrying.staff
            if staff is None:
                self.begin(delivery)
            else:
                staff.request(self._carrying.rank_for(delivery), self._begin, delivery)

    def _set_out(self, delivery: Batch, started_us: int) -> None:
        delivery.started_us = started_us
        self.under_way[delivery] = None
        index, unit = self.index, delivery.unit
        for part in delivery.parts:
            part.step = index
            part.started_us = started_us
            part.unit = unit

    def _arrive_there(self, delivery: Batch) -> None:
        """Hand over what was carried: first what came first, then the others by priority, each class as it came."""
        now = self.agenda.now
        del self.under_way[delivery]
        if self._carrying.back is None:
            self._come_back(delivery)
        first, *others = delivery.parts
        others.sort(key=attrgetter("rank"))
        notes = None if self.visits is None else self.visits.notes
        if self.visits is not None and first.level == SLIDE:
            self.visits.quantity.extend([len(part.indices) for part in (first, *others)])
        for part in (first, *others):
            if notes is not None:
                notes.extend((part.arrived_us, part.started_us, now, part.kind))
            part.started_us = part.unit = None
            if self._observer is not None:
                self._observer.step_completed(part, self.name, delivery.unit, now, ())
            self.onward[part.kind](part)
        if self._carrying.back is not None:
            self.agenda.at(now + self._carrying.back(), RELEASE, self._back, delivery)

    def _come_back(self, delivery: Batch) -> None:
        if delivery.unit < self._carriers:
            heappush(self._idle, delivery.unit)
        if self._carrying.staff is not None:
            self._carrying.staff.release(delivery)
        self._send()

    def _claim(self, wanted: int | None) -> int:
        """Take a stated carrier when it is idle, else the lowest that is, else one beyond the count."""
        if wanted is None or wanted not in self._idle:
            return heappop(self._idle) if self._idle else self._carriers
        self._idle.remove(wanted)
        heapify(self._idle)
        return wanted
