"""Processes that die, processes that write at the same time, and moments at which the database cannot work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tracking.store.histories import batches_of, incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.errors import StoreUnavailable
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.database import UnsafeDatabase, require_safe_sqlite
from tracking.store.event_store import EventStore
from tracking.store.migrate import WrongSchema, differences, newest_revision, require_current
from tracking.store.verify import verify

ROOT = Path(__file__).parents[3]
_DIES_MID_BATCH = """
import os, signal, sys
from tests.tracking.store.conftest import ROOT
from tests.tracking.store.histories import incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.registry import load_registry
from tracking.store import event_store, projector
statement = int(sys.argv[2])
seen = 0
def then_die(function):
    def dying(*arguments):
        global seen
        seen += 1
        if seen == statement:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return dying
bench = Bench(sys.argv[1], load_registry((ROOT / "data/networks").glob("*.yaml")))
events = incoming(lab_life("rl4", "S", 4))
bench.take(*events[:20])
for module in (event_store, projector):
    for name in ("insert", "upsert", "update"):
        if hasattr(module, name):
            setattr(module, name, then_die(getattr(module, name)))
bench.take(*events[20:])
"""
_WRITES_HALF = """
import sys
from tests.tracking.store.conftest import ROOT
from tests.tracking.store.histories import batches_of, incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.registry import load_registry
bench = Bench(sys.argv[1], load_registry((ROOT / "data/networks").glob("*.yaml")))
for batch in batches_of(incoming(lab_life("rl4", "S", 12))[int(sys.argv[2])::2], 9):
    bench.door.take(batch)
"""


def script(text: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", text, *arguments], cwd=ROOT)


@pytest.mark.parametrize("statement", [2, 7])
def test_a_process_killed_in_the_middle_of_a_batch_leaves_nothing_half_written(
    sqlite_url: Callable[[], str], registry: Registry, statement: int
) -> None:
    url = sqlite_url()
    assert script(_DIES_MID_BATCH, url, str(statement)).wait() == -9
    events = incoming(lab_life("rl4", "S", 4))
    with Bench(url, registry) as bench:
        assert len(bench.rows(tables.event)) == 20
        assert verify(url, registry).is_sound
        receipts = bench.take(*events)
        assert [r.fate for r in receipts] == ["duplicate"] * 20 + ["accepted"] * (len(events) - 20)
        assert verify(url, registry).is_sound


def test_two_processes_that_write_at_once_leave_no_gap_and_no_stale_state(
    new_url: Callable[[], str], sqlite_url: Callable[[], str], registry: Registry
) -> None:
    url, events = new_url(), incoming(lab_life("rl4", "S", 12))
    with Bench(url, registry) as shared, Bench(sqlite_url(), registry) as alone:
        both = [script(_WRITES_HALF, url, half) for half in ("0", "1")]
        assert [process.wait() for process in both] == [0, 0]
        assert [row[0] for row in sorted(shared.rows(tables.event))] == list(range(1, len(events) + 1))
        assert verify(url, registry).is_sound
        alone.take(*events)
        assert [row[:4] for row in shared.picture()["visit"]] == [row[:4] for row in alone.picture()["visit"]]
        assert shared.picture()["watermark"] == alone.picture()["watermark"]


def test_two_stores_that_take_turns_see_each_others_work(bench: Bench) -> None:
    other = Bench(bench.url, bench.registry)
    for number, batch in enumerate(batches_of(incoming(lab_life("rl4", "S", 3)), 5)):
        (other if number % 2 else bench).door.take(batch)
    other.database.close()
    assert verify(bench.url, bench.registry).is_sound


def test_a_full_disk_is_not_now_and_loses_nothing(sqlite_bench: Bench) -> None:
    events = incoming(lab_life("rl4", "S", 60))
    sqlite_bench.take(*events[:50])
    with sqlite_bench.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    sqlite_bench.database.engine.dispose()
    full = Bench(sqlite_bench.url, sqlite_bench.registry)
    with full.database.engine.connect() as connection:  # the pool hands the same connection out again
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 1}")
    with pytest.raises(StoreUnavailable, match="full"):
        full.take(*events[50:])
    full.database.close()
    assert verify(sqlite_bench.url, sqlite_bench.registry).events == 50
    assert {r.fate for r in sqlite_bench.take(*events[50:])} == {"accepted"}
    assert verify(sqlite_bench.url, sqlite_bench.registry).is_sound


def test_a_database_that_is_gone_is_not_now(postgres_url: Callable[[], str], registry: Registry) -> None:
    with Bench(postgres_url(), registry) as bench:
        events = incoming(lab_life("rl4", "S", 1))
        bench.take(*events[:5])
        with bench.database.reading() as killer:
            killer.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        bench.database.engine.dispose()
        assert bench.take(*events)[-1].fate == "accepted"
        assert verify(bench.url, registry).is_sound


def test_an_sqlite_that_can_lose_commits_is_refused_to_several_writers() -> None:
    for version in ((3, 40, 1), (3, 51, 2), (3, 50, 6), (3, 44, 5)):
        with pytest.raises(UnsafeDatabase, match="can lose commits"):
            require_safe_sqlite(version, several_writers=True)
        require_safe_sqlite(version, several_writers=False)
    for version in ((3, 51, 3), (3, 50, 7), (3, 44, 6), (3, 53, 4)):
        require_safe_sqlite(version, several_writers=True)


def test_every_commit_is_on_disk_before_it_counts(sqlite_bench: Bench) -> None:
    with sqlite_bench.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"


def test_the_migrations_make_what_the_tables_declare(bench: Bench) -> None:
    with bench.database.reading() as connection:
        assert differences(connection) == []
    require_current(bench.database)


def test_migrated_and_declared_schemas_are_the_same_to_the_letter(sqlite_bench: Bench, tmp_path: Path) -> None:
    from tracking.store.database import open_database

    declared = open_database(f"sqlite:///{tmp_path / 'declared.db'}")
    tables.metadata.create_all(declared.engine)
    sql = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite%' ORDER BY name"
    found = []
    for database in (declared, sqlite_bench.database):
        with database.reading() as connection:
            rows = connection.exec_driver_sql(sql).all()
            found.append({name: " ".join(text.split()).replace(" ,", ",") for name, text in rows})
    declared.close()
    assert found[0] == found[1]


def test_a_database_of_another_version_is_refused_with_what_to_do(sqlite_bench: Bench) -> None:
    with sqlite_bench.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(WrongSchema, match=rf"works with {newest_revision()}: run histotwin db upgrade"):
        EventStore(sqlite_bench.database, sqlite_bench.registry)
