"""How fast the read side answers with 5 million events stored: one item and the board, by call and over HTTP.

Rows are written straight into the tables in bulk (filling 5 million through the door would take ten minutes and
measure the door); their shape is what the projections make: about 30 items and 60 events a case.

    python benchmarks/bench_queries.py [--events 5000000] [--folder /tmp/bench] [--requests 500]
"""

from __future__ import annotations

import argparse
import random
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import orjson
import uvicorn

from dashboard.server import build_api, wire
from tracking.access import Principal, Role
from tracking.clock import DAY_US, HOUR_US, SystemClock, to_rfc3339
from tracking.queries.items import one_item
from tracking.queries.live_board import LiveBoard
from tracking.registry import Lab, Registry, load_registry
from tracking.store import tables
from tracking.store.database import Database, open_database

NETWORKS = Path(__file__).resolve().parents[1] / "data" / "networks"
ALL = Principal("bench", frozenset({Role.VIEWER}), None)
BLOCKS, SLIDES, EVENTS_A_CASE = 4, 6, 60
SPAN_DAYS = 260  # what the shipped 20 labs make 5 million events in


class Filling:
    """Makes and writes the rows of many cases, spread over all labs and 260 days."""

    def __init__(self, connection: sqlite3.Connection, registry: Registry, now_us: int) -> None:
        self._db = connection
        self._labs = list(registry.labs.values())
        self._now_us = now_us
        self._luck = random.Random(1)
        self._sources: dict[str, int] = {}
        self._items = self._position = 0
        self.barcodes: list[tuple[str, str]] = []

    def fill(self, events: int) -> None:
        cases = events // EVENTS_A_CASE
        for start in range(0, cases, 2000):
            rows: dict[str, list[tuple[object, ...]]] = {
                name: [] for name in ("item", "event", "item_event", "visit", "case_clock")
            }
            for number in range(start, min(start + 2000, cases)):
                self._case(rows, self._labs[number % len(self._labs)], number, cases)
            for table, some in rows.items():
                self._insert(table, some)
            print(f"\r  {self._position:>9,} events", end="", flush=True)
        self._insert("head", [(1, self._position)])
        self._insert("device", [(number, path.split("/")[2], "idle", None, self._now_us, self._now_us, self._now_us, 1)
                                for path, number in self._sources.items()])  # fmt: skip
        self._db.commit()
        print()

    def _insert(self, name: str, rows: list[tuple[object, ...]]) -> None:
        if rows:
            marks = ",".join("?" * len(rows[0]))
            self._db.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608  # names are this file's

    def _case(self, rows: dict[str, list[tuple[object, ...]]], lab: Lab, number: int, cases: int) -> None:
        received_us = self._now_us - int((cases - number) / cases * SPAN_DAYS * DAY_US)
        took_us = int(self._luck.lognormvariate(5.0, 0.35) * HOUR_US)
        ended_us = received_us + took_us if received_us + took_us < self._now_us else None
        barcode = f"{lab.case_prefix}26-{number % 1_000_000:06}"
        case_id = self._item(rows, lab, barcode, "case", None, None, "reception")
        specimen = self._item(rows, lab, f"{barcode}-A", "specimen", case_id, case_id, "cut_up")
        ids = [case_id, specimen]
        for block in range(1, BLOCKS + 1):
            name = f"{barcode}-A-{block}"
            block_id = self._item(rows, lab, name, "block", specimen, case_id, "microtomy" if ended_us else "embedding")
            ids.append(block_id)
            ids += [
                self._item(rows, lab, f"{name}-{slide}", "slide", block_id, case_id, "scanning")
                for slide in range(1, SLIDES + 1)
            ]
        clocks = (None, received_us, received_us, None, ended_us, ended_us)
        rows["case_clock"].append((case_id, lab.id, barcode, "routine", None, "breast", None, *clocks, None, "[]"))
        for n in range(EVENTS_A_CASE):
            self._event(rows, lab, barcode, ids[n % len(ids)], received_us + took_us * n // EVENTS_A_CASE)
        for item_id in ids[1:]:
            rows["visit"].append(
                (item_id, 0, lab.id, "cut_up", None, None, 1, None, received_us, received_us + HOUR_US, "done")
            )
        if self._luck.random() < 0.02:
            self.barcodes.append((lab.id, f"{barcode}-A-{self._luck.randint(1, BLOCKS)}"))

    def _item(self, rows: dict[str, list[tuple[object, ...]]], lab: Lab, barcode: str, kind: str, parent: int | None,
              case: int | None, step: str) -> int:  # fmt: skip
        self._items += 1
        us = self._now_us - DAY_US
        rows["item"].append((self._items, lab.id, barcode, kind, parent, case, 1, "active", step, "done", us, None, us,
                             None, None, 0, None, None, us))  # fmt: skip
        return self._items

    def _event(self, rows: dict[str, list[tuple[object, ...]]], lab: Lab, barcode: str, item_id: int, us: int) -> None:
        self._position += 1
        path = f"/{lab.network}/{lab.id}/reader-1"
        if path not in self._sources:
            self._sources[path] = len(self._sources) + 1
            self._insert("source", [(self._sources[path], path, lab.id)])
        kind = "histotwin.item.scanned"
        body = orjson.dumps(
            {"specversion": "1.0", "id": str(self._position), "source": path, "subject": barcode, "type": kind,
             "time": to_rfc3339(us), "data": {"station": "reception"}}
        )  # fmt: skip
        identity = (self._position, self._sources[path], str(self._position), kind)
        rows["event"].append((*identity, us, us, None, None, body, bytes(32)))
        rows["item_event"].append((item_id, self._position))


def timed(times: int, call: Callable[[], object]) -> tuple[list[float], float]:
    """Return how long each call took, sorted, and the CPU of this process per call, both in ms."""
    call()
    took = []
    cpu_s = time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took), (time.process_time() - cpu_s) * 1000 / times


def say(what: str, measured: tuple[list[float], float]) -> None:
    took, cpu_ms = measured
    p50, p95, p99 = (took[min(int(len(took) * q), len(took) - 1)] for q in (0.5, 0.95, 0.99))
    print(f"{what:<44} p50 {p50:7.2f}  p95 {p95:7.2f}  p99 {p99:7.2f} ms  CPU {cpu_ms:6.2f} ms")


def serving(database: Database, registry: Registry) -> Iterator[str]:
    class Nowhere:
        def take(self, _batch: object) -> list[object]:
            return []

    parts = wire(database, registry, SystemClock(), Nowhere(), is_demo=True)  # type: ignore[arg-type]
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(build_api(parts), log_level="error", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def prepare(folder: Path, registry: Registry, events: int) -> tuple[Database, list[tuple[str, str]]]:
    path = folder / f"bench-{events}.db"
    is_new = not path.exists()
    database = open_database(f"sqlite:///{path}")
    if not is_new:
        with database.reading() as connection:
            rows = connection.exec_driver_sql("SELECT lab, barcode FROM item WHERE kind = 'block' AND id % 1009 = 3")
            return database, [(row[0], row[1]) for row in rows]
    tables.metadata.create_all(database.engine)
    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA synchronous=OFF")
        filling = Filling(plain, registry, SystemClock().now_us())
        began = time.perf_counter()
        filling.fill(events)
        print(f"filled in {time.perf_counter() - began:.0f} s, {path.stat().st_size / 1e9:.1f} GB")
    return database, filling.barcodes


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--events", type=int, default=5_000_000)
    arguments.add_argument("--requests", type=int, default=500)
    arguments.add_argument("--folder", type=Path)
    given = arguments.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="histotwin-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    registry = load_registry(sorted(NETWORKS.glob("*.yaml")))
    database, barcodes = prepare(folder, registry, given.events)
    luck = random.Random(2)

    def ask_item() -> None:
        lab, barcode = luck.choice(barcodes)
        with database.reading() as connection:
            one_item(connection, registry, ALL, barcode, now_us=SystemClock().now_us(), lab_id=lab)

    board = LiveBoard(database, registry, SystemClock())
    began = time.perf_counter()
    board.catch_up()
    print(f"board read from nothing: {time.perf_counter() - began:.2f} s, {len(registry.labs)} labs")

    def ask_board() -> None:
        board.catch_up()
        orjson.dumps(board.rows(ALL))

    say("one item, by call", timed(given.requests, ask_item))
    say("board, by call", timed(given.requests, ask_board))
    for url in serving(database, registry):
        with httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client:
            say(
                "GET /items/{barcode}",
                timed(given.requests, lambda: client.get(f"/items/{luck.choice(barcodes)[1]}").raise_for_status()),
            )
            say("GET /labs", timed(given.requests, lambda: client.get("/labs").raise_for_status()))
            say("GET /labs/{lab}", timed(given.requests // 5, lambda: client.get("/labs/rl4").raise_for_status()))
            say(
                "GET /cases/{case}",
                timed(given.requests // 5, lambda: client.get(f"/cases/{luck.choice(barcodes)[1]}").raise_for_status()),
            )
            say(
                "GET /search?q=part",
                timed(given.requests // 5, lambda: client.get("/search?q=000123").raise_for_status()),
            )
            say("GET /turnaround, 28 days, all labs", timed(10, lambda: client.get("/turnaround").raise_for_status()))
    database.close()


if __name__ == "__main__":
    main()
