"""Puts written history through the one door: recent weeks first, and on from where an earlier start was cut off.

The folder holds the period and what was written; the same seed and period give the same events with the same
identities, so that what was stored before counts as a duplicate. When all is in, the folder goes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import orjson

from simulations.virtual_lab.history import Chapter, Period, read_in_order, write_history
from tracking.clock import DAY_US, from_us
from tracking.door import Incoming, Receipt
from tracking.errors import HistotwinError
from tracking.registry import Lab
from tracking.store.progress import Progress

BATCH = 4000
"""Events in one transaction: so many that the commit hardly counts, so few that live events soon get their turn."""
_PERIOD, _RECENT_IS_IN = "period.json", "recent-is-in"


class TakesEvents(Protocol):
    """The one door, as far as it is needed here."""

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        """Store a batch and say what became of each."""


class HistoryRefused(HistotwinError):
    """The door did not take an event of our own history: the twin and the vocabulary disagree."""


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """Which labs, how many weeks in all and how many of them first, from which seed; ``folder`` is kept until done."""

    labs: Sequence[Lab]
    models: Path
    folder: Path
    weeks: float
    recent_weeks: float
    seed: int


def fill_history(
    plan: HistoryPlan, door: TakesEvents, begin: Callable[[int, str], Progress], now_us: int, ready: Callable[[], None]
) -> None:
    """Store all of it; ``ready`` is called when the recent weeks of every lab are in. Raises ``HistoryRefused``.

    ``begin(total, detail)`` starts a row of progress.
    """
    period = _period(plan, now_us)
    chapters = _store_recent(plan, period, door, begin(len(plan.labs), f"Simulating {len(plan.labs)} laboratories"))
    ready()
    older = sum(chapter.older_events for chapter in chapters)
    progress = begin(older, f"Storing {older:,} older events")

    def tell(done: int, turn_us: int) -> None:
        progress.report(
            done, f"Older history is in from {from_us(period.start_us):%d %b} to {from_us(turn_us):%d %b %Y}"
        )

    seed(door, [chapter.older for chapter in chapters], tell)
    progress.finish(f"{plan.weeks:g} weeks of history are in")
    shutil.rmtree(plan.folder)


def seed(
    door: TakesEvents, files: Sequence[Path], tell: Callable[[int, int], None] = lambda _done, _turn_us: None
) -> int:
    """Store the events of all files in their turn; ``tell(done, turn_us)`` after each batch. Returns how many.

    An event counts as received at its turn. Raises ``HistoryRefused``.
    """
    done = 0
    for batch in _batches(_incoming(files)):
        for receipt in door.take(batch):
            if receipt.fate in {"rejected", "conflict"}:
                raise HistoryRefused(f"{receipt.source}: {receipt.reason}: {receipt.message}")
        done += len(batch)
        tell(done, batch[-1].received_us)
    return done


def _store_recent(plan: HistoryPlan, period: Period, door: TakesEvents, progress: Progress) -> list[Chapter]:
    """Store each lab's recent weeks while the next labs are still being simulated."""
    is_in = (plan.folder / _RECENT_IS_IN).exists()
    chapters: list[Chapter] = []
    for chapter in write_history(plan.labs, plan.models, period, seed=plan.seed, folder=plan.folder):
        chapters.append(chapter)
        if not is_in:
            seed(door, [chapter.recent])
        told = f"The last {plan.recent_weeks:g} weeks of {len(chapters)} of {len(plan.labs)} laboratories are in"
        progress.report(len(chapters), told)
    (plan.folder / _RECENT_IS_IN).touch()
    return chapters


def _period(plan: HistoryPlan, now_us: int) -> Period:
    """Return the period, the one of an earlier start if there was one."""
    file = plan.folder / _PERIOD
    if file.exists():
        return Period(**orjson.loads(file.read_bytes()))
    week_us = 7 * DAY_US
    period = Period(now_us - round(plan.weeks * week_us), now_us - round(plan.recent_weeks * week_us), now_us)
    plan.folder.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps(period))
    return period


def _incoming(files: Sequence[Path]) -> Iterator[Incoming]:
    for turn_us, source, envelope in read_in_order(files):
        yield Incoming(body=envelope, channel="history", received_us=turn_us, origin=source)


def _batches(events: Iterable[Incoming]) -> Iterator[list[Incoming]]:
    iterator = iter(events)
    while batch := list(islice(iterator, BATCH)):
        yield batch
