"""Whoever may add to the log, and knows how links are made, is found out by what his rows say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from tests.tracking.store.histories import incoming, lab_life
from tests.tracking.store.pictures import Bench
from tracking.decoding import decode
from tracking.offering import Incoming
from tracking.store import tables
from tracking.store.chain import event_link, rejected_seal
from tracking.store.checks.quick import fetch_quickly
from tracking.store.migrate import upgrade
from tracking.store.rebuild import rebuild
from tracking.store.statements import insert, mark_of
from tracking.store.verify import Report, inspect, verify

FORGED: dict[str, Any] = {
    "source": "/bcps/rl4/scanner-1", "id": "another", "type": "histotwin.item.stored", "time": 1_791_000_000_000_001,
    "moment": 1_791_000_000_000_001, "boot": "b-other", "sequence": 77, "digest": bytes(32),
}  # fmt: skip


def append_forged(connection: Connection, event: Incoming, what: str | None) -> None:
    """Add an event past the door: its link is right, the head is right, and one word of its row is another."""
    decoded = decode(event.body)
    own = decoded.event
    said: dict[str, Any] = {
        "source": own.source, "id": own.id, "type": own.type, "time": decoded.time_us, "moment": decoded.time_us,
        "boot": own.boot, "sequence": own.sequence, "digest": decoded.digest,
    }  # fmt: skip
    if what is not None:
        said[what] = FORGED[what]
    position, before = connection.exec_driver_sql("SELECT position, link FROM head").one()
    position += 1
    path, digest, named = said.pop("source"), said.pop("digest"), tuple(said.values())
    number, kind, said_us, at_us, boot, sequence = named
    link = event_link(
        bytes(before), position, path, number, kind, said_us, at_us, event.received_us, boot, sequence, digest,
        event.body,
    )  # fmt: skip
    mark = mark_of(connection)
    wanted = f"SELECT id FROM source WHERE path = {mark}"  # noqa: S608
    source = connection.exec_driver_sql(wanted, (path,)).scalar_one()
    row = (position, source, number, kind, said_us, at_us, event.received_us, boot, sequence, event.body, link)
    insert(connection, tables.event, [row])
    insert(connection, tables.event_key, [(source, number, position, digest)])
    moved = f"UPDATE head SET position = {mark}, link = {mark}"  # noqa: S608
    connection.exec_driver_sql(moved, (position, link))


def inspected(bench: Bench, change: Callable[[Connection], object]) -> Report:
    """Return what is found after a change, which is undone again."""
    with bench.database.engine.connect() as plain:
        connection = plain.execution_options(writes=True)
        change(connection)
        return inspect(connection, bench.registry)


@pytest.mark.parametrize("what", FORGED)
def test_an_added_event_is_stored_as_what_its_body_says(sqlite_bench: Bench, what: str) -> None:
    *stored, more = incoming(lab_life("rl4", "S", 1))
    sqlite_bench.take(*stored)
    found = inspected(sqlite_bench, lambda connection: append_forged(connection, more, what))
    assert any(fault.endswith(f"does not say what its own body says: {what}.") for fault in found.faults), found.faults
    honest = inspected(sqlite_bench, lambda connection: append_forged(connection, more, None))
    assert not any("its own body" in fault for fault in honest.faults)


def test_bytes_that_wander_from_the_body_to_the_digest_are_found_although_the_link_holds(bench: Bench) -> None:
    bench.take(*incoming(lab_life("rl4", "S", 1)))

    def wander(connection: Connection) -> None:
        mark, read = mark_of(connection), "SELECT {} FROM {} WHERE position = 5"
        body = bytes(connection.exec_driver_sql(read.format("body", "event")).scalar_one())
        digest = bytes(connection.exec_driver_sql(read.format("digest", "event_key")).scalar_one())
        for table, column, value in (("event", "body", body[9:]), ("event_key", "digest", digest + body[:9])):
            change = f"UPDATE {table} SET {column} = {mark} WHERE position = 5"  # noqa: S608
            connection.exec_driver_sql(change, (value,))
        assert inspect(connection).faults == ("The duplicate key of event 5 holds no digest.",)

    inspected(bench, wander)


@pytest.mark.parametrize(("state", "position"), [("replayed", None), ("replayed", 9_999), ("open", 0), ("lost", None)])
def test_a_refused_message_is_in_a_state_that_there_is_and_became_an_event_that_there_is(
    sqlite_bench: Bench, state: str, position: int | None
) -> None:
    sqlite_bench.take(*incoming(lab_life("rl4", "S", 1)), Incoming(b"rubbish", "test", 1_791_000_000_000_000))

    def settle(connection: Connection) -> None:
        link, first, last = connection.exec_driver_sql("SELECT link, first_us, last_us FROM rejected").one()
        seal = rejected_seal(bytes(link), (first, last, 1, state, 7, "somebody", None, position))
        sql = "UPDATE rejected SET state = ?, settled_us = 7, person = 'somebody', position = ?, seal = ?"
        connection.exec_driver_sql(sql, (state, position, seal))

    [fault] = inspected(sqlite_bench, settle).faults
    assert fault.startswith("Refused message 1 is ")


def test_a_trigger_that_somebody_has_left_is_found(bench: Bench) -> None:
    with bench.database.writing() as connection:
        if bench.database.is_sqlite:
            connection.exec_driver_sql(
                "CREATE TRIGGER quiet AFTER INSERT ON item BEGIN UPDATE item SET status = 'stored'; END"
            )
        else:
            connection.exec_driver_sql("CREATE RULE quiet AS ON INSERT TO visit DO INSTEAD NOTHING")
    [fault] = verify(bench.url, bench.registry).faults
    assert fault.startswith("The database does something of its own accord")
    assert fault.endswith(" quiet.")


def test_a_second_name_of_the_history_is_found(sqlite_bench: Bench) -> None:
    with sqlite_bench.database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO store_identity VALUES ('another', 1)")
    [fault] = verify(sqlite_bench.url, sqlite_bench.registry).faults
    assert "store_identity" in fault


def test_a_second_barcode_means_the_same_when_the_log_is_read_anew(bench: Bench) -> None:
    """It is given and used within one batch of the reading: the database does not know it yet."""
    bench.take(*incoming(lab_life("rl4", "S", 1)))
    about = {"specversion": "1.0", "time": "2026-10-08T10:00:00Z", "boot": "b9"}
    given = bench.take(
        {**about, "id": "alias-1", "source": "/bcps/rl4/lims-1", "type": "histotwin.item.created", "sequence": "1",
         "subject": "S26-000001-A", "data": {"kind": "specimen", "parent": "S26-000001", "aliases": ["TISSUE 1"]}},
        {**about, "id": "alias-2", "source": "/bcps/rl4/cut-up-1", "type": "histotwin.item.scanned", "sequence": "1",
         "subject": "TISSUE 1", "data": {"station": "cut_up", "raw": "TISSUE 1"}},
    )  # fmt: skip
    assert [receipt.fate for receipt in given] == ["accepted"] * 2
    assert verify(bench.url, bench.registry).faults == ()
    before = bench.projections()
    rebuild(bench.url, bench.registry)
    assert bench.projections() == before


def test_what_postgresql_cannot_read_is_an_error_like_any_other(postgres_url: Callable[[], str]) -> None:
    from tracking.store.database import open_database

    url = postgres_url()
    upgrade(url)
    database = open_database(url)
    with pytest.raises(DBAPIError, match="division by zero"), database.reading() as connection:
        fetch_quickly(connection, "SELECT 1 / 0", ())
    database.close()
