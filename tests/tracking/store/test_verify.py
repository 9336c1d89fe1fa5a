"""Whatever somebody changes in the log or the projections behind histotwin's back is found, and named."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from tests.tracking.store.histories import incoming, lab_life
from tests.tracking.store.pictures import Bench
from tests.tracking.store.tampering import tamper
from tracking.offering import Incoming
from tracking.registry import Registry
from tracking.store.verify import Anchor, inspect, verify


def fill(bench: Bench) -> None:
    """Store cases, second barcodes, states of devices, gaps, refused messages and one that was refused twice."""
    events = incoming(lab_life("rl4", "S", 4))
    del events[40:44]
    bench.take(*events)
    when = events[-1].received_us
    source = "/bcps/rl4/cut-up-1"
    bench.take(
        Incoming(b"S26-000001-A", "test", when, kind="raw", origin=source),
        Incoming(b"S26-777777-A", "test", when, kind="raw", origin="/bcps/rl4/label-printer-1"),
        Incoming(b"not an event", "test", when, origin=source),
        Incoming(b"not an event", "test", when + 5, origin=source),
        Incoming(b"idle", "test", when, kind="state", origin=source),
        Incoming(b"online", "test", when, kind="state", origin=source),
        replace(events[3], body=events[3].body.replace(b"mla-3", b"mla-4").replace(b"bms-2", b"bms-3")),
    )
    bench.take({
        "specversion": "1.0", "id": "alias-1", "source": "/bcps/rl4/lims-1", "type": "histotwin.item.created",
        "subject": "S26-000001-A", "time": "2026-10-08T10:00:00Z", "boot": "b9", "sequence": "3",
        "data": {"kind": "specimen", "parent": "S26-000001", "aliases": ["TISSUE 1", "TISSUE 2"]},
    })  # fmt: skip


def check_tampering(bench: Bench, changes: int, first_seed: int) -> None:
    fill(bench)
    missed: list[str] = []
    tried = 0
    for seed in count(first_seed):
        if tried == changes:
            break
        with bench.database.engine.connect() as plain:  # rolls back when it is given back
            connection = plain.execution_options(writes=True)
            said = _tampered(connection, random.Random(seed))
            if said is None:
                continue
            tried += 1
            if inspect(connection, bench.registry).is_sound:
                missed.append(f"seed {seed}: {said}")
    assert missed == []
    assert verify(bench.url, bench.registry).is_sound


def _tampered(connection: Connection, luck: random.Random) -> str | None:
    """Return what was changed; ``None`` when the database's own rules would not have it."""
    try:
        return tamper(connection, luck)
    except DBAPIError:
        return None


def test_sixty_random_changes_are_all_found(sqlite_bench: Bench) -> None:
    check_tampering(sqlite_bench, 60, first_seed=0)


@pytest.mark.slow
def test_five_hundred_random_changes_are_all_found(bench: Bench) -> None:
    check_tampering(bench, 500, first_seed=1_000)


def test_a_log_that_was_cut_and_made_sound_again_is_found_by_an_anchor_noted_elsewhere(
    sqlite_url: Callable[[], str], registry: Registry
) -> None:
    events = incoming(lab_life("rl4", "S", 2))
    with Bench(sqlite_url(), registry) as bench, Bench(sqlite_url(), registry) as forged:
        bench.take(*events)
        noted = verify(bench.url).head
        forged.take(*events[:-10], *events[-9:], events[-10])  # sound in itself, and another history
        assert verify(bench.url, anchor=noted).is_sound
        assert verify(forged.url).is_sound
        [fault] = verify(forged.url, anchor=noted).faults
        assert fault == f"The log up to {noted.position} is not the one that the anchor was of."
        [fault] = verify(bench.url, anchor=Anchor(10_000, noted.link)).faults
        assert fault == f"The log ends at {len(events)}, before the anchor 10000."


def test_the_report_names_rows_and_columns(sqlite_bench: Bench) -> None:
    fill(sqlite_bench)
    with sqlite_bench.database.writing() as connection:
        connection.exec_driver_sql("UPDATE case_clock SET priority = 'whenever' WHERE case_id = 1")
        connection.exec_driver_sql("DELETE FROM alias WHERE value = 'TISSUE 2'")
        connection.exec_driver_sql("INSERT INTO watermark VALUES (1, 'forged', 9, 9, '[]')")
        connection.exec_driver_sql("UPDATE item SET images = images + 1")
        items = connection.exec_driver_sql("SELECT count(*) FROM item").scalar_one()
    report = verify(sqlite_bench.url, sqlite_bench.registry)
    told = {found.table: str(found) for found in report.differences}
    assert told["alias"] == "lab rl4, value TISSUE 2: the row is missing"
    assert told["watermark"] == "source_id 1, boot forged: the log knows no such row"
    assert told["case_clock"].startswith("case_id 1: priority is 'whenever', the log says ")
    assert len([found for found in report.differences if found.table == "item"]) == 5
    assert any(f"in {items} rows" in fault and f"and {items - 5} more" in fault for fault in report.faults)


def test_bytes_that_are_no_text_any_more_are_a_fault_and_not_a_crash(sqlite_bench: Bench) -> None:
    fill(sqlite_bench)
    for column, value in (
        ("body", "'text'"),
        ("type", "x'ff'"),
        ("boot", "CAST(x'ff' AS TEXT)"),
        ("time_us", "'soon'"),
    ):
        with sqlite_bench.database.engine.connect() as connection:
            connection.exec_driver_sql(f"UPDATE event SET {column} = {value} WHERE position = 5")  # noqa: S608
            assert not inspect(connection, sqlite_bench.registry).is_sound, column
