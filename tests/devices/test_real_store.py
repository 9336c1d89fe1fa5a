"""The whole way of an event with nothing stood in for: gateway, broker, ingest, door, database, and the answer back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.connectors.gateway import Gateway, GatewaySettings, Reply
from devices.ingest import Ingest, IngestSettings
from devices.outbox import Outbox
from devices.outbox.resend import Patience
from devices.session import BrokerAddress
from tests.postgres import has_postgres, postgres
from tests.services import embedded_broker, until
from tracking.clock import SystemClock
from tracking.door import Door
from tracking.registry import load_registry
from tracking.store.copies import backup, restore
from tracking.store.database import Database, open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade
from tracking.store.standing import Standing

NETWORK_FILE = Path(__file__).parents[2] / "data/networks/bcps.yaml"
EVERY_EVENT = "SELECT path, event_id, body FROM event JOIN source ON id = source_id WHERE boot > '' ORDER BY 1, 2"
EVERY_ITEM = "SELECT lab, barcode, kind, status, step, step_state, step_us, last_us FROM item ORDER BY 1, 2"


class Chain:
    """Laboratory rl4 with its gateway, and the store behind the broker."""

    def __init__(self, port: int, folder: Path, url: str | None = None) -> None:
        self.port, self.url = port, url or f"sqlite:///{folder / 'store.db'}"
        upgrade(self.url)
        self.open_store()
        self.replies: list[Reply] = []
        self.outbox = Outbox(folder / "outbox.db", SystemClock())
        settings = GatewaySettings("bcps", "rl4", "gateway-1", BrokerAddress(port=port), Patience(first_s=0.5))
        self.gateway = Gateway(settings, self.outbox, SystemClock(), on_reply=self.replies.append)
        self.gateway.start()
        until(lambda: self.ingest.health().is_connected and self.gateway.is_connected)
        time.sleep(0.1)

    def open_store(self) -> None:
        registry = load_registry([NETWORK_FILE])
        self.database: Database = open_database(self.url)
        door = Door(EventStore(self.database, registry), registry, SystemClock())
        settings = IngestSettings(BrokerAddress(port=self.port))
        self.ingest = Ingest(settings, door, SystemClock(), standing=Standing(self.database))
        self.ingest.start()

    def close_store(self) -> None:
        self.ingest.stop()
        self.database.close()

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def leave(self) -> None:
        self.gateway.close(0.5)
        self.outbox.close()
        self.close_store()


@pytest.fixture
def chain(broker_port: int, tmp_path: Path) -> Iterator[Chain]:
    chain = Chain(broker_port, tmp_path)
    yield chain
    chain.leave()


def received(case: str) -> dict[str, object]:
    data = {"case": case, "received_at": "2026-11-20T09:00:00Z", "specimens": [f"{case}-A"]}
    return {"type": "histotwin.case.received", "subject": case, "data": data}


def test_events_become_rows_and_leave_the_outbox(chain: Chain) -> None:
    cases = [f"S26-{number:06d}" for number in range(1, 301)]
    for start in range(0, 300, 50):
        chain.gateway.publish([("lims-1", received(case)) for case in cases[start : start + 50]])
    assert chain.gateway.flush(10)
    stored = chain.rows("SELECT sequence FROM event WHERE type LIKE '%case.received' ORDER BY position")
    assert stored == [(number,) for number in range(1, 301)]
    positions = [row[0] for row in chain.rows("SELECT position FROM event ORDER BY position")]
    assert positions == list(range(1, len(positions) + 1))


def test_an_event_sent_again_is_counted_once(chain: Chain) -> None:
    (entry,) = chain.gateway.publish([("lims-1", received("S26-000001"))])
    chain.gateway.repeat(entry)
    until(lambda: [reply.reason for reply in chain.replies] == ["duplicate"])
    assert chain.rows("SELECT count(*) FROM event WHERE type LIKE '%case.received'") == [(1,)]


def test_a_reader_hears_what_the_store_makes_of_its_scan(chain: Chain) -> None:
    chain.gateway.publish([("lims-1", received("S26-000001"))])
    assert chain.gateway.flush(10)
    for raw in (b"S26-000001\r\n", b"S26-999999", b"nonsense", b"\xff"):
        chain.gateway.scan("reader-1", raw)
    until(lambda: len(chain.replies) == 4)
    assert [reply.verdict for reply in chain.replies] == ["accepted", "rejected", "rejected", "rejected"]
    assert all(reply.device == "reader-1" and reply.message for reply in chain.replies)


def test_a_refused_event_is_answered_kept_and_leaves_the_outbox(chain: Chain) -> None:
    chain.gateway.publish([("microtome-1", {"type": "histotwin.no.such", "subject": "S26-000001", "data": {}})])
    chain.gateway.publish([("microtome-1", received("S26-000001"))])
    assert chain.gateway.flush(10)
    until(lambda: [reply.reason for reply in chain.replies] == ["unknown_type"])
    assert chain.rows("SELECT reason FROM rejected") == [("unknown_type",)]


def test_an_event_of_a_device_that_nobody_registered_waits_in_the_rejected_list_and_no_longer_at_its_gateway(
    chain: Chain,
) -> None:
    chain.gateway.publish([("new-scanner", received("S26-000001"))] * 3)
    assert chain.gateway.flush(10)
    until(lambda: [reply.reason for reply in chain.replies] == ["unknown_device"] * 3)
    assert chain.rows("SELECT reason FROM rejected") == [("unknown_device",)] * 3


def test_a_restored_copy_gets_back_by_itself_what_came_after_it(chain: Chain, tmp_path: Path) -> None:
    after_a_restore_all_is_as_without_it(chain, tmp_path / "copy.db")


def test_a_restored_copy_in_postgresql_gets_back_by_itself_what_came_after_it(tmp_path: Path) -> None:
    if not has_postgres():
        pytest.skip("PostgreSQL is not installed")
    with embedded_broker() as port, postgres() as server:
        chain = Chain(port, tmp_path, server.new_database("chain"))
        try:
            after_a_restore_all_is_as_without_it(chain, tmp_path / "copy.dump")
        finally:
            chain.leave()


def after_a_restore_all_is_as_without_it(chain: Chain, copy: Path) -> None:
    """Copy the store while it runs, store more, put the copy back, and wait for what the connectors send again."""
    cases = [f"S26-{number:06d}" for number in range(1, 101)]
    for device, some in (("lims-1", cases[:40]), ("stainer-1", cases[40:50])):
        chain.gateway.publish([(device, received(case)) for case in some])
    assert chain.gateway.flush(10)
    backup(chain.url, copy)
    chain.gateway.publish([("lims-1", received(case)) for case in cases[50:90]])
    chain.gateway.publish([("microtome-1", received(case)) for case in cases[90:]])
    assert chain.gateway.flush(10)
    uninterrupted, items = chain.rows(EVERY_EVENT), chain.rows(EVERY_ITEM)
    chain.close_store()
    restore(copy, chain.url)
    chain.open_store()
    until(lambda: chain.rows(EVERY_EVENT) == uninterrupted)
    assert chain.rows(EVERY_ITEM) == items
    assert chain.gateway.flush(10)
    assert not chain.gateway.losses


def test_the_states_of_devices_are_events_too(chain: Chain) -> None:
    chain.gateway.set_state("stainer-1", b"online")
    until(lambda: len(chain.rows("SELECT 1 FROM event WHERE type LIKE '%device.state'")) == 2)
