"""A network in the words of Ciw, and what one of its runs showed. Ciw draws from its own generators."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import ciw

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
    Network,
    Station,
    Stream,
    ways_for,
)

INFINITE = float("inf")

_THEIRS: dict[type, Callable[[Any], Any]] = {
    Constant: lambda law: ciw.dists.Deterministic(law.hours),
    Uniform: lambda law: ciw.dists.Uniform(law.low, law.high),
    Triangular: lambda law: ciw.dists.Triangular(law.low, law.mode, law.high),
    Exponential: lambda law: ciw.dists.Exponential(1 / law.mean),
    Erlang: lambda law: ciw.dists.Erlang(law.stages / law.mean, law.stages),
    Gamma: lambda law: ciw.dists.Gamma(law.shape, law.scale),
    Lognormal: lambda law: ciw.dists.Lognormal(law.mu, law.sigma),
    Weibull: lambda law: ciw.dists.Weibull(law.scale, law.shape),
    Recorded: lambda law: ciw.dists.Sequential(law.hours),
}


def run(network: Network, seed: int) -> Seen:
    """Run one replication; ValueError when Ciw cannot say the network."""
    if network.ciw_cannot:
        raise ValueError(f"{network.name}: Ciw cannot run it, {network.ciw_cannot}")
    ciw.seed(seed)
    simulation = ciw.Simulation(build(network))
    simulation.refused = []
    simulation.simulate_until_max_time(network.end_hours)
    records = simulation.get_all_records(include_incomplete=True)
    visits = (*simulation.refused, *_visits(network, records))
    return Seen(visits, tuple(_journeys(network, records)), network.warm_up_hours, network.end_hours)


def build(network: Network) -> Any:
    """Return Ciw's network: a node for each station, after a gate without delay when the first has little room."""
    stations = [cast(Station, station) for station in network.stations]
    gate = [None] * _gates(network)
    by_class = {klass: [station.law_for(klass) for station in stations] for klass in network.classes}
    return ciw.create_network(
        arrival_distributions={klass: _at_first(network, _gaps(network, klass), None) for klass in network.classes},
        batching_distributions={
            klass: _at_first(network, _sizes(network, klass), ciw.dists.Deterministic(1)) for klass in network.classes
        },
        service_distributions={
            klass: [*(ciw.dists.Deterministic(0.0) for _ in gate), *map(distribution, laws)]
            for klass, laws in by_class.items()
        },
        number_of_servers=[*(INFINITE for _ in gate), *map(_servers, stations)],
        queue_capacities=[*(INFINITE for _ in gate), *(INFINITE if s.room is None else s.room for s in stations)],
        reneging_time_distributions={
            klass: [*gate, *(s.patience and distribution(s.patience) for s in stations)] for klass in network.classes
        },
        priority_classes=(
            {klass: rank for rank, klass in enumerate(network.classes)},
            [*(False for _ in gate), *("resume" if s.preempts else False for s in stations)],
        ),
        routing={klass: ciw.routing.NetworkRouting(_routers(network, klass)) for klass in network.classes},
    )


def distribution(law: Law) -> Any:
    """Return Ciw's own distribution of a law."""
    return _THEIRS[type(law)](law)


def _stream(network: Network, klass: str) -> Stream | None:
    return next((stream for stream in network.streams if stream.klass == klass), None)


def _gaps(network: Network, klass: str) -> Any:
    stream = _stream(network, klass)
    return stream and distribution(stream.gap)


def _sizes(network: Network, klass: str) -> Any:
    stream = _stream(network, klass)
    single = stream is None or stream.mean_size == 1.0
    return ciw.dists.Deterministic(1) if single else ciw.dists.Geometric(1 / cast(Stream, stream).mean_size)


def _gates(network: Network) -> int:
    """Return 1 when those who come must be sent on by hand: Ciw itself can only turn them away."""
    return int(cast(Station, network.stations[0]).room is not None)


def _number(network: Network, station: str) -> int:
    """Return Ciw's number of a station's node."""
    return network.index(station) + _gates(network) + 1


def _at_first(network: Network, first: Any, elsewhere: Any) -> list[Any]:
    return [first, *(elsewhere for _ in range(len(network.stations) + _gates(network) - 1))]


def _servers(station: Station) -> Any:
    """Return how many serve, or Ciw's schedule of one day, over and over."""
    if not station.shifts:
        return station.people
    people, ends, now = [], [], 0
    for shift in station.shifts:
        people += [0, shift.people]
        ends += [shift.start_hour, shift.end_hour]
        now = shift.end_hour
    if now < 24:
        people, ends = [*people, 0], [*ends, 24]
    return ciw.Schedule(numbers_of_servers=people, shift_end_dates=ends)


def _routers(network: Network, klass: str) -> list[Any]:
    gate = [_Gate(network)] * _gates(network)
    return [*gate, *(_after(network, cast(Station, station), klass) for station in network.stations)]


def _after(network: Network, station: Station, klass: str) -> Any:
    ways = ways_for(station, klass)
    numbers = [_number(network, way.to) for way in ways]
    return ciw.routing.Probabilistic(numbers, [way.probability for way in ways])


class _Gate(ciw.routing.NodeRouting):  # type: ignore[misc]
    """Sends who comes to the first station, or where the network sends those who find it full."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def next_node(self, individual: Any) -> Any:
        to = self.network.stations[0].name
        while to not in (OUT, LEAVE):
            node = self.simulation.nodes[_number(self.network, to)]
            if node.number_of_individuals < node.node_capacity:
                return node
            now = self.simulation.current_time
            self.simulation.refused.append(Visit(to, individual.customer_class, now, None, now, was_refused=True))
            to = cast(Station, self.network.station(to)).when_full
            assert to != WAIT_BEFORE, "nobody can wait before the first station"
        return self.simulation.nodes[-1]


def _visits(network: Network, records: list[Any]) -> Iterator[Visit]:
    """Yield a visit for each stay at a station; an interrupted stay is one visit, begun at its first start."""
    first_start = {
        (record.id_number, record.node, record.arrival_date): record.service_start_date
        for record in reversed(records)
        if record.record_type == "interrupted service"
    }
    for record in records:
        number = record.node - _gates(network) - 1
        if number < 0 or record.record_type == "interrupted service":
            continue
        begun = None if record.record_type == "renege" else record.service_start_date
        started = first_start.get((record.id_number, record.node, record.arrival_date), begun)
        yield Visit(
            network.stations[number].name, record.customer_class, record.arrival_date, started, record.exit_date
        )


def _journeys(network: Network, records: list[Any]) -> Iterator[Journey]:
    """Yield the cases that left by the exit after work, from when they came."""
    came = {record.id_number: record.arrival_date for record in reversed(records)}
    for record in records:
        if record.record_type == "service" and record.destination == -1 and record.node > _gates(network):
            yield Journey(record.customer_class, came[record.id_number], record.exit_date)
