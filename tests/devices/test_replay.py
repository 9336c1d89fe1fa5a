"""The rules after a restore: what the store lacks comes again by itself, in order, and what cannot come is said."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devices.outbox.streams import Loss, StoreSeen, Stream
from tests.devices.lab_at_a_gateway import HASTY, STEP, Lab
from tests.devices.stand_ins import Copy, StoreAtTheWire
from tests.services import embedded_broker, until
from tracking.clock import HOUR_US, SystemClock

A, B, C = (f"/bcps/rl4/{device}" for device in ("microtome-1", "stainer-1", "scanner-1"))
NOTHING = Copy({}, 0)


@pytest.fixture
def store(embedded_port: int) -> Iterator[StoreAtTheWire]:
    store = StoreAtTheWire(embedded_port, SystemClock())
    yield store
    store.leave()


def say(lab: Lab, device: str, count: int) -> set[bytes]:
    """Publish a device's events and return them once the store has them."""
    entries = lab.gateway.publish([(device, STEP)] * count)
    assert lab.gateway.flush(10)
    return {entry.body for entry in entries}


def settled(store: StoreAtTheWire, lab: Lab) -> bool:
    return lab.gateway.waiting == 0 and lab.outbox.store_seen == StoreSeen(store.identity, store.head)


@pytest.mark.parametrize("as_another", [True, False], ids=["another identity", "a lower head"])
def test_a_store_put_back_to_a_copy_ends_as_the_uninterrupted_one(
    broker_port: int, tmp_path: Path, as_another: bool
) -> None:
    store = StoreAtTheWire(broker_port, SystemClock())
    lab = Lab(broker_port, tmp_path)
    said = say(lab, "microtome-1", 25) | say(lab, "scanner-1", 2)
    copy = store.copy()
    said |= say(lab, "microtome-1", 70) | say(lab, "stainer-1", 30)
    store.put_back(copy, as_another=as_another)
    said |= say(lab, "scanner-1", 1)
    until(lambda: store.bodies() == said and settled(store, lab))
    for source, last in ((A, 95), (B, 30)):
        arrived = list(store.streams[source, lab.outbox.boot])
        assert [sequence for sequence in arrived if sequence != last] == list(range(1, last))
    assert not lab.losses
    lab.leave()
    store.leave()


def test_a_store_that_has_gone_back_gets_each_event_about_once(
    store: StoreAtTheWire, embedded_port: int, tmp_path: Path
) -> None:
    lab = Lab(embedded_port, tmp_path)
    said = say(lab, "microtome-1", 300)
    store.put_back(NOTHING)
    store.deliveries.clear()
    said |= say(lab, "scanner-1", 1)
    until(lambda: store.bodies() == said and settled(store, lab))
    time.sleep(1)
    assert store.deliveries.total() < 360
    lab.leave()


def test_what_the_previous_starts_sent_comes_again_too(
    store: StoreAtTheWire, embedded_port: int, tmp_path: Path
) -> None:
    said: set[bytes] = set()
    for _ in range(3):
        lab = Lab(embedded_port, tmp_path)
        said |= say(lab, "microtome-1", 8) | say(lab, "stainer-1", 3)
        lab.leave()
    store.put_back(NOTHING)
    lab = Lab(embedded_port, tmp_path)
    said |= say(lab, "scanner-1", 1)
    until(lambda: store.bodies() == said and settled(store, lab))
    lab.leave()


def test_a_gateway_that_was_away_and_has_nothing_to_say_asks_when_its_broker_has_forgotten_it(tmp_path: Path) -> None:
    with embedded_broker() as port:
        store = StoreAtTheWire(port, SystemClock())
        lab = Lab(port, tmp_path)
        said = say(lab, "microtome-1", 8) | say(lab, "stainer-1", 3)
        until(lambda: settled(store, lab))
        lab.leave()
        store.leave()
    with embedded_broker() as port:
        restored = StoreAtTheWire(port, SystemClock())
        again = Lab(port, tmp_path)
        until(lambda: restored.bodies() == said and settled(restored, again))
        again.leave()
        restored.leave()


def test_a_lower_standing_told_unprompted_brings_back_that_stream(
    store: StoreAtTheWire, embedded_port: int, tmp_path: Path
) -> None:
    lab = Lab(embedded_port, tmp_path)
    said = say(lab, "microtome-1", 30)
    boot = lab.outbox.boot
    for sequence in range(11, 31):
        del store.streams[A, boot][sequence]
    store.tell(A, boot)
    until(lambda: store.bodies() == said and lab.gateway.waiting == 0)
    lab.leave()


def test_a_device_of_which_the_store_knows_nothing_tells_everything_again(
    store: StoreAtTheWire, embedded_port: int, tmp_path: Path
) -> None:
    lab = Lab(embedded_port, tmp_path)
    said = say(lab, "microtome-1", 30)
    store.streams.clear()
    store.tell(A, "")
    until(lambda: store.bodies() == said and lab.gateway.waiting == 0)
    lab.leave()


def test_what_is_no_longer_held_is_said_once_and_what_is_after_it_arrives(
    store: StoreAtTheWire, embedded_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lab = Lab(embedded_port, tmp_path, keep_bytes=64 * 1024)
    for _ in range(10):
        say(lab, "microtome-1", 40)
    first = lab.outbox.holdings()[Stream(A, lab.outbox.boot)].first
    assert 100 < first < 400
    store.put_back(NOTHING)
    with caplog.at_level(logging.ERROR):
        say(lab, "scanner-1", 1)
        say(lab, "microtome-1", 5)
        until(lambda: settled(store, lab))
    assert sorted(store.streams[A, lab.outbox.boot]) == list(range(first, 406))
    assert lab.losses == list(lab.gateway.losses) == [Loss(Stream(A, lab.outbox.boot), 1, first - 1)]
    assert [f"events 1 to {first - 1} of {A}" in record.getMessage() for record in caplog.records] == [True]
    lab.leave()


def test_behind_a_gap_that_cannot_be_filled_the_wire_falls_silent(
    store: StoreAtTheWire, embedded_port: int, tmp_path: Path
) -> None:
    lab = Lab(embedded_port, tmp_path, keep_bytes=1)
    for _ in range(5):
        say(lab, "microtome-1", 10)
    store.put_back(NOTHING)
    said = say(lab, "microtome-1", 40)
    until(lambda: settled(store, lab))
    until(lambda: lab.losses)
    store.deliveries.clear()
    for _ in range(5):
        store.tell(A, lab.outbox.boot)
        time.sleep(0.3)
    assert store.bodies() >= said
    assert store.deliveries.total() == 0
    lab.leave()


def test_who_is_asked_for_a_gap_sends_it_soon_and_one_chunk_only(
    store: StoreAtTheWire, embedded_port: int, tmp_path: Path
) -> None:
    lab = Lab(embedded_port, tmp_path, patience=replace(HASTY, first_s=60, longest_s=60))
    store.misses = {5}
    entries = lab.gateway.publish([("microtome-1", STEP)] * 200)
    until(lambda: len(store.bodies()) == 199 or lab.gateway.waiting == 0)
    for _ in range(50):
        store.tell(A, lab.outbox.boot)
    assert lab.gateway.flush(10)
    assert store.bodies() == {entry.body for entry in entries}
    assert store.deliveries.total() <= 200 + 2 * HASTY.chunk
    lab.leave()


def test_a_connector_whose_clock_is_wrong_says_by_how_much(embedded_port: int, tmp_path: Path) -> None:
    class Late(SystemClock):
        def now_us(self) -> int:
            return super().now_us() - HOUR_US

    store = StoreAtTheWire(embedded_port, SystemClock())
    lab = Lab(embedded_port, tmp_path, clock=Late())
    until(lambda: lab.gateway.is_connected)
    (first,) = lab.gateway.publish([("microtome-1", STEP)])
    assert lab.gateway.flush(10)
    (second,) = lab.gateway.publish([("microtome-1", STEP)])
    assert lab.gateway.flush(10)
    assert "clockoffset" not in json.loads(first.body)
    assert abs(float(json.loads(second.body)["clockoffset"]) - 3600) < 1
    lab.leave()
    store.leave()
