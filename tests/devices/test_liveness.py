"""Nothing dies unseen: what ingest does when something on the way of the events does not work any more."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from devices.ingest import Ingest, IngestSettings
from devices.ingest.canary import CanaryRule
from devices.ingest.life_watch import LifeWatch, NothingComesThrough, Signs
from devices.ingest.receipts import StoreWord
from devices.ingest.standing_orders import Order, StandingOrders
from devices.ingest.tally import IngestHealth
from devices.ingest.upkeep import Upkeep
from devices.session import BrokerAddress
from tests.devices.stand_ins import StoreInMemory
from tests.devices.wire import EVENT, Device, event
from tests.faults.databases import PostgresServer, new_postgres
from tests.faults.processes import PYTHON, Program
from tests.services import Mosquitto, until
from tracking.clock import SystemClock
from tracking.door import Door
from tracking.offering import Fate, Incoming, Receipt
from tracking.registry import Registry, load_registry
from tracking.store import tables
from tracking.store.database import Database, open_database
from tracking.store.deadlines import Deadlines
from tracking.store.event_store import EventStore
from tracking.store.heartbeats import Heart, Heartbeat, heartbeats
from tracking.store.migrate import give_identity, upgrade
from tracking.store.standing import Standing

NETWORK_FILE = Path(__file__).parents[2] / "data/networks/bcps.yaml"
QUICK = CanaryRule(every_s=0.1, patience_s=1.0)


class LeapingClock(SystemClock):
    """The machine's clock, which can be moved on."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_us(self) -> int:
        return super().now_us() + round(self.ahead_s * 1e6)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


class StuckStore(StoreInMemory):
    """A store that takes a batch in hand and never comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.is_free = threading.Event()

    def take(self, batch: Sequence[Incoming]) -> list[Receipt]:
        self.is_free.wait(30)
        return super().take(batch)


def settings(port: int, rule: CanaryRule = QUICK) -> IngestSettings:
    return IngestSettings(BrokerAddress(port=port), f"ingest-{uuid.uuid4().hex}", canary=rule)


@contextmanager
def ingesting(port: int, store: StoreInMemory, deaths: list[BaseException]) -> Iterator[Ingest]:
    ingest = Ingest(settings(port), store, SystemClock(), on_fatal=deaths.append)
    ingest.start()
    try:
        yield ingest
    finally:
        ingest.stop(1)


class RealStore:
    """A database with laboratory rl4's registry, the door to it, and what ingest needs to know how all stand."""

    def __init__(self, url: str, limit_s: float | None = None) -> None:
        upgrade(url)
        self.registry: Registry = load_registry([NETWORK_FILE])
        self.clock = LeapingClock()
        opened = open_database(url, is_service=True)
        self.database = opened if limit_s is None else Database(opened.engine, Deadlines(limit_s))
        self.door = Door(EventStore(self.database, self.registry), self.registry, self.clock)

    @contextmanager
    def ingest(self, port: int, devices: Sequence[str] = (), client: str = "") -> Iterator[Ingest]:
        how = settings(port, CanaryRule(0.5, 20.0))
        if client:
            how = IngestSettings(how.address, client, canary=how.canary)
        ingest = Ingest(
            how, self.door, self.clock, standing=Standing(self.database),
            heart=Heart(self.database, self.clock, "ingest"), devices=devices,
        )  # fmt: skip
        ingest.start()
        until(lambda: ingest.health().round_trip_ms is not None)
        try:
            yield ingest
        finally:
            ingest.stop()

    def count(self, table: str = "event") -> int:
        with self.database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one())

    def beat(self, part: str = "ingest") -> Heartbeat | None:
        with self.database.reading() as connection:
            return heartbeats(connection).get(part)

    def identity(self) -> str:
        return Standing(self.database).identity().id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RealStore]:
    store = RealStore(f"sqlite:///{tmp_path / 'store.db'}")
    yield store
    store.database.close()


@pytest.fixture
def device(real_mosquitto: Mosquitto) -> Iterator[Device]:
    device = Device(real_mosquitto.port)
    yield device
    device.leave()


def done(number: int, boot: str = "b") -> str:
    return event(number, boot, subject="S26-000123-A-1", time="2026-11-21T09:30:00Z", data={"step": "microtomy"})


def test_the_canary_comes_round_and_is_no_event(broker_port: int) -> None:
    store, deaths = StoreInMemory(), []
    with ingesting(broker_port, store, deaths) as ingest:
        until(lambda: ingest.health().round_trip_ms is not None)
        time.sleep(1.1)
        assert ingest.health().silent_s < QUICK.patience_s
        assert (ingest.health().accepted, ingest.health().rejected, ingest.health().batches) == (0, 0, 0)
    assert (store.events, store.rejected, store.batches, deaths) == ({}, [], [], [])


def test_an_ingest_through_which_nothing_comes_ends_itself(real_mosquitto: Mosquitto, device: Device) -> None:
    store, deaths = StuckStore(), []
    with ingesting(real_mosquitto.port, store, deaths) as ingest:
        until(lambda: ingest.health().round_trip_ms is not None)
        device.say(EVENT, event(1, "b"))
        until(lambda: deaths)
        assert isinstance(deaths[0], NothingComesThrough)
        store.is_free.set()


def test_an_ingest_whose_door_trips_over_everything_ends_itself(real_mosquitto: Mosquitto, device: Device) -> None:
    store, deaths = StoreInMemory(), []
    with ingesting(real_mosquitto.port, store, deaths) as ingest:
        until(lambda: ingest.health().round_trip_ms is not None)
        store.take = None  # type: ignore[assignment,method-assign]  # a fault of ours that no message is to blame for
        device.say(EVENT, event(1, "b"))
        until(lambda: deaths)
        assert isinstance(deaths[0], NothingComesThrough)
        assert device.of("ack") == []


class EarOfUpkeep:
    """Notes what it is told about devices' standing."""

    def __init__(self) -> None:
        self.owes_standing = False
        self.has_forgotten = False

    def forget_standing(self) -> None:
        self.has_forgotten = True


def test_a_store_that_lost_its_end_unseen_is_found_out_by_the_next_commit(store: RealStore) -> None:
    """As a failover to a server that had not heard the last commits: the same store, never away for long."""
    ear = EarOfUpkeep()
    upkeep = Upkeep(ear, store.clock, IngestHealth, Standing(store.database), None, ())  # type: ignore[arg-type]
    upkeep.note([stored_at(1), stored_at(100), stored_at(40, "duplicate")])
    upkeep.note([stored_at(101)])
    assert (ear.owes_standing, ear.has_forgotten) == (False, False)
    upkeep.note([stored_at(96), stored_at(110)])
    assert (ear.owes_standing, ear.has_forgotten) == (True, True)


def stored_at(position: int, fate: Fate = "accepted") -> Receipt:
    return Receipt(fate, "accepted", "", "", position=position)


def test_what_a_store_that_is_gone_had_is_told_to_nobody() -> None:
    orders = StandingOrders()
    orders.put([Order("/bcps/rl4/m-1", "b", 100)])
    orders.forget()
    orders.put([Order("/bcps/rl4/m-2", "c", 3)])
    told = orders.due(0, StoreWord("another", 5, 0))
    assert [(answer.topic, answer.boot) for answer in told] == [("histotwin/bcps/rl4/m-2/ack", "c")]


def test_it_does_not_end_while_broker_or_store_are_away(real_mosquitto: Mosquitto, device: Device) -> None:
    store, deaths = StoreInMemory(), []
    with ingesting(real_mosquitto.port, store, deaths) as ingest:
        until(lambda: ingest.health().round_trip_ms is not None)
        store.is_down.set()
        device.say(EVENT, event(1, "b"))
        time.sleep(1.2)
        store.is_down.clear()
        until(lambda: store.order == ["e-1"])
        real_mosquitto.stop()
        time.sleep(1.2)
        real_mosquitto.start()
        until(lambda: ingest.health().is_connected)
    assert deaths == []


class BrokenHeart:
    """Where nothing can be said."""

    def beat(self, state: str = "working", **detail: object) -> None:  # noqa: ARG002  # said to nobody
        raise ZeroDivisionError("a fault of ours")


def test_a_fault_in_telling_how_it_is_stops_no_event(real_mosquitto: Mosquitto, device: Device) -> None:
    store, deaths = StoreInMemory(), []
    how = settings(real_mosquitto.port)
    ingest = Ingest(how, store, SystemClock(), on_fatal=deaths.append, heart=BrokenHeart())
    ingest.start()
    until(lambda: ingest.health().is_connected and ingest.health().trouble == "a fault of ours")
    device.say(EVENT, event(1, "b"))
    until(lambda: device.of("ack"))
    ingest._stopping.set()
    assert (store.order, deaths) == (["e-1"], [])
    ingest.stop()


def test_being_suspended_oneself_is_no_silence_of_others() -> None:
    watch = LifeWatch(20, now_s=0)
    assert not watch.is_dead(Signs(1, 1, False), 1)
    assert not watch.is_dead(Signs(1, 1, False), 500)
    assert not watch.is_dead(Signs(1, 1, False), 501)
    assert not any(watch.is_dead(Signs(1, 1, False), second) for second in range(502, 519))
    assert watch.is_dead(Signs(1, 1, False), 520)


def test_a_canary_that_the_brokers_rights_forbid_ends_nothing() -> None:
    watch = LifeWatch(20, now_s=0)
    assert not any(watch.is_dead(Signs(0, 0, False), second) for second in range(100))


@pytest.mark.parametrize("broken", ["_inbox.put = None", "_upkeep.do = None", "_life.is_dead = None"])
def test_whichever_thread_dies_the_process_ends(real_mosquitto: Mosquitto, device: Device, broken: str) -> None:
    program = (
        "import time, devices.ingest as i, devices.session as s, tracking.clock as c\n"
        f"settings = i.IngestSettings(s.BrokerAddress(port={real_mosquitto.port}), 'breaks')\n"
        "ingest = i.Ingest(settings, None, c.SystemClock())\n"
        f"ingest.{broken}\n"
        "ingest.start()\n"
        "time.sleep(30)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=25, stderr=subprocess.DEVNULL)
    assert ended.returncode == 70


def test_ingest_says_that_it_lives_and_that_it_stops(
    store: RealStore, real_mosquitto: Mosquitto, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with store.ingest(real_mosquitto.port):
        device.say(EVENT, done(1))
        until(lambda: (beat := store.beat()) is not None and beat.detail["accepted"] == 1)
        beat = store.beat()
        assert beat is not None
        assert (beat.state, beat.detail["is_storing"], beat.detail["waiting"]) == ("working", True, 0)
    stopped = store.beat()
    assert stopped is not None
    assert stopped.state == "stopped"
    anchors = [record.getMessage() for record in caplog.records if record.getMessage().startswith("log head ")]
    assert anchors == [f"log head 0:{'0' * 64}", f"log head {Standing(store.database).anchor()}"]


def test_an_acknowledgement_names_the_store_its_head_and_its_clock(
    store: RealStore, real_mosquitto: Mosquitto, device: Device
) -> None:
    with store.ingest(real_mosquitto.port):
        for number in (1, 2):
            device.say(EVENT, done(number))
            until(lambda number=number: device.of("ack") and device.of("ack")[-1]["sequence"] == number)
    acks = device.of("ack")
    assert [ack["head"] for ack in acks] == [1, 2]
    assert {ack["store"] for ack in acks} == {store.identity()}
    assert all(str(ack["at"]).endswith("Z") for ack in acks)


def test_a_device_hears_how_it_stands_when_ingest_starts_anew(
    store: RealStore, real_mosquitto: Mosquitto, device: Device
) -> None:
    devices = ["/bcps/rl4/microtome-3", "/bcps/rl4/microtome-4"]
    with store.ingest(real_mosquitto.port, devices, "again"):
        until(lambda: len(device.of("ack")) == 2)
        assert {(ack["boot"], ack["sequence"]) for ack in device.of("ack")} == {("", 0)}
        for number in (1, 2, 5):
            device.say(EVENT, done(number))
        until(lambda: store.count() == 3)
    device.told.clear()
    with store.ingest(real_mosquitto.port, devices, "again"):
        until(lambda: len(device.of("ack")) == 2)
    assert {(ack["boot"], ack["sequence"], ack["head"]) for ack in device.of("ack")} == {("b", 2, 3), ("", 0, 3)}


def test_devices_hear_it_too_when_the_broker_forgot_everything(
    store: RealStore, real_mosquitto: Mosquitto, device: Device
) -> None:
    with store.ingest(real_mosquitto.port) as ingest:
        device.say(EVENT, done(1))
        until(lambda: device.of("ack"))
        real_mosquitto.kill()
        until(lambda: not ingest.health().is_connected)
        device.leave()
        real_mosquitto.start()
        again = Device(real_mosquitto.port)
        until(lambda: again.of("ack"))
        assert (again.of("ack")[0]["boot"], again.of("ack")[0]["sequence"]) == ("b", 1)
        until(lambda: ingest.health().session_lost_us is not None)
        again.leave()


def test_a_gap_is_asked_for_again_and_becomes_a_trouble(
    store: RealStore, real_mosquitto: Mosquitto, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    with store.ingest(real_mosquitto.port) as ingest:
        for number in (1, 3):
            device.say(EVENT, done(number))
        until(lambda: store.count() == 2)
        for _ in range(2):
            time.sleep(0.1)
            told = len(device.of("ack"))
            store.clock.ahead_s += 40
            until(lambda told=told: len(device.of("ack")) > told)
            assert device.of("ack")[-1]["sequence"] == 1
        assert (ingest.health().gaps_open, caplog.messages) == (1, [])
        store.clock.ahead_s += 300
        until(lambda: any("missing for more than five minutes" in said for said in caplog.messages))
        device.say(EVENT, done(2))
        until(lambda: device.of("ack")[-1]["sequence"] == 3)
        store.clock.ahead_s += 15
        until(lambda: ingest.health().gaps_open == 0)


def test_a_store_that_became_another_says_so_to_every_device(
    store: RealStore, real_mosquitto: Mosquitto, device: Device
) -> None:
    with store.ingest(real_mosquitto.port, ["/bcps/rl4/microtome-4"]):
        device.say(EVENT, done(1))
        until(lambda: len(device.of("ack")) == 2)
        device.told.clear()
        with store.database.writing() as connection:
            give_identity(connection, "another", 1)
        store.clock.ahead_s += 15
        until(lambda: len(device.of("ack")) == 2)
    assert {(ack["store"], ack["boot"]) for ack in device.of("ack")} == {("another", "b"), ("another", "")}


def test_three_thousand_retained_messages_are_no_events_and_states_are_told_once(
    store: RealStore, real_mosquitto: Mosquitto, device: Device
) -> None:
    for number in range(1, 3_001):
        device.paho.publish(f"histotwin/bcps/rl4/m-{number}/event", done(number), qos=1, retain=True)
    for number in (3, 4):
        device.say(f"histotwin/bcps/rl4/microtome-{number}/state", "online", retain=True)
    with store.ingest(real_mosquitto.port, client="flooded"):
        until(lambda: store.count("rejected") == 3_000 and store.count() == 2, 10)
    with store.ingest(real_mosquitto.port, client="flooded"):
        device.say("histotwin/bcps/rl4/microtome-3/raw", "S26-1")
        until(lambda: store.count("rejected") == 3_001)
    assert store.count() == 2


def test_a_burst_waits_at_the_broker_and_not_in_memory(real_mosquitto: Mosquitto, device: Device) -> None:
    store, deaths = StoreInMemory(), []
    with ingesting(real_mosquitto.port, store, deaths) as ingest:
        until(lambda: ingest.health().is_connected)
        store.is_down.set()
        device.say(EVENT, event(1, "b"))
        for number in range(2, 7_001):
            device.paho.publish(EVENT, event(number, "b"), qos=0 if number % 2 else 1)
        device.say(EVENT, event(7_001, "b"))
        most = max(_waiting(ingest) for _ in range(20))
        store.is_down.clear()
        until(lambda: len(store.events) == 7_001)
    assert 0 < most < 4_000


def _waiting(ingest: Ingest) -> int:
    time.sleep(0.02)
    return ingest.health().waiting


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = new_postgres(tmp_path_factory.mktemp("logs"))
    server.start()
    server.wait_until_ready()
    yield server
    server.close()


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_full_disk_costs_no_event(real_mosquitto: Mosquitto, device: Device, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "3m") as folder:
        store = RealStore(f"sqlite:///{folder / 'store.db'}")
        with store.ingest(real_mosquitto.port) as ingest:
            device.say(EVENT, done(1))
            until(lambda: device.of("ack"))
            filler = folder / "filler"
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 4096)
            for number in range(2, 1_001):
                device.say(EVENT, done(number))
            until(lambda: "disk" in (ingest.health().trouble or ""))
            told = int(str(device.of("ack")[-1]["sequence"]))
            assert told < 1_000
            assert store.count() >= told
            filler.unlink()
            until(lambda: device.of("ack")[-1]["sequence"] == 1_000)
        assert (store.count(), store.count("rejected")) == (1_000, 0)
        store.database.close()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _new_database(server: PostgresServer, name: str) -> str:
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server.url(None).rpartition('/')[0]}/{name}"


def test_while_the_database_hangs_nothing_is_acknowledged_and_then_all_is_stored(
    server: PostgresServer, real_mosquitto: Mosquitto, device: Device
) -> None:
    store = RealStore(_new_database(server, "hangs"), limit_s=1.0)
    with store.ingest(real_mosquitto.port) as ingest:
        device.say(EVENT, done(1))
        until(lambda: device.of("ack"))
        server.freeze()
        for number in range(2, 101):
            device.say(EVENT, done(number))
        until(lambda: not ingest.health().is_storing)
        assert [ack["sequence"] for ack in device.of("ack")] == [1]
        server.thaw()
        until(lambda: device.of("ack")[-1]["sequence"] == 100)
        assert ingest.health().is_storing
    assert store.count() == 100
    store.database.close()


def test_when_the_ingest_that_leads_is_killed_the_other_goes_on(
    server: PostgresServer, real_mosquitto: Mosquitto, device: Device, tmp_path: Path
) -> None:
    url = _new_database(server, "led")
    store = RealStore(url)
    _in_turn(store, real_mosquitto.port, url, tmp_path, device)
    store.database.close()


@pytest.mark.slow
def test_the_same_holds_for_a_data_directory(
    store: RealStore, real_mosquitto: Mosquitto, device: Device, tmp_path: Path
) -> None:
    _in_turn(store, real_mosquitto.port, str(store.database.engine.url), tmp_path, device)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_when_the_ingest_that_leads_hangs_the_other_puts_it_out_and_goes_on(
    server: PostgresServer, real_mosquitto: Mosquitto, device: Device, tmp_path: Path
) -> None:
    url = _new_database(server, "hung")
    store = RealStore(url)
    with _leader_and_standby(store, real_mosquitto.port, url, tmp_path) as (leader, standby):
        _say_and_hear(device, 1)
        assert leader.process is not None
        leader.process.send_signal(signal.SIGSTOP)
        _say_and_hear(device, 2, 75)
        leader.process.send_signal(signal.SIGCONT)
        assert leader.process.wait(30) == 70
        _say_and_hear(device, 3)
        standby.stop()
    assert store.count() == 3
    store.database.close()


def _in_turn(store: RealStore, port: int, url: str, folder: Path, device: Device) -> None:
    """Kill the leader, see the standby take over; stop that in order, see the lock free."""
    with _leader_and_standby(store, port, url, folder) as (leader, standby):
        _say_and_hear(device, 1)
        leader.kill()
        _say_and_hear(device, 2)
        until(lambda: _state(store, "ingest-standby") in ("took_over", "stopped"))
        standby.stop()
        assert (standby.code, _state(store, "ingest")) == (0, "stopped")


@contextmanager
def _leader_and_standby(store: RealStore, port: int, url: str, folder: Path) -> Iterator[tuple[Program, Program]]:
    environment = {
        "HISTOTWIN_DATA_DIR": str(folder), "HISTOTWIN_DATABASE_URL": url, "HISTOTWIN_MQTT_PORT": str(port),
        "HISTOTWIN_NETWORK": str(NETWORK_FILE),
    }  # fmt: skip
    leader, standby = (
        Program(name, [PYTHON, "-m", "histotwin", "ingest"], folder / f"{name}.log", environment)
        for name in ("one", "other")
    )
    try:
        leader.start()
        until(lambda: _state(store, "ingest") == "working", 30)
        standby.start()
        until(lambda: _state(store, "ingest-standby") == "standby", 30)
        yield leader, standby
    finally:
        for program in (leader, standby):
            if program.is_running:
                program.kill()


def _say_and_hear(device: Device, number: int, within_s: float = 15) -> None:
    device.say(EVENT, done(number))
    until(lambda: any(ack["boot"] == "b" and ack["sequence"] == number for ack in device.of("ack")), within_s)


def _state(store: RealStore, part: str) -> str:
    beat = store.beat(part)
    return beat.state if beat is not None else ""
