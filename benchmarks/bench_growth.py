"""How large the store grows and how fast it is checked: bytes an event by table, verify, rebuild and archive.

The same synthetic cases go through the door into SQLite and into a PostgreSQL of this run's own; docs/storage.md says
what follows for a laboratory, a region and a nation.

    python -m benchmarks.bench_growth [--events 60000]
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from tests.postgres import has_postgres, postgres
from tests.tracking.store.histories import batches_of, incoming, lab_life
from tracking.clock import SystemClock, to_us
from tracking.door import Door
from tracking.offering import Incoming
from tracking.registry import Registry, load_registry
from tracking.store.archives.write import archive_months
from tracking.store.checks.log import check_log
from tracking.store.database import open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade
from tracking.store.rebuild import rebuild
from tracking.store.verify import verify

ROOT = Path(__file__).parents[1]
LOG = ("event", "event_key", "item_event")
_SQLITE_SIZES = (
    "SELECT sqlite_master.tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_master ON sqlite_master.name = dbstat.name "
    "GROUP BY 1"
)
_POSTGRES_SIZES = (
    "SELECT regexp_replace(relname, '^event_p[0-9]+$', 'event'), sum(pg_total_relation_size(oid))::bigint "
    "FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' GROUP BY 1"
)
T = TypeVar("T")


class YearsLater(SystemClock):
    """A clock by which every month is over."""

    def now_us(self) -> int:
        return to_us(datetime(2030, 1, 1, tzinfo=UTC))


def timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def fill(url: str, registry: Registry, events: list[Incoming]) -> None:
    upgrade(url)
    database = open_database(url)
    door = Door(EventStore(database, registry), registry, SystemClock())
    for batch in batches_of(events, 100):
        door.take(batch)
    database.close()


def sizes(url: str) -> dict[str, int]:
    """Return the bytes of each table with its indexes, the free pages of the file left out."""
    if url.startswith("sqlite"):
        file = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as plain:  # the pinned one has no dbstat
            return dict(plain.execute(_SQLITE_SIZES).fetchall())
    with closing(open_database(url)) as database, database.reading() as connection:
        return {name: int(size) for name, size in connection.exec_driver_sql(_POSTGRES_SIZES) if size}


def tell_sizes(found: dict[str, int], count: int) -> None:
    for name in LOG:
        print(f"  {name:12}{found.get(name, 0) / count:8.0f}")
    rest = sum(size for name, size in found.items() if name not in LOG)
    print(f"  {'projections':12}{rest / count:8.0f}")
    print(f"  {'together':12}{sum(found.values()) / count:8.0f}   bytes an event")


def tell_speeds(url: str, registry: Registry, folder: Path, count: int) -> None:
    database = open_database(url)
    with database.reading() as connection:
        checked, spent = timed(lambda: check_log(connection))
    database.close()
    assert checked.faults == []
    print(f"  log checked, {count / spent:,.0f} events/s")
    report, spent = timed(lambda: verify(url, registry))
    assert report.is_sound, report.faults
    print(f"  verified with its projections, {count / spent:,.0f} events/s")
    _, spent = timed(lambda: rebuild(url, registry))
    print(f"  rebuilt, {count / spent:,.0f} events/s: a million in {1e6 / (count / spent) / 60:.1f} min")
    made, spent = timed(lambda: archive_months(url, folder, YearsLater()))
    size = sum(row.size for row in made)
    print(f"  archived, {count / spent:,.0f} events/s, {size / count:.0f} bytes an event in Parquet")


def measure(name: str, url: str, registry: Registry, events: list[Incoming], folder: Path) -> None:
    print(name)
    fill(url, registry, events)
    tell_sizes(sizes(url), len(events))
    tell_speeds(url, registry, folder, len(events))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=60_000)
    chosen = options.parse_args()
    registry = load_registry((ROOT / "data/networks").glob("*.yaml"))
    events = incoming(lab_life("rl4", "S", chosen.events // 29)[: chosen.events])
    bodies = sum(len(event.body) for event in events) / len(events)
    print(f"{len(events)} events of {bodies:.0f} bytes")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        measure("SQLite", f"sqlite:///{folder / 'store.db'}", registry, events, folder / "of-sqlite")
        if has_postgres():
            with postgres() as server:
                measure("PostgreSQL", server.new_database("store"), registry, events, folder / "of-postgresql")


if __name__ == "__main__":
    main()
