"""Stations of people in the words of salabim: who waits for whom, and what an item holds on to."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any

import salabim

from tests.simulations.cross_engines.laws import (
    Constant,
    Erlang,
    Exponential,
    Gamma,
    Law,
    Lognormal,
    Recorded,
    Triangular,
    Uniform,
    Weibull,
)
from tests.simulations.cross_engines.measures import Visit
from tests.simulations.cross_engines.networks import (
    LEAVE,
    OUT,
    WAIT_BEFORE,
    AnyStation,
    Shift,
    Station,
    ways_for,
)

if TYPE_CHECKING:
    from tests.simulations.cross_engines.with_salabim import Lab

Process = Iterator[Any]
Treatment = Generator[Any, Any, "tuple[str, Stay | None]"]
"""A process that ends with where the case goes next and what it still holds."""

_THEIRS: dict[type, Callable[[Any], Any]] = {
    Constant: lambda law: salabim.Constant(law.hours),
    Uniform: lambda law: salabim.Uniform(law.low, law.high),
    Triangular: lambda law: salabim.Triangular(law.low, law.high, law.mode),
    Exponential: lambda law: salabim.Exponential(law.mean),
    Erlang: lambda law: salabim.Erlang(law.stages, scale=law.mean / law.stages),
    Gamma: lambda law: salabim.Gamma(law.shape, law.scale),
    Lognormal: lambda law: salabim.External(random.lognormvariate, law.mu, law.sigma),
    Weibull: lambda law: salabim.Weibull(law.scale, law.shape),
    Recorded: lambda law: cycle(law.hours).__next__,
}


def distribution(law: Law) -> Any:
    """Return salabim's own distribution of a law, where it has one."""
    return _THEIRS[type(law)](law)


class Hand(salabim.Component):  # type: ignore[misc]
    """A component that does one process after another: salabim takes long to make one, and little to wake one."""

    def setup(self, idle: list[Hand]) -> None:
        self.idle = idle
        self.task: Process = iter(())
        self.status.monitor(False)
        self.mode.monitor(False)

    def process(self) -> Process:
        while True:
            yield from self.task
            self.idle.append(self)
            yield self.passivate()


class Stay:
    """One item at one station, written down as it happens."""

    __slots__ = ("_lab", "_station", "came", "holds", "klass", "left", "started", "was_refused")

    def __init__(self, lab: Lab, station: AnyStation, klass: str, was_refused: bool = False) -> None:
        self._lab, self._station, self.klass, self.came, self.was_refused = lab, station, klass, lab.now, was_refused
        self.started: float | None = None
        self.left = self.came if was_refused else None
        self.holds: list[Any] = []
        lab.stays.append(self)

    @property
    def visit(self) -> Visit:
        return Visit(self._station.name, self.klass, self.came, self.started, self.left, self.was_refused)

    def end(self, hand: Hand) -> None:
        """Leave, and let go what was held."""
        self.left = self._lab.now
        if self.holds:
            hand.release(*self.holds)


class Bench:
    """A station of people."""

    def __init__(self, lab: Lab, station: Station) -> None:
        self.lab, self.station = lab, station
        self.people = salabim.Resource(capacity=station.people, preemptive=station.preempts, monitor=False)
        room = float("inf") if station.room is None else station.room
        self._places = salabim.Resource(capacity=station.people + room, monitor=False)
        self._service = {klass: distribution(station.law_for(klass)) for klass in lab.network.classes}
        self._patience = station.patience and distribution(station.patience)
        if station.shifts:
            lab.begin(self._change_shifts)

    def treat(self, case: Hand, klass: str, held: Stay | None) -> Treatment:
        """Serve a case, and return where it goes and what it still holds here; `held` is let go once it is in."""
        if self.station.when_full != WAIT_BEFORE and self._places.available_quantity() < 1:
            Stay(self.lab, self.station, klass, was_refused=True)
            return self.station.when_full, held
        if self.station.room is not None:
            yield case.request(self._places)
        if held:
            held.end(case)
        stay = yield from self.serve(case, klass)
        if self.station.room is not None:
            stay.holds.append(self._places)
        if stay.started is None:
            stay.end(case)
            return LEAVE, None
        return next_station(self.station, klass), stay

    def serve(self, hand: Hand, klass: str) -> Generator[Any, Any, Stay]:
        """Wait for somebody and be served; without a start when patience ended first."""
        stay = Stay(self.lab, self.station, klass)
        rank = self.lab.rank[klass] + self.lab.now
        yield hand.request((self.people, 1, rank), fail_delay=self._patience() if self._patience else None)
        if not hand.failed():
            stay.started = self.lab.now
            stay.holds.append(self.people)
            yield from self._work(hand, rank, self._service[klass]())
        return stay

    def _work(self, hand: Hand, rank: float, hours: float) -> Process:
        """Work, and after an interruption go on where it was."""
        while True:
            begun = self.lab.now
            yield hand.hold(hours)
            if not self.station.preempts or hand.isclaiming(self.people):
                return
            hours -= self.lab.now - begun
            yield hand.request((self.people, 1, rank))

    def _change_shifts(self, hand: Hand) -> Process:
        """Look at every full hour how many are there; whoever works on is not disturbed."""
        while True:
            hour = round(self.lab.now) % 24
            self.people.set_capacity(sum(shift.people for shift in self.station.shifts if _covers(shift, hour)))
            yield hand.hold(1)


class BlockBench(Bench):
    """A station where the blocks of a case are served each by itself."""

    def __init__(self, lab: Lab, station: Station) -> None:
        super().__init__(lab, station)
        counts, shares = zip(*lab.network.blocks_per_case, strict=True)
        self._count = salabim.Pmf(counts, shares)
        self._open: dict[Hand, int] = {}

    def treat(self, case: Hand, klass: str, held: Stay | None) -> Treatment:
        """Let every block be served, and return where the case goes after the last."""
        if held:
            held.end(case)
        self._open[case] = self._count()
        for _ in range(self._open[case]):
            self.lab.begin(partial(self._block, case, klass))
        yield case.passivate()
        return next_station(self.station, klass), None

    def _block(self, case: Hand, klass: str, block: Hand) -> Process:
        stay = yield from self.serve(block, klass)
        stay.end(block)
        self._open[case] -= 1
        if not self._open[case]:
            del self._open[case]
            case.activate()


def next_station(station: AnyStation, klass: str) -> str:
    """Draw which way to go."""
    luck = random.random()
    for way in ways_for(station, klass):
        luck -= way.probability
        if luck < 0:
            return way.to
    return OUT


def _covers(shift: Shift, hour: int) -> bool:
    return (hour - shift.start_hour) % 24 < (shift.end_hour - shift.start_hour) % 24
