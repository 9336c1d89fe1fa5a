"""A network in the words of salabim, and what one of its runs showed. Without trace, screen or salabim's monitors."""

import random
from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import cycle
from typing import Any

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
from tests.simulations.cross_engines.measures import Journey, Seen, Visit
from tests.simulations.cross_engines.networks import (
    LEAVE,
    OUT,
    WAIT_BEFORE,
    Machine,
    Network,
    Shift,
    Station,
    Stream,
    ways_for,
)

FIRST = -1.0
"""The rank of loading and unloading, before every class."""
CLASS_APART = 1e6
"""Between the ranks of two classes: more hours than any run lasts, since within a class the earlier goes first."""

Process = Iterator[Any]
Treatment = Generator[Any, Any, "tuple[str, _Stay | None]"]
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


def run(network: Network, seed: int) -> Seen:
    """Run one replication."""
    lab = _Lab(network, seed)
    lab.environment.run(network.end_hours)
    visits = tuple(stay.visit for stay in lab.stays)
    return Seen(visits, tuple(lab.journeys), network.warm_up_hours, network.end_hours)


def distribution(law: Law) -> Any:
    """Return salabim's own distribution of a law, where it has one."""
    return _THEIRS[type(law)](law)


class _Hand(salabim.Component):  # type: ignore[misc]
    """A component that does one process after another: salabim takes long to make one, and little to wake one."""

    def setup(self, idle: "list[_Hand]") -> None:
        self.idle = idle
        self.task: Process = iter(())
        self.status.monitor(False)
        self.mode.monitor(False)

    def process(self) -> Process:
        while True:
            yield from self.task
            self.idle.append(self)
            yield self.passivate()


class _Lab:
    """Everything of one run: the stations, who is idle, and what was seen."""

    def __init__(self, network: Network, seed: int) -> None:
        self.environment = salabim.Environment(random_seed=seed, set_numpy_random_seed=False, yieldless=False)
        self.network = network
        self.idle: list[_Hand] = []
        self.stays: list[_Stay] = []
        self.journeys: list[Journey] = []
        self.rank = {klass: CLASS_APART * rank for rank, klass in enumerate(network.classes)}
        self.stations = {station.name: self._station(station) for station in network.stations}
        for stream in network.streams:
            self.begin(partial(self._come, stream))

    @property
    def now(self) -> float:
        return float(self.environment.now())

    def begin(self, task: Callable[[_Hand], Process]) -> None:
        """Let a hand that has nothing to do begin a process."""
        if self.idle:
            hand = self.idle.pop()
            hand.task = task(hand)
            hand.activate()
        else:
            hand = _Hand(idle=self.idle)
            hand.task = task(hand)

    def people(self, station: str) -> Any:
        """Return salabim's resource for the people of a station."""
        bench = self.stations[station]
        assert isinstance(bench, _Bench), f"{station}: no people work there"
        return bench.people

    def _station(self, station: Station | Machine) -> "_Bench | _Processor":
        if isinstance(station, Machine):
            return _Processor(self, station)
        return _BlockBench(self, station) if station.of_blocks else _Bench(self, station)

    def _come(self, stream: Stream, hand: _Hand) -> Process:
        gap = distribution(stream.gap)
        while True:
            yield hand.hold(gap())
            for _ in range(_geometric(stream.mean_size)):
                self.begin(partial(self._follow, stream.klass))

    def _follow(self, klass: str, case: _Hand) -> Process:
        """Go from station to station; what is held at one is let go when the next has let the case in."""
        came, at, held = self.now, self.network.stations[0].name, None
        while at in self.stations:
            at, held = yield from self.stations[at].treat(case, klass, held)
        if held:
            held.end(case)
        if at == OUT:
            self.journeys.append(Journey(klass, came, self.now))


class _Stay:
    """One item at one station, written down as it happens."""

    __slots__ = ("_at", "came", "holds", "klass", "left", "started", "was_refused")

    def __init__(self, at: "_Bench | _Processor", klass: str, was_refused: bool = False) -> None:
        self._at, self.klass, self.came, self.was_refused = at, klass, at.lab.now, was_refused
        self.started: float | None = None
        self.left = self.came if was_refused else None
        self.holds: list[Any] = []
        at.lab.stays.append(self)

    @property
    def visit(self) -> Visit:
        return Visit(self._at.station.name, self.klass, self.came, self.started, self.left, self.was_refused)

    def end(self, hand: _Hand) -> None:
        """Leave, and let go what was held."""
        self.left = self._at.lab.now
        if self.holds:
            hand.release(*self.holds)


class _Bench:
    """A station of people."""

    def __init__(self, lab: _Lab, station: Station) -> None:
        self.lab, self.station = lab, station
        self.people = salabim.Resource(capacity=station.people, preemptive=station.preempts, monitor=False)
        room = float("inf") if station.room is None else station.room
        self._places = salabim.Resource(capacity=station.people + room, monitor=False)
        self._service = {klass: distribution(station.law_for(klass)) for klass in lab.network.classes}
        self._patience = station.patience and distribution(station.patience)
        if station.shifts:
            lab.begin(self._change_shifts)

    def treat(self, case: _Hand, klass: str, held: _Stay | None) -> Treatment:
        """Serve a case, and return where it goes and what it still holds here; `held` is let go once it is in."""
        if self.station.when_full != WAIT_BEFORE and self._places.available_quantity() < 1:
            _Stay(self, klass, was_refused=True)
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
        return _next(self.station, klass), stay

    def serve(self, hand: _Hand, klass: str) -> Generator[Any, Any, _Stay]:
        """Wait for somebody and be served; without a start when patience ended first."""
        stay = _Stay(self, klass)
        rank = self.lab.rank[klass] + self.lab.now
        yield hand.request((self.people, 1, rank), fail_delay=self._patience() if self._patience else None)
        if not hand.failed():
            stay.started = self.lab.now
            stay.holds.append(self.people)
            yield from self._work(hand, rank, self._service[klass]())
        return stay

    def _work(self, hand: _Hand, rank: float, hours: float) -> Process:
        """Work, and after an interruption go on where it was."""
        while True:
            begun = self.lab.now
            yield hand.hold(hours)
            if not self.station.preempts or hand.isclaiming(self.people):
                return
            hours -= self.lab.now - begun
            yield hand.request((self.people, 1, rank))

    def _change_shifts(self, hand: _Hand) -> Process:
        """Look at every full hour how many are there; whoever works on is not disturbed."""
        while True:
            hour = round(self.lab.now) % 24
            self.people.set_capacity(sum(shift.people for shift in self.station.shifts if _covers(shift, hour)))
            yield hand.hold(1)


class _BlockBench(_Bench):
    """A station where the blocks of a case are served each by itself."""

    def __init__(self, lab: _Lab, station: Station) -> None:
        super().__init__(lab, station)
        counts, shares = zip(*lab.network.blocks_per_case, strict=True)
        self._count = salabim.Pmf(counts, shares)
        self._open: dict[_Hand, int] = {}

    def treat(self, case: _Hand, klass: str, held: _Stay | None) -> Treatment:
        """Let every block be served, and return where the case goes after the last."""
        if held:
            held.end(case)
        self._open[case] = self._count()
        for _ in range(self._open[case]):
            self.lab.begin(partial(self._block, case, klass))
        yield case.passivate()
        return _next(self.station, klass), None

    def _block(self, case: _Hand, klass: str, block: _Hand) -> Process:
        stay = yield from self.serve(block, klass)
        stay.end(block)
        self._open[case] -= 1
        if not self._open[case]:
            del self._open[case]
            case.activate()


class _Processor:
    """A machine that runs many at once."""

    def __init__(self, lab: _Lab, station: Machine) -> None:
        self.lab, self.station = lab, station
        self._machine = salabim.Resource(monitor=False)
        self._gathering: list[tuple[_Hand, _Stay]] = []
        self._run, self._load, self._unload = map(distribution, (station.run, station.load, station.unload))

    def treat(self, case: _Hand, klass: str, held: _Stay | None) -> Treatment:
        """Join the batch that gathers, and return where the case goes once it has been unloaded."""
        if held:
            held.end(case)
        self._gathering.append((case, _Stay(self, klass)))
        if len(self._gathering) == self.station.size:
            self._close()
        elif len(self._gathering) == 1:
            self.lab.begin(partial(self._close_in_time, self._gathering))
        yield case.passivate()
        return _next(self.station, klass), None

    def _close_in_time(self, batch: list[tuple[_Hand, _Stay]], hand: _Hand) -> Process:
        yield hand.hold(self.station.max_wait.hours)
        if batch is self._gathering:
            self._close()

    def _close(self) -> None:
        self.lab.begin(partial(self._treat_all, self._gathering))
        self._gathering = []

    def _treat_all(self, batch: list[tuple[_Hand, _Stay]], hand: _Hand) -> Process:
        people = self.lab.people(self.station.handled_by)
        yield hand.request(self._machine, (people, 1, FIRST))
        yield hand.hold(self._load())
        hand.release(people)
        yield hand.hold(self._run())
        yield hand.request((people, 1, FIRST))
        yield hand.hold(self._unload())
        hand.release(self._machine, people)
        for case, stay in batch:
            stay.end(case)
            case.activate()


def _next(station: Station | Machine, klass: str) -> str:
    """Draw which way to go."""
    luck = random.random()
    for way in ways_for(station, klass):
        luck -= way.probability
        if luck < 0:
            return way.to
    return OUT


def _geometric(mean: float) -> int:
    """Draw how many come together: after each one, another with the same probability."""
    size = 1
    while mean > 1 and random.random() < 1 - 1 / mean:
        size += 1
    return size


def _covers(shift: Shift, hour: int) -> bool:
    return (hour - shift.start_hour) % 24 < (shift.end_hour - shift.start_hour) % 24
