"""Runs the networks in all engines and says, measure by measure, whether they agree. Prints and asserts nothing."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np

from tests.simulations.cross_engines import with_ciw, with_ours, with_salabim
from tests.simulations.cross_engines.measures import Measure, Seen, value
from tests.simulations.cross_engines.networks import NETWORKS, Network, Station

AGREED_SE = 3.89
"""How many standard errors of their difference two means may lie apart: one true agreement in 10⁴ is refused."""
SEED = 20261121


class Engine(StrEnum):
    """The engines that are tried against each other."""

    OURS = "ours"
    CIW = "ciw"
    SALABIM = "salabim"


REPLICATIONS = {Engine.OURS: 60, Engine.CIW: 32, Engine.SALABIM: 20}
"""Each according to its speed, so that all take about as long."""


class Verdict(StrEnum):
    """What a comparison came to."""

    AGREE = "agree"
    DIFFER = "differ"
    TOO_COARSE = "too coarse"


@dataclass(frozen=True)
class Mean:
    """A measure's mean over replications, and its standard error."""

    mean: float
    error: float


@dataclass(frozen=True)
class Row:
    """One measure of one network by every engine that can say the network."""

    network: Network
    measure: Measure
    means: dict[Engine, Mean]

    @property
    def z(self) -> dict[tuple[Engine, Engine], float]:
        """The difference of each two engines in standard errors of it."""
        pairs = combinations(self.means, 2)
        return {(a, b): (self.means[a].mean - self.means[b].mean) / self._error(a, b) for a, b in pairs}

    @property
    def precision(self) -> float:
        """The widest 95 % half-width of a difference from the first engine, as a share of that one's mean."""
        first, *others = self.means
        return max(1.96 * self._error(first, other) for other in others) / abs(self.means[first].mean)

    @property
    def verdict(self) -> Verdict:
        """Whether all engines agree, as closely as the network asks for."""
        if not all(abs(z) <= AGREED_SE for z in self.z.values()):
            return Verdict.DIFFER
        return Verdict.AGREE if self.precision <= self.network.precision else Verdict.TOO_COARSE

    def _error(self, a: Engine, b: Engine) -> float:
        return math.hypot(self.means[a].error, self.means[b].error)


def engines_for(network: Network) -> tuple[Engine, ...]:
    """Return the engines that can say a network, ours first."""
    return tuple(engine for engine in Engine if engine is not Engine.CIW or not network.ciw_cannot)


def cross_check_rows(networks: Iterable[Network] = NETWORKS) -> Iterator[Row]:
    """Run networks in every engine that can say them, and yield a row for each measure."""
    for network in networks:
        found = {engine: replications(network, engine) for engine in engines_for(network)}
        for measure in network.measures:
            yield Row(network, measure, {engine: mean_of(runs, measure) for engine, runs in found.items()})


def replications(network: Network, engine: Engine, count: int | None = None) -> list[dict[str, float]]:
    """Return the measures, by name, of each replication of a network in one engine."""
    return [replication(network, engine, number) for number in range(count or REPLICATIONS[engine])]


def replication(network: Network, engine: Engine, number: int) -> dict[str, float]:
    """Run one replication in one engine, and return the measures that the network asks for, by name."""
    if engine is Engine.OURS:
        return with_ours.run(network, SEED, number)
    run, first_seed = _OTHERS[engine]
    seen = run(network, first_seed + number)
    return {measure.name: value(seen, measure, _people(network, measure)) for measure in network.measures}


_OTHERS: dict[Engine, tuple[Callable[[Network, int], Seen], int]] = {
    Engine.CIW: (with_ciw.run, SEED + 1_000),
    Engine.SALABIM: (with_salabim.run, SEED + 2_000),
}
"""Both draw from Python's generator, often in the same order: the seeds keep their luck apart."""


def _people(network: Network, measure: Measure) -> int:
    station = network.station(measure.station) if measure.station else None
    return station.people if isinstance(station, Station) else 1


def mean_of(runs: list[dict[str, float]], measure: Measure) -> Mean:
    """Return the mean of a measure over replications, and its standard error."""
    found = np.array([run[measure.name] for run in runs])
    return Mean(float(found.mean()), float(found.std(ddof=1) / math.sqrt(len(found))))
