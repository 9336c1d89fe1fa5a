"""What an oracle is: a small laboratory, the measures of it that theory knows, and how long it must be watched."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

ORACLES = Path(__file__).parent / "oracles"
LONG = 5
"""A long set watches so many times as much: half the interval, and a margin."""


@dataclass(frozen=True, slots=True)
class Length:
    """How a system is watched: hours measured after a warm-up, so many times with luck of its own."""

    hours: float
    warm_up_hours: float
    replications: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """How the fast set and the long set watch a system."""

    fast: Length
    long: Length


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of a lab and what theory says of it: `times` the measure, less `less`, is on average `theory`.

    `controls` name measures of the same runs whose mean is known, by which chance is taken out of this one.
    `precision` is the half-width asked for, as a share of the theory, where it is not that of the set. `absent` is what
    a run that does not have the measure says: a state that never occurred took no time.
    """

    kpi: str
    theory: float
    times: float = 1.0
    less: float = 0.0
    controls: tuple[str, ...] = ()
    precision: float | None = None
    absent: float = math.nan

    def read(self, kpis: Mapping[str, float]) -> float:
        """Return this measure of one run."""
        return self.times * kpis.get(self.kpi, self.absent) - self.less


@dataclass(frozen=True, slots=True)
class Oracle:
    """One system: its number, its lab file, what is known of it, and how long the fast and the long set watch it.

    `known` are means that are known without theory of waiting, to serve as controls: cases `arrived` per hour, and the
    share of time that somebody is at work, which is the work that comes per hour.
    """

    id: str
    what: str
    file: str
    measures: tuple[Measure, ...]
    lengths: Lengths
    known: Mapping[str, float] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The lab file."""
        return ORACLES / f"{self.file}.yaml"

    def length(self, *, long: bool) -> Length:
        """Return how long a set watches this system."""
        return self.lengths.long if long else self.lengths.fast

    def control(self, name: str, hours: float) -> Measure:
        """Return a control by its name: one of the measures, or one of the means known beforehand."""
        if name in self.known:
            return Measure(name, self.known[name] * (hours if name == "arrived" else 1.0))
        return next(measure for measure in self.measures if measure.kpi == name)


def watched_for(hours: float, *, warm_up: float, replications: int = 100) -> Lengths:
    """Return the lengths of a system that settles: the long set watches each replication longer."""
    fast = Length(hours, warm_up, replications)
    return Lengths(fast, replace(fast, hours=hours * LONG))


def repeated(replications: int, *, hours: float, warm_up: float = 0.0) -> Lengths:
    """Return the lengths of a system that lasts only to a given hour: the long set repeats it more often."""
    fast = Length(hours, warm_up, replications)
    return Lengths(fast, replace(fast, replications=replications * LONG))
