"""The store beside a plain insert of the same messages in the same run: µs of CPU an event, by stage.

``plain`` is the least that is durable: one ``executemany`` of (id, body) with a unique key a batch, SQLite in WAL with
``synchronous=FULL``. ``decode`` parses, validates and digests; ``judge`` adds lab, device, step and items; ``fold`` is
the items' states alone; ``door`` is everything, committed.

    python -m benchmarks.bench_store [--events 20000] [--batch 500] [--rounds 3] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pysqlite3.dbapi2 as sqlite3

from tests.tracking.store.histories import batches_of, incoming, lab_life
from tracking.clock import SystemClock
from tracking.decoding import decode
from tracking.door import Door
from tracking.items import ItemState, apply
from tracking.offering import Incoming
from tracking.registry import Registry, load_registry
from tracking.store.database import open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade

ROOT = Path(__file__).parents[1]
Batches = list[Sequence[Incoming]]


def cpu_us_per_event(work: Callable[[], None], events: int) -> float:
    gc.collect()
    gc.disable()  # as the door does for a batch
    start = time.process_time_ns()
    work()
    spent = time.process_time_ns() - start
    gc.enable()
    return spent / 1000 / events


def new_door(folder: Path, registry: Registry, name: str) -> Door:
    url = f"sqlite:///{folder / name}.db"
    upgrade(url)
    return Door(EventStore(open_database(url), registry), registry, SystemClock())


def plain(folder: Path, name: str, batches: Batches) -> None:
    connection = sqlite3.connect(folder / f"{name}.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE message (id TEXT PRIMARY KEY, body BLOB NOT NULL)")
    number = 0
    for batch in batches:
        connection.execute("BEGIN IMMEDIATE")
        rows = [(f"{number + place}", one.body) for place, one in enumerate(batch)]
        connection.executemany("INSERT INTO message VALUES (?, ?)", rows)
        connection.execute("COMMIT")
        number += len(batch)


def fold_all(door: Door, batches: Batches) -> Callable[[], None]:
    offers = [door._offer(one) for batch in batches for one in batch]

    def work() -> None:
        states: dict[str, ItemState] = {}
        for offer in offers:
            assert offer.act is not None
            assert offer.touches is not None
            for touch in offer.touches:
                apply(states.setdefault(touch.name.barcode, ItemState()), offer.act, touch)

    return work


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=20_000)
    options.add_argument("--batch", type=int, default=500)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--profile", action="store_true")
    chosen = options.parse_args()
    registry = load_registry((ROOT / "data/networks").glob("*.yaml"))
    events = lab_life("rl4", "S", chosen.events // 30 + 1)[: chosen.events]
    batches = batches_of(incoming(events), chosen.batch)
    count = len(events)
    print(f"{count} events in batches of {chosen.batch}; µs of CPU an event, the best of {chosen.rounds} rounds")
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for turn in range(chosen.rounds):
            door = new_door(folder, registry, f"door{turn}")
            judge = new_door(folder, registry, f"judge{turn}")
            works: dict[str, Callable[[], object]] = {
                "plain": lambda turn=turn: plain(folder, f"plain{turn}", batches),
                "decode": lambda: [len([decode(one.body) for one in batch]) for batch in batches],
                "judge": lambda judge=judge: [len([judge._offer(one) for one in batch]) for batch in batches],
                "fold": fold_all(judge, batches),
                "door": lambda door=door: [len(door.take(batch)) for batch in batches],
            }
            for name, work in works.items():
                found[name] = min(found.get(name, 1e9), cpu_us_per_event(work, count))  # type: ignore[arg-type]
        for name, cost in found.items():
            print(f"  {name:8}{cost:8.1f}")
        print(f"  {'write':8}{found['door'] - found['judge'] - found['fold']:8.1f}   (door less judge less fold)")
        if chosen.profile:
            profile(new_door(folder, registry, "profiled"), batches)


def profile(door: Door, batches: Batches) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    for batch in batches:
        door.take(batch)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()
