"""What the other two engines saw, and the measures taken from it by our definitions. No engine lives here.

Our engine takes its own measures; these are worked out independently from the bare moments of every visit.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Kind(StrEnum):
    """The measures compared, by the names that our engine gives them."""

    WAIT_MEAN = "wait_mean_h"
    WAIT_P90 = "wait_p90_h"
    WAITED = "waited_pct"
    QUEUE_MEAN = "queue_mean"
    PRESENT_MEAN = "present_mean"
    REFUSED = "refused_pct"
    GAVE_UP = "gave_up_pct"
    BUSY = "utilisation"
    TAT_MEAN = "tat_mean_d"
    TAT_P90 = "tat_p90_d"


@dataclass(frozen=True)
class Measure:
    """A measure of a station, of a class at a station, or of all cases or a class from coming to leaving."""

    kind: Kind
    station: str = ""
    klass: str = ""

    @property
    def name(self) -> str:
        """The name in our engine's results, such as `wait_mean_h.cut_up.urgent`."""
        return ".".join(part for part in (self.kind.value, self.station, self.klass) if part)


@dataclass(frozen=True, slots=True)
class Visit:
    """One item at one station: when it came, was begun and left, in hours; None is not yet, or never."""

    station: str
    klass: str
    came: float
    started: float | None
    left: float | None
    was_refused: bool = False

    @property
    def waited_until(self) -> float | None:
        """When the wait ended: at the start of work, or on leaving without."""
        return self.left if self.started is None else self.started

    @property
    def gave_up(self) -> bool:
        """Whether the item left unserved after it had waited."""
        return self.started is None and self.left is not None and not self.was_refused


@dataclass(frozen=True, slots=True)
class Journey:
    """One finished case, from coming to leaving, in hours."""

    klass: str
    came: float
    left: float


@dataclass(frozen=True)
class Seen:
    """All that one replication showed, and the hours between which measures are taken."""

    visits: tuple[Visit, ...]
    journeys: tuple[Journey, ...]
    start: float
    end: float

    def at(self, measure: Measure) -> Iterator[Visit]:
        """Yield the visits that a measure is about."""
        return (
            visit for visit in self.visits if visit.station == measure.station and measure.klass in ("", visit.klass)
        )


def value(seen: Seen, measure: Measure, people: int) -> float:
    """Return a measure of one replication; `people` is how many serve at the station."""
    if measure.kind is Kind.BUSY:
        return _busy(seen, measure) / people
    return float(_TAKEN[measure.kind](seen, measure))


def _busy(seen: Seen, measure: Measure) -> float:
    return _mean_number(seen, [(visit.started, visit.left) for visit in seen.at(measure) if visit.started is not None])


def _queue(seen: Seen, measure: Measure) -> float:
    return _mean_number(seen, ((visit.came, visit.waited_until) for visit in seen.at(measure)))


def _present(seen: Seen, measure: Measure) -> float:
    return _mean_number(seen, ((visit.came, visit.left) for visit in seen.at(measure)))


def _waits(seen: Seen, measure: Measure) -> NDArray[np.float64]:
    """Return the hours waited, by those who had left by the end, until they were begun or gave up after the warm-up."""
    waits = [
        (visit.waited_until, visit.waited_until - visit.came)
        for visit in seen.at(measure)
        if visit.waited_until is not None and visit.left is not None and not visit.was_refused
    ]
    return np.array([hours for until, hours in waits if until >= seen.start])


def _came(seen: Seen, measure: Measure) -> Iterator[Visit]:
    return (visit for visit in seen.at(measure) if visit.came >= seen.start)


def _percent(are: Iterable[bool]) -> float:
    return float(100 * np.mean(list(are)))


def _days(seen: Seen, measure: Measure) -> NDArray[np.float64]:
    return np.array(
        [
            (journey.left - journey.came) / 24
            for journey in seen.journeys
            if seen.start <= journey.left < seen.end and measure.klass in ("", journey.klass)
        ]
    )


def _mean_number(seen: Seen, spans: Iterable[tuple[float, float | None]]) -> float:
    """Return how many spans are open at a time, on average over the hours measured."""
    clipped = (
        max(0.0, min(seen.end if end is None else end, seen.end) - max(begin, seen.start)) for begin, end in spans
    )
    return sum(clipped) / (seen.end - seen.start)


_TAKEN: dict[Kind, Callable[[Seen, Measure], float]] = {
    Kind.WAIT_MEAN: lambda seen, measure: _waits(seen, measure).mean(),
    Kind.WAIT_P90: lambda seen, measure: np.percentile(_waits(seen, measure), 90),
    Kind.WAITED: lambda seen, measure: 100 * (_waits(seen, measure) > 0).mean(),
    Kind.QUEUE_MEAN: _queue,
    Kind.PRESENT_MEAN: _present,
    Kind.REFUSED: lambda seen, measure: _percent(visit.was_refused for visit in _came(seen, measure)),
    Kind.GAVE_UP: lambda seen, measure: _percent(visit.gave_up for visit in _came(seen, measure)),
    Kind.TAT_MEAN: lambda seen, measure: _days(seen, measure).mean(),
    Kind.TAT_P90: lambda seen, measure: np.percentile(_days(seen, measure), 90),
}
