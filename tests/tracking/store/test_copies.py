"""Copies of the database: taken while it runs, checked, put back; what came after them comes again from the devices."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite3
import pytest

from tests.services import until
from tests.tracking.store.conftest import ROOT
from tests.tracking.store.histories import batches_of, incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.clock import MINUTE_US, SystemClock
from tracking.registry import Registry
from tracking.store import copies, tables
from tracking.store.copies import CopyFailed, backup, restore
from tracking.store.heartbeats import Heart
from tracking.store.migrate import differences, newest_revision
from tracking.store.verify import verify


def test_after_a_restore_the_devices_send_again_and_nothing_is_lost_or_counted_twice(
    bench: Bench, tmp_path: Path
) -> None:
    events, copy = incoming(lab_life("rl4", "S", 6)), tmp_path / "copy"
    bench.take(*events[:60])
    assert backup(bench.url, copy) == 60
    bench.take(*events[60:])
    wanted = bench.picture()
    bench.database.close()
    restore(copy, bench.url)
    bench.restart()
    for batch in batches_of(events, 50):
        bench.door.take(batch)
    assert bench.picture() == wanted
    assert verify(bench.url, bench.registry).is_sound


def test_a_copy_never_overwrites_another(sqlite_bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("yesterday's")
    with pytest.raises(CopyFailed, match="exists already"):
        backup(sqlite_bench.url, tmp_path / "copy")


def test_what_is_no_copy_is_not_put_back(sqlite_bench: Bench, tmp_path: Path) -> None:
    sqlite_bench.take(*incoming(lab_life("rl4", "S", 1)))
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(CopyFailed, match="not a copy"):
        restore(tmp_path / "letter.txt", sqlite_bench.url)
    assert verify(sqlite_bench.url, sqlite_bench.registry).is_sound


def test_verify_names_what_was_tampered_with(sqlite_bench: Bench) -> None:
    sqlite_bench.take(*incoming(lab_life("rl4", "S", 1)))
    with sqlite_bench.database.writing() as connection:
        connection.exec_driver_sql("UPDATE item SET station = 'nowhere' WHERE id = 1")
    report = verify(sqlite_bench.url, sqlite_bench.registry)
    [fault] = report.faults
    assert fault.startswith("Table item is not what the log says in 1 row (id 1: station is 'nowhere', the log says ")
    [found] = report.differences
    assert (found.table, found.key, found.column, found.stored) == ("item", {"id": 1}, "station", "nowhere")
    with sqlite_bench.database.writing() as connection:
        connection.exec_driver_sql("UPDATE event SET time_us = time_us + 1 WHERE position = 2")
        connection.exec_driver_sql("DELETE FROM event WHERE position = 3")
    faults = verify(sqlite_bench.url, sqlite_bench.registry).faults
    assert "Events 3 to 3 are missing from the log." in faults
    assert any(fault.startswith("Event 2, or one before it, is not what was stored") for fault in faults)


def test_a_copy_of_postgresql_goes_up_to_the_position_it_names(
    postgres_url: Callable[[], str], registry: Registry, tmp_path: Path
) -> None:
    with Bench(postgres_url(), registry) as bench:
        events = incoming(lab_life("rl4", "S", 2))
        bench.take(*events[:30])
        stored = bench.rows(tables.event)
        assert backup(bench.url, tmp_path / "copy") == 30
        bench.take(*events[30:])
        bench.database.engine.dispose()
        restore(tmp_path / "copy", bench.url)
        assert bench.rows(tables.event) == stored
        with bench.database.reading() as connection:
            assert differences(connection) == []


def test_a_restore_takes_no_table_away_that_is_not_ours(
    postgres_url: Callable[[], str], registry: Registry, tmp_path: Path
) -> None:
    with Bench(postgres_url(), registry) as bench:
        bench.take(*incoming(lab_life("rl4", "S", 1)))
        before = bench.projections()
        with bench.database.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE pathology_of_the_trust (a int)")
        backup(bench.url, tmp_path / "copy")
        with bench.database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO pathology_of_the_trust VALUES (1)")
        bench.database.engine.dispose()
        with pytest.raises(CopyFailed, match="pathology_of_the_trust"):
            restore(tmp_path / "copy", bench.url)  # it stands in the copy, too, and is not ours to replace
        assert bench.projections() == before
        with bench.database.reading() as connection:
            assert connection.exec_driver_sql("SELECT a FROM pathology_of_the_trust").all() == [(1,)]


def test_a_copy_that_cannot_be_put_back_leaves_the_database_as_it_was(bench: Bench, tmp_path: Path) -> None:
    events, copy = incoming(lab_life("rl4", "S", 2)), tmp_path / "copy"
    bench.take(*events[:30])
    backup(bench.url, copy)
    bench.take(*events[30:])
    wanted = bench.projections()
    content = bytearray(copy.read_bytes())
    content[len(content) // 2 :] = b"x" * (len(content) - len(content) // 2)
    copy.write_bytes(content)
    bench.database.engine.dispose()
    with pytest.raises(CopyFailed):
        restore(copy, bench.url)
    assert bench.projections() == wanted
    assert verify(bench.url, bench.registry).is_sound


def test_nothing_is_restored_under_a_part_that_lives(bench: Bench, tmp_path: Path) -> None:
    bench.take(*incoming(lab_life("rl4", "S", 1)))
    backup(bench.url, tmp_path / "copy")
    Heart(bench.database, SystemClock(), "ingest").beat()
    with pytest.raises(CopyFailed, match=r"Parts are running: ingest \(process \d+\)"):
        restore(tmp_path / "copy", bench.url)
    bench.database.engine.dispose()
    restore(tmp_path / "copy", bench.url, LaterClock())
    Heart(bench.database, SystemClock(), "ingest").beat("stopped")
    bench.database.engine.dispose()
    restore(tmp_path / "copy", bench.url)
    Heart(bench.database, SystemClock(), "ingest").beat()
    bench.database.engine.dispose()
    restore(tmp_path / "copy", bench.url, force=True)
    assert bench.rows(tables.heartbeat) == []


class LaterClock(SystemClock):
    """A clock that stands a minute later."""

    def now_us(self) -> int:
        return super().now_us() + MINUTE_US


def test_a_copy_of_a_newer_version_is_not_put_back(bench: Bench, tmp_path: Path) -> None:
    bench.take(*incoming(lab_life("rl4", "S", 1)))
    with bench.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    backup(bench.url, tmp_path / "copy")
    with bench.database.writing() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{newest_revision()}'")  # noqa: S608
    bench.database.engine.dispose()
    with pytest.raises(CopyFailed, match="has schema 9999, which is newer than this version"):
        restore(tmp_path / "copy", bench.url)
    assert verify(bench.url, bench.registry).is_sound


_DIES = """
import sys
from pathlib import Path
from tests.tracking.store.conftest import ROOT
from tracking.kill_points import arm
from tracking.registry import load_registry
from tracking.store.copies import backup, restore
from tracking.store.rebuild import rebuild
point, url, copy = sys.argv[1:]
arm(point)
if point == "copy_written":
    backup(url, Path(copy))
elif point == "restore_in_transaction":
    restore(Path(copy), url)
else:
    rebuild(url, load_registry((ROOT / "data/networks").glob("*.yaml")))
"""


def dies_at(point: str, url: str, copy: Path) -> None:
    assert subprocess.run([sys.executable, "-c", _DIES, point, url, str(copy)], cwd=ROOT, check=False).returncode == -9


def test_a_backup_killed_before_it_has_its_name_is_no_backup(sqlite_bench: Bench, tmp_path: Path) -> None:
    sqlite_bench.take(*incoming(lab_life("rl4", "S", 1)))
    dies_at("copy_written", sqlite_bench.url, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert verify(sqlite_bench.url, sqlite_bench.registry).is_sound
    backup(sqlite_bench.url, tmp_path / "copy")
    assert [file.name for file in tmp_path.glob("copy*")] == ["copy"]


def test_a_rebuild_killed_before_its_end_has_changed_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.take(*incoming(lab_life("rl4", "S", 1)))
    before = bench.projections()
    dies_at("rebuild_in_transaction", bench.url, tmp_path / "copy")
    assert bench.projections() == before
    assert verify(bench.url, bench.registry).is_sound


def test_a_restore_killed_before_its_end_has_changed_nothing(
    postgres_url: Callable[[], str], registry: Registry, tmp_path: Path
) -> None:
    with Bench(postgres_url(), registry) as bench:
        events = incoming(lab_life("rl4", "S", 2))
        bench.take(*events[:30])
        backup(bench.url, tmp_path / "copy")
        bench.take(*events[30:])
        before = bench.projections()
        bench.database.engine.dispose()
        dies_at("restore_in_transaction", bench.url, tmp_path / "copy")
        until(lambda: not others_at_work(bench))
        assert bench.projections() == before
        assert verify(bench.url, registry).is_sound


def others_at_work(bench: Bench) -> int:
    """Return how many other sessions PostgreSQL has: one whose client is gone takes a moment to end."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    with bench.database.reading() as connection:
        return int(connection.exec_driver_sql(sql).scalar_one())


def test_a_copy_of_a_database_in_which_somebody_always_writes_comes_to_its_end(
    sqlite_bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite begins a copy again when another connection commits between two of its steps."""
    with sqlite_bench.database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO forecast_case VALUES (1, 1, 1, 1, 1, hex(zeroblob(4000000)))")
    steps = count(1)

    class Interrupted(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **how: Any) -> None:
            super().backup(target, progress=commit_elsewhere, **how)

    def commit_elsewhere(*_left: int) -> None:
        number = next(steps)
        assert number < 20, "the copy begins again and again"
        with sqlite_bench.database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO forecast_case VALUES (?, 2, 1, 1, 1, '')", (number,))

    connect = sqlite3.connect
    monkeypatch.setattr(copies.sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Interrupted))
    assert backup(sqlite_bench.url, tmp_path / "copy.db") == 0
    assert next(steps) == 2
