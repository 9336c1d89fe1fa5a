"""Puts written history through the one door, telling how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

from simulations.virtual_lab.history import read_in_order
from tracking.door import Incoming, Receipt
from tracking.errors import HistotwinError

BATCH = 4000
"""Events in one transaction: so many that the commit hardly counts, so few that live events soon get their turn."""


class TakesEvents(Protocol):
    """The one door, as far as it is needed here."""

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Store a batch and say what became of each."""


class HistoryRefused(HistotwinError):
    """The door did not take an event of our own history: the twin and the vocabulary disagree."""


def seed(door: TakesEvents, files: Sequence[Path], tell: Callable[[int, int], None]) -> int:
    """Store the events of all files in order of time; ``tell(done, time_us)`` after each batch. Returns how many.

    An event counts as received at the moment it happened. Raises ``HistoryRefused``.
    """
    done = 0
    for batch in _batches(_incoming(files)):
        for receipt in door.take(batch):
            if receipt.fate in {"rejected", "conflict"}:
                raise HistoryRefused(f"{receipt.source}: {receipt.reason}: {receipt.message}")
        done += len(batch)
        tell(done, batch[-1].received_us)
    return done


def _incoming(files: Sequence[Path]) -> Iterator[Incoming]:
    for at_us, source, envelope in read_in_order(files):
        yield Incoming(body=envelope, channel="history", received_us=at_us, origin=source)


def _batches(events: Iterable[Incoming]) -> Iterator[list[Incoming]]:
    iterator = iter(events)
    while batch := list(islice(iterator, BATCH)):
        yield batch
