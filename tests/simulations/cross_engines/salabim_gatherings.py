"""Stations where many are treated at once, in the words of salabim: machines and carriers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import salabim

from tests.simulations.cross_engines.networks import Courier, Machine
from tests.simulations.cross_engines.salabim_benches import Hand, Process, Stay, Treatment, distribution, next_station

if TYPE_CHECKING:
    from tests.simulations.cross_engines.with_salabim import Lab

FIRST = -1.0
"""The rank of loading and unloading, before every class."""

Batch = list["tuple[Hand, Stay]"]


class Gathering:
    """A station where many are treated at once; what that means is said by the kinds of it."""

    def __init__(self, lab: Lab, station: Machine | Courier) -> None:
        self.lab, self.station = lab, station
        self._batch: Batch = []

    def treat(self, case: Hand, klass: str, held: Stay | None) -> Treatment:
        """Join the batch that gathers, and return where the case goes once it has been treated."""
        if held:
            held.end(case)
        self._batch.append((case, Stay(self.lab, self.station, klass)))
        if len(self._batch) == self.station.size:
            self._close()
        elif len(self._batch) == 1:
            self.lab.begin(partial(self._close_in_time, self._batch))
        yield case.passivate()
        return next_station(self.station, klass), None

    def treat_all(self, batch: Batch, hand: Hand) -> Process:
        """Treat a batch, and send its cases on."""
        raise NotImplementedError

    def _close_in_time(self, batch: Batch, hand: Hand) -> Process:
        yield hand.hold(self.station.max_wait.hours)
        if batch is self._batch:
            self._close()

    def _close(self) -> None:
        self.lab.begin(partial(self.treat_all, self._batch))
        self._batch = []

    def start(self, batch: Batch) -> None:
        """Note that the wait of a batch is over."""
        for _, stay in batch:
            stay.started = self.lab.now

    def send_on(self, batch: Batch) -> None:
        """Send the cases of a batch on, in the order they came."""
        for case, stay in batch:
            stay.end(case)
            case.activate()


class Processor(Gathering):
    """A machine, loaded and unloaded by people of a station."""

    def __init__(self, lab: Lab, station: Machine) -> None:
        super().__init__(lab, station)
        self._handled_by = station.handled_by
        self._machine = salabim.Resource(monitor=False)
        self._run, self._load, self._unload = map(distribution, (station.run, station.load, station.unload))

    def treat_all(self, batch: Batch, hand: Hand) -> Process:
        """Load, run and unload, the machine taken throughout."""
        people = self.lab.people(self._handled_by)
        yield hand.request(self._machine, (people, 1, FIRST))
        yield hand.hold(self._load())
        hand.release(people)
        self.start(batch)
        yield hand.hold(self._run())
        yield hand.request((people, 1, FIRST))
        yield hand.hold(self._unload())
        hand.release(self._machine, people)
        self.send_on(batch)


class Rounds(Gathering):
    """A carrier, going with a person of a station."""

    def __init__(self, lab: Lab, station: Courier) -> None:
        super().__init__(lab, station)
        self._with_one_of = station.with_one_of
        self._carrier = salabim.Resource(monitor=False)
        self._there, self._back = distribution(station.there), distribution(station.back)

    def treat_all(self, batch: Batch, hand: Hand) -> Process:
        """Go there, hand over, and come back."""
        people = self.lab.people(self._with_one_of)
        yield hand.request(self._carrier)
        yield hand.request((people, 1, self.lab.now))
        self.start(batch)
        yield hand.hold(self._there())
        self.send_on(batch)
        yield hand.hold(self._back())
        hand.release(people)
        hand.release(self._carrier)
