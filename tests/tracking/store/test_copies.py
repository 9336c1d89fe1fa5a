"""Copies of the database: taken while it runs, checked, put back; what came after them comes again from the devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracking.store.histories import batches_of, incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.store.copies import CopyFailed, backup, restore
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
