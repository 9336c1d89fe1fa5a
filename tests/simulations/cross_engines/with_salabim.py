"""A network in the words of salabim, and what one of its runs showed. Without trace, screen or salabim's monitors."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import salabim

from tests.simulations.cross_engines.measures import Journey, Seen
from tests.simulations.cross_engines.networks import OUT, AnyStation, Courier, Machine, Network, Station, Stream
from tests.simulations.cross_engines.salabim_benches import Bench, BlockBench, Hand, Process, Stay, distribution
from tests.simulations.cross_engines.salabim_gatherings import Gathering, Processor, Rounds

CLASS_APART = 1e6
"""Between the ranks of two classes: more hours than any run lasts, since within a class the earlier goes first."""


def run(network: Network, seed: int) -> Seen:
    """Run one replication."""
    lab = Lab(network, seed)
    lab.environment.run(network.end_hours)
    visits = tuple(stay.visit for stay in lab.stays)
    return Seen(visits, tuple(lab.journeys), network.warm_up_hours, network.end_hours)


class Lab:
    """Everything of one run: the stations, who is idle, and what was seen."""

    def __init__(self, network: Network, seed: int) -> None:
        self.environment = salabim.Environment(random_seed=seed, set_numpy_random_seed=False, yieldless=False)
        self.network = network
        self.idle: list[Hand] = []
        self.stays: list[Stay] = []
        self.journeys: list[Journey] = []
        self.rank = {klass: CLASS_APART * rank for rank, klass in enumerate(network.classes)}
        self.stations = {station.name: self._station(station) for station in network.stations}
        for stream in network.streams:
            self.begin(partial(self._come, stream))

    @property
    def now(self) -> float:
        return float(self.environment.now())

    def begin(self, task: Callable[[Hand], Process]) -> None:
        """Let a hand that has nothing to do begin a process."""
        if self.idle:
            hand = self.idle.pop()
            hand.task = task(hand)
            hand.activate()
        else:
            hand = Hand(idle=self.idle)
            hand.task = task(hand)

    def people(self, station: str) -> Any:
        """Return salabim's resource for the people of a station."""
        bench = self.stations[station]
        assert isinstance(bench, Bench), f"{station}: no people work there"
        return bench.people

    def _station(self, station: AnyStation) -> "Bench | Gathering":
        match station:
            case Machine():
                return Processor(self, station)
            case Courier():
                return Rounds(self, station)
            case Station():
                return BlockBench(self, station) if station.of_blocks else Bench(self, station)

    def _come(self, stream: Stream, hand: Hand) -> Process:
        gap = distribution(stream.gap)
        while True:
            yield hand.hold(gap())
            for _ in range(_geometric(stream.mean_size)):
                self.begin(partial(self._follow, stream.klass))

    def _follow(self, klass: str, case: Hand) -> Process:
        """Go from station to station; what is held at one is let go when the next has let the case in."""
        came, at, held = self.now, self.network.stations[0].name, None
        while at in self.stations:
            at, held = yield from self.stations[at].treat(case, klass, held)
        if held:
            held.end(case)
        if at == OUT:
            self.journeys.append(Journey(klass, came, self.now))


def _geometric(mean: float) -> int:
    """Draw how many come together: after each one, another with the same probability."""
    size = 1
    while mean > 1 and random.random() < 1 - 1 / mean:
        size += 1
    return size
