"""The moments at which a slotted machine starts, and for how many. Pure: no machine, nobody waiting."""

from collections.abc import Iterator
from itertools import count

from twin.distributions import MICROSECONDS
from twin.lab import Slots


def starts(slots: Slots, from_us: int) -> Iterator[tuple[int, int]]:
    """Yield each start (µs) and its places, counted from the moment a run began; for ever where there is a cycle."""
    unit = MICROSECONDS[slots.unit]
    first = from_us + round(slots.offset * unit)
    cycle = 0 if slots.cycle is None else max(round(slots.cycle * unit), 1)
    for number in count() if cycle else (0,):
        for slot in slots.starts:
            yield first + number * cycle + round(slot.at * unit), slot.size
