"""The rules of ingest: nothing acknowledged before it is stored, nothing lost, nothing taken that is not an event."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.ingest import Ingest, IngestSettings
from devices.ingest.arrivals import Arrival, arrival_of, incoming_of
from devices.ingest.inbox import BatchRule, Inbox
from devices.ingest.sole_ingest import SoleIngest
from devices.session import BrokerAddress
from tests.devices.stand_ins import StoreInMemory
from tests.devices.wire import EVENT, Device, event
from tests.services import Mosquitto, until
from tracking.clock import SystemClock


class Bench:
    """A broker, an ingest with a store behind it, a device before it."""

    def __init__(self, port: int) -> None:
        self.store = StoreInMemory()
        self.port = port
        self.deaths: list[BaseException] = []
        settings = IngestSettings(BrokerAddress(port=port), client_id=f"ingest-{uuid.uuid4().hex}")
        self.ingest = Ingest(settings, self.store, SystemClock(), on_fatal=self.deaths.append)
        self.ingest.start()
        until(lambda: self.ingest.health().is_connected)
        time.sleep(0.1)
        self.device = Device(port)


@pytest.fixture
def bench(broker_port: int) -> Iterator[Bench]:
    bench = Bench(broker_port)
    yield bench
    bench.device.leave()
    bench.ingest.stop()
    assert bench.deaths == []


def test_an_event_is_stored_then_acknowledged(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.device.say(EVENT, event(number, "b"))
    until(lambda: {"boot": "b", "sequence": 3} in bench.device.of("ack"))
    assert bench.store.order == ["e-1", "e-2", "e-3"]
    assert bench.device.of("reply") == []


def test_the_acknowledgement_stops_at_the_gap(bench: Bench) -> None:
    for number in (1, 2, 4):
        bench.device.say(EVENT, event(number, "b"))
    until(lambda: len(bench.store.order) == 3)
    bench.device.say(EVENT, event(5, "b"))
    until(lambda: len(bench.store.order) == 4)
    time.sleep(0.1)
    assert max(int(str(ack["sequence"])) for ack in bench.device.of("ack")) == 2
    bench.device.say(EVENT, event(3, "b"))
    until(lambda: {"boot": "b", "sequence": 5} in bench.device.of("ack"))


def test_a_scan_and_an_event_without_sequence_are_answered(bench: Bench) -> None:
    bench.device.say(EVENT, event(1))
    bench.device.say("histotwin/bcps/rl4/reader-1/raw", b"S26-000123-A-1\r\n")
    bench.device.say(EVENT, event(9, "b", type="histotwin.item.scanned"))
    until(lambda: len(bench.device.of("reply")) == 3)
    assert [reply["verdict"] for reply in bench.device.of("reply")] == ["accepted"] * 3


def test_a_duplicate_is_stored_once_and_said_to_be_one(bench: Bench) -> None:
    bench.device.say(EVENT, event(1, "b"))
    bench.device.say(EVENT, event(1, "b"))
    until(lambda: bench.device.of("reply"))
    assert bench.device.of("reply")[0]["reason"] == "duplicate"
    assert bench.store.order == ["e-1"]


def test_poison_is_refused_with_its_bytes_and_its_neighbours_are_stored(bench: Bench) -> None:
    poison = [b"", b"\xff\xfe", b"\x00", b"[" * 50_000, b"{}", b"null"]
    for number, body in enumerate(poison, 1):
        bench.device.say(EVENT, body)
        bench.device.say(EVENT, event(number, "b"))
    until(lambda: len(bench.store.order) == len(poison))
    until(lambda: len(bench.device.of("reply")) == len(poison))
    assert [incoming.body for incoming in bench.store.rejected] == poison


def test_wrong_topics_are_refused_and_answers_passing_by_are_not(bench: Bench) -> None:
    bench.device.say("histotwin/bcps/rl4/microtome-3/events", "lost?")
    bench.device.say("histotwin/bcps", "lost?")
    bench.device.say("histotwin/bcps/rl4/microtome-3/ack", '{"boot": "b", "sequence": 1}')
    bench.device.say(EVENT, event(1, "b"))
    until(lambda: bench.store.order)
    assert [(i.channel, i.refusal) for i in bench.store.rejected] == [
        ("histotwin/bcps/rl4/microtome-3/events", "wrong_topic"),
        ("histotwin/bcps", "wrong_topic"),
    ]


def test_a_state_goes_through_the_same_door(bench: Bench) -> None:
    bench.device.say("histotwin/bcps/rl4/microtome-3/state", "online", retain=True)
    until(lambda: bench.store.states == [("/bcps/rl4/microtome-3", b"online")])
    time.sleep(0.1)
    assert bench.device.of("reply") == []


def test_binary_mode_carries_its_attributes(bench: Bench) -> None:
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("specversion", "1.0"), ("id", "e-bin"), ("source", "/bcps/rl4/microtome-3")]
    properties.ContentType = "application/json"
    bench.device.say(EVENT, '{"step": "microtomy"}', properties=properties)
    until(lambda: bench.store.order == ["e-bin"])


def test_while_the_store_is_down_nothing_is_acknowledged_and_order_is_kept(bench: Bench) -> None:
    bench.store.is_down.set()
    for number in range(1, 51):
        bench.device.say(EVENT, event(number, "b"))
    until(lambda: not bench.ingest.health().is_storing)
    assert bench.device.told == []
    bench.store.is_down.clear()
    until(lambda: {"boot": "b", "sequence": 50} in bench.device.of("ack"))
    assert bench.store.order == [f"e-{number}" for number in range(1, 51)]
    assert bench.ingest.health().is_storing


def test_one_message_that_the_door_trips_over_does_not_stop_its_neighbours(bench: Bench) -> None:
    bench.store.trips_over = b"e-7"
    for number in range(1, 21):
        bench.device.say(EVENT, event(number, "b"))
    until(lambda: len(bench.store.order) == 19)
    assert [incoming.refusal for incoming in bench.store.rejected] == ["internal_error"]


def test_retained_events_are_refused(real_mosquitto: Mosquitto) -> None:
    device = Device(real_mosquitto.port)
    for number in range(500):
        device.paho.publish(f"histotwin/bcps/rl4/m-{number}/event", event(number), qos=1, retain=True)
    device.say("histotwin/bcps/rl4/m/state", "online", retain=True)
    bench = Bench(real_mosquitto.port)
    until(lambda: len(bench.store.rejected) == 500)
    assert {incoming.refusal for incoming in bench.store.rejected} == {"retained_event"}
    until(lambda: bench.store.states == [("/bcps/rl4/m", b"online")])
    assert bench.store.events == {}
    bench.ingest.stop()
    bench.device.leave()
    device.leave()


def test_what_was_sent_while_ingest_was_away_is_taken_when_it_is_back(broker_port: int) -> None:
    store, device = StoreInMemory(), Device(broker_port)
    settings = IngestSettings(BrokerAddress(port=broker_port), client_id="ingest-away")
    for first in (1, 1001):
        ingest = Ingest(settings, store, SystemClock())
        ingest.start()
        until(lambda: len(store.order) == first - 1 and ingest.health().is_connected)  # noqa: B023  # now, not later
        time.sleep(0.1)
        ingest.stop()
        for number in range(first, first + 999):
            device.paho.publish(EVENT, event(number, "b"), qos=1)
        device.say(EVENT, event(first + 999, "b"))
    ingest = Ingest(settings, store, SystemClock())
    ingest.start()
    until(lambda: len(store.order) == 2000)
    assert store.order == [f"e-{number}" for number in range(1, 2001)]
    ingest.stop()
    device.leave()


def test_a_broker_restart_is_survived(real_mosquitto: Mosquitto) -> None:
    bench = Bench(real_mosquitto.port)
    bench.device.say(EVENT, event(1, "b"))
    until(lambda: bench.store.order == ["e-1"])
    real_mosquitto.kill()
    until(lambda: not bench.ingest.health().is_connected)
    real_mosquitto.start()
    until(lambda: bench.ingest.health().is_connected, 10)
    assert bench.ingest.health().sessions_lost == 1
    bench.device.leave()
    again = Device(real_mosquitto.port)
    again.say(EVENT, event(2, "b"))
    until(lambda: bench.store.order == ["e-1", "e-2"])
    bench.ingest.stop()
    again.leave()


def test_a_thread_that_dies_ends_the_process() -> None:
    program = (
        "import time, devices.ingest as i, tracking.clock as c\n"
        "ingest = i.Ingest(i.IngestSettings(), None, c.SystemClock())\n"
        "ingest._inbox.take = None\n"
        "ingest._writer.start()\n"
        "time.sleep(20)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=15, stderr=subprocess.DEVNULL)
    assert ended.returncode == 70


class Hostile:
    """A message as no broker should send it."""

    mid, qos, retain, properties, _topic = 7, 1, False, None, b"histotwin/\xff/event"

    @property
    def topic(self) -> str:
        return self._topic.decode()

    payload = b"the bytes"


def test_whatever_comes_keeps_its_bytes_and_raises_nothing() -> None:
    arrival = arrival_of(Hostile(), 3, 5)  # type: ignore[arg-type]
    assert arrival.incoming is not None
    assert (arrival.epoch, arrival.mid, arrival.incoming.body) == (3, 7, b"the bytes")
    assert (arrival.incoming.refusal, arrival.incoming.channel) == ("unreadable_message", "histotwin/\\xff/event")


def test_a_retained_state_is_news_and_a_retained_event_is_not() -> None:
    message = mqtt.MQTTMessage(1, b"histotwin/n/l/d/state")
    message.payload, message.retain = b"online", True
    state = incoming_of(message, 1)
    assert state is not None
    assert (state.kind, state.refusal, state.origin) == ("state", None, "/n/l/d")
    message = mqtt.MQTTMessage(1, b"histotwin/n/l/d/raw")
    message.payload, message.retain = b"S1", True
    raw = incoming_of(message, 1)
    assert raw is not None
    assert (raw.kind, raw.refusal) == ("raw", "retained_event")


def test_an_idle_inbox_gives_one_and_a_busy_one_gives_many() -> None:
    inbox = Inbox(BatchRule(most=100))
    arrivals = (Arrival(1, number, None) for number in itertools.count())
    inbox.put(next(arrivals))
    assert len(inbox.take(1)) == 1
    for _ in range(250):
        inbox.put(next(arrivals))
    assert [len(inbox.take(0.01)) for _ in range(4)] == [100, 100, 50, 0]


def test_only_one_ingest_of_a_data_directory_leads(tmp_path: Path) -> None:
    one, other = SoleIngest(tmp_path), SoleIngest(tmp_path)
    assert one.try_to_lead()
    assert one.try_to_lead()
    assert not other.try_to_lead()
    one.resign()
    assert other.try_to_lead()
    other.resign()


def test_a_message_that_paho_cannot_read_is_refused_with_its_bytes(bench: Bench) -> None:
    """U+FEFF is legal in MQTT 5 (clause 1.5.4); brokers pass it on and paho raises, at each redelivery again."""
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("note", "a\ufeffb")]
    bench.device.say(EVENT, "the bytes", properties=properties)
    bench.device.say(EVENT, event(1, "b"))
    until(lambda: bench.store.order == ["e-1"])
    assert [(i.channel, i.body, i.refusal) for i in bench.store.rejected] == [
        (EVENT, b"the bytes", "unreadable_message")
    ]
