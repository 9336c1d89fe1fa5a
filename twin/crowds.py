"""How many items were at each step, and how many of them waited: exact averages over time, from all visits. Reads only.

Those still there count until now; what came before the end of the warm-up counts from then on.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.items import AWAY, Case, Item
from twin.stations import HandStation
from twin.stations.gates import WaitingRoom
from twin.stations.visits import Visits

if TYPE_CHECKING:
    from twin.model import LabModel

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Crowd:
    """All stays at one step within a window (µs): when each came, was begun and left, and of how many items."""

    since_us: int
    until_us: int
    came_us: Ints
    begun_us: Ints
    left_us: Ints
    quantity: Ints

    def queue_mean(self) -> float:
        """Return how many waited, on average over time."""
        return float((self.quantity * (self.begun_us - self.came_us)).sum() / (self.until_us - self.since_us))

    def present_mean(self) -> float:
        """Return how many were there, waiting or in hand, on average over time."""
        return float((self.quantity * (self.left_us - self.came_us)).sum() / (self.until_us - self.since_us))

    def shares(self) -> dict[int, float]:
        """Return the percent of time with each number present."""
        edges = np.concatenate((self.came_us, self.left_us, [self.since_us, self.until_us]))
        changes = np.concatenate((self.quantity, -self.quantity, [0, 0]))
        order = np.argsort(edges, kind="stable")
        present, spans = np.cumsum(changes[order])[:-1], np.diff(edges[order])
        lasted = spans > 0
        spent = np.bincount(present[lasted], weights=spans[lasted])
        return {number: float(100 * time / (self.until_us - self.since_us)) for number, time in enumerate(spent)}


def crowd_measures(model: "LabModel") -> Iterator[tuple[str, float]]:
    """Yield the numbers waiting and present at each step, and the shares of time of the steps that ask for them."""
    there = _still_there(model)
    for index, station in enumerate(model.stations):
        if station.visits is None or model.agenda.now <= model.record.since_us:
            continue
        crowd = _crowd(model, station.visits, there[index])
        yield f"queue_mean.{station.name}", crowd.queue_mean()
        yield f"present_mean.{station.name}", crowd.present_mean()
        if station.name in model.lab.run.state_shares:
            yield from ((f"state_pct.{station.name}.{number}", share) for number, share in crowd.shares().items())


def turned_away(model: "LabModel") -> Iterator[tuple[str, float]]:
    """Yield the percent of those who came to a step that found it full, or gave up waiting there."""
    for station in model.stations:
        gate = station.gate if isinstance(station, HandStation) else None
        if isinstance(gate, WaitingRoom) and gate.came:
            yield f"refused_pct.{station.name}", 100 * gate.refused / gate.came
            yield f"gave_up_pct.{station.name}", 100 * gate.gave_up / gate.came


def _crowd(model: "LabModel", visits: Visits, there: list[Item]) -> Crowd:
    since, now = model.record.since_us, model.agenda.now
    rows = [
        (item.arrived_us, now if item.started_us is None else item.started_us, now, item.quantity) for item in there
    ]
    staying = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    columns = (visits.arrived_us, visits.started_us, visits.ended_us)
    moments = [np.concatenate(pair) for pair in zip(columns, staying[:3], strict=True)]
    came, begun, left = (np.maximum(column, since) for column in moments)
    return Crowd(since, now, came, begun, left, np.concatenate((visits.quantities(), staying[3])))


def _still_there(model: "LabModel") -> dict[int, list[Item]]:
    """Return by step the items that are at it, not those that wait before it for their kin."""
    found: dict[int, list[Item]] = defaultdict(list)
    for case in model.open_cases:
        for item in _lineage(case):
            if item.step != AWAY and item.step < len(model.stations) and model.pathway.levels[item.step] == item.level:
                found[item.step].append(item)
    return found


def _lineage(case: Case) -> Iterator[Item]:
    yield case
    for specimen in case.specimens:
        yield specimen
        for block in specimen.blocks:
            yield block
            yield from block.parts
