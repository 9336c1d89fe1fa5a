"""Networks without luck: all times are written down beforehand, so all engines must find the same. Runs nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from tests.simulations.cross_engines.networks import AnyStation, Courier, Machine, Network

US_PER_HOUR = 3_600_000_000
TIMES = 2_000


def leaves_nothing_to_luck(network: Network) -> bool:
    """Tell whether a network's times are all the luck there is in it."""
    sizes = {stream.mean_size for stream in network.streams}
    shares = {way.probability for station in network.stations for way in station.ways}
    return sizes == {1.0} and shares <= {1.0} and not network.blocks_per_case


def recorded(network: Network, seed: int) -> Network:
    """Return one week of a network with times drawn once, in whole microseconds, for each class at each station."""
    rng = np.random.default_rng(seed)
    return replace(
        network,
        stations=tuple(_station(network, station, rng) for station in network.stations),
        streams=tuple(replace(stream, gap=_drawn(stream.gap, rng)) for stream in network.streams),
        warm_up_weeks=0.25,
        weeks=1.75,
    )


def _station(network: Network, station: AnyStation, rng: np.random.Generator) -> AnyStation:
    if isinstance(station, Machine):
        run, load, unload = (_drawn(law, rng) for law in (station.run, station.load, station.unload))
        return replace(station, run=run, load=load, unload=unload)
    if isinstance(station, Courier):
        return replace(station, there=_drawn(station.there, rng), back=_drawn(station.back, rng))
    return replace(
        station,
        service_of=tuple((klass, _drawn(station.law_for(klass), rng)) for klass in network.classes),
        patience=station.patience and _drawn(station.patience, rng),
    )


def _drawn(law: Law, rng: np.random.Generator) -> Recorded:
    hours = _DRAWN[type(law)](law, rng)
    return Recorded(tuple((np.rint(hours * US_PER_HOUR) / US_PER_HOUR).tolist()))


_DRAWN: dict[type, Callable[[Any, np.random.Generator], NDArray[np.float64]]] = {
    Constant: lambda law, _: np.full(TIMES, law.hours),
    Uniform: lambda law, rng: rng.uniform(law.low, law.high, TIMES),
    Triangular: lambda law, rng: rng.triangular(law.low, law.mode, law.high, TIMES),
    Exponential: lambda law, rng: rng.exponential(law.mean, TIMES),
    Erlang: lambda law, rng: rng.gamma(law.stages, law.mean / law.stages, TIMES),
    Gamma: lambda law, rng: rng.gamma(law.shape, law.scale, TIMES),
    Lognormal: lambda law, rng: rng.lognormal(law.mu, law.sigma, TIMES),
    Weibull: lambda law, rng: law.scale * rng.weibull(law.shape, TIMES),
}
