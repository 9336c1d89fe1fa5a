"""What a Cambridge workbook says, as values. Nothing here reads a file or knows what a lab document looks like."""

from collections.abc import Mapping
from dataclasses import dataclass

from twin.workbook.names import BatchSize, Chance, HowMany, Journey, Machine, Runner, Staff, Stream, Task


@dataclass(frozen=True, slots=True)
class Spread:
    """How long a task takes, in its unit, or how many there are: `kind` is a lab file's word for the distribution."""

    kind: str
    low: float
    mode: float
    high: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Allocation:
    """How many people there are in each half hour of the days on which there are any (0 is Monday)."""

    days: tuple[int, ...]
    half_hours: tuple[int, ...]


Week = tuple[tuple[float, ...], ...]
"""Arrivals per hour: seven days from Monday, 24 hours each."""


@dataclass(frozen=True, slots=True)
class CambridgeWorkbook:
    """Everything a Cambridge workbook says; journeys and the runners' loading and unloading are in seconds."""

    arrivals: Mapping[Stream, Week]
    staff: Mapping[Staff, Allocation]
    machines: Mapping[Machine, int]
    durations: Mapping[Task, Spread]
    batch_sizes: Mapping[BatchSize, int]
    journeys: Mapping[Journey, float]
    runner: Mapping[Runner, float]
    chances: Mapping[Chance, float]
    counts: Mapping[HowMany, Spread]
