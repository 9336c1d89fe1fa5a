"""A database that hangs keeps nobody waiting for ever, and goes on where it was when it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.devices.stand_ins import HandClock
from tests.faults.databases import PostgresServer, new_postgres
from tracking.clock import HOUR_US, SystemClock
from tracking.errors import StoreUnavailable
from tracking.store.database import Database, open_database
from tracking.store.deadlines import Deadlines
from tracking.store.heartbeats import Heart, heartbeats, seconds_silent
from tracking.store.leader_lock import LeaderLock, LeadershipLost
from tracking.store.migrate import upgrade

LIMIT_S = 1.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = new_postgres(tmp_path_factory.mktemp("logs"))
    server.start()
    server.wait_until_ready()
    yield server
    server.close()


@pytest.fixture
def database(server: PostgresServer) -> Iterator[Database]:
    opened = open_database(server.url(None), is_service=True)
    database = Database(opened.engine, Deadlines(LIMIT_S))
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS kept (n int)")
    yield database
    database.close()


def test_a_transaction_of_a_service_ends_though_the_server_hangs(server: PostgresServer, database: Database) -> None:
    server.freeze()
    try:
        with pytest.raises(StoreUnavailable, match="no answer within 1 s"), database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO kept VALUES (1)")
    finally:
        server.thaw()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM kept").scalar() == 0


def test_a_statement_that_takes_too_long_is_ended_by_the_server(database: Database) -> None:
    with database.reading() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "5s"
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "4s"


def test_long_work_has_no_deadline(server: PostgresServer) -> None:
    database = open_database(server.url(None))
    with database.reading() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "30s"
    database.close()


def test_the_next_in_line_leads_when_the_leaders_connection_ends(server: PostgresServer, database: Database) -> None:
    one, other = LeaderLock(database), LeaderLock(database)
    assert one.try_to_lead()
    assert not other.try_to_lead()
    _cut_the_leader_off(server)
    assert _in_time(other.try_to_lead)
    with pytest.raises(LeadershipLost):
        one.confirm()
    other.resign()
    assert _in_time(one.try_to_lead)
    one.resign()


def test_a_leader_whose_connection_broke_leads_on_where_nobody_took_over(
    server: PostgresServer, database: Database
) -> None:
    one, other = LeaderLock(database), LeaderLock(database)
    assert one.try_to_lead()
    _cut_the_leader_off(server)
    one.confirm()
    assert not other.try_to_lead()
    one.resign()
    other.resign()


def test_a_leader_that_hangs_is_put_out_by_the_next_in_line(server: PostgresServer, database: Database) -> None:
    one, other = LeaderLock(database), LeaderLock(database)
    assert not other.evict()
    assert one.try_to_lead()
    assert not other.try_to_lead()
    assert other.evict()
    assert _in_time(other.try_to_lead)
    with pytest.raises(LeadershipLost):
        one.confirm()
    other.resign()


def test_signs_of_life_are_compared_by_the_databases_clock(server: PostgresServer) -> None:
    """A part on a machine whose clock is an hour behind lives; one that has said nothing since does not."""
    upgrade(server.url(None))
    database, here = open_database(server.url(None), is_service=True), SystemClock()
    Heart(database, HandClock(here.now_us() - HOUR_US), "ingest").beat()
    with database.writing() as connection:
        assert 0 <= seconds_silent(connection, here, heartbeats(connection)["ingest"]) < 10
        connection.exec_driver_sql("UPDATE heartbeat SET beat_us = beat_us - 60000000")
        assert 60 <= seconds_silent(connection, here, heartbeats(connection)["ingest"]) < 70
    database.close()


@pytest.mark.slow
def test_while_the_server_hangs_nobody_can_say_who_leads(server: PostgresServer, database: Database) -> None:
    one = LeaderLock(database)
    one._deadlines = Deadlines(LIMIT_S)
    assert one.try_to_lead()
    server.freeze()
    try:
        with pytest.raises(StoreUnavailable):
            one.confirm()
    finally:
        server.thaw()
    assert _in_time(lambda: one.confirm() is None)
    one.resign()


def _cut_the_leader_off(server: PostgresServer) -> None:
    with server.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")


def _in_time(attempt: object, patience_s: float = 5.0) -> bool:
    """The server lets go of a dead connection's lock in its own time."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        try:
            if attempt():  # type: ignore[operator]
                return True
        except LeadershipLost:
            pass
        threading.Event().wait(0.05)
    return False
