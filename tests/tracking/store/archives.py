"""Logs of three months, and stores that know where archives are, for the tests of archives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.tracking.store.histories import batches_of, incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.clock import DAY_US, SystemClock, to_us
from tracking.door import Door
from tracking.offering import Incoming
from tracking.registry import Registry
from tracking.store.archives.drop import drop_months
from tracking.store.archives.read import ArchiveRow
from tracking.store.archives.write import archive_months
from tracking.store.event_store import EventStore

MONTHS = ("2026-10", "2026-11", "2026-12")


class YearsLater(SystemClock):
    """A clock that stands in the summer of 2029, when all three months may go."""

    def now_us(self) -> int:
        return to_us(datetime(2029, 6, 1, tzinfo=UTC))


class ArchivingBench(Bench):
    """A bench whose store reads what is archived in a folder."""

    def __init__(self, url: str, registry: Registry, folder: Path) -> None:
        self.folder = folder
        super().__init__(url, registry)

    def restart(self) -> None:
        super().restart()
        self.store = EventStore(self.database, self.registry, self.folder)
        self.door = Door(self.store, self.registry, SystemClock())

    def archive(self) -> list[ArchiveRow]:
        return archive_months(self.url, self.folder, YearsLater())

    def drop(self, before: str | None = None) -> list[ArchiveRow]:
        return drop_months(self.url, self.folder, YearsLater(), before=before)


def three_months(cases: int = 2) -> list[Incoming]:
    """Return the events of some cases of October; those of the second third came in November, the last in December."""
    events = incoming(lab_life("rl4", "S", cases))
    return [
        replace(event, received_us=event.received_us + 31 * DAY_US * (3 * place // len(events)))
        for place, event in enumerate(events)
    ]


def held_back(events: Sequence[Incoming]) -> tuple[list[Incoming], list[Incoming]]:
    """Part events into those that come in time and those of the first months that come in the next January."""
    late = [e for e in events[: len(events) // 2][4::5] if b"case.received" not in e.body]
    in_time = [event for event in events if event not in late]
    return in_time, [replace(event, received_us=event.received_us + 100 * DAY_US) for event in late]


def take_all(bench: Bench, events: Sequence[Incoming]) -> None:
    for batch in batches_of(events, 20):
        assert {receipt.fate for receipt in bench.door.take(batch)} == {"accepted"}
