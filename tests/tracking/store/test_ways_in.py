"""An event counts once through whichever ways it comes, and two events with one identity are both kept, once."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import paho.mqtt.client as mqtt
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from dashboard.operations.files import import_events
from dashboard.operations.settings import load_settings
from devices.ingest.arrivals import incoming_of
from tests.dashboard.stored_api import Stored
from tests.tracking.queries.stored_rows import NOW_US
from tests.tracking.store.pictures import Bench, hasty_bench
from tests.tracking.store.soups import again
from tests.tracking.store.test_door import CUT
from tracking.offering import Incoming
from tracking.registry import Registry
from tracking.store import tables
from tracking.store.verify import verify

CUT_BY_AN_OFF_CLOCK = {**CUT, "clockoffset": "-3599.82"}
NETWORK, LAB, DEVICE = CUT["source"].strip("/").split("/")


class Ways:
    """Every way into one store."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench, self.folder = bench, folder
        self.settings = load_settings(data_dir=folder, database_url=bench.url)
        self.http: TestClient = Stored(bench.database).client()

    def mqtt(self, payload: bytes, properties: Properties | None = None) -> str:
        message = mqtt.MQTTMessage(1, f"histotwin/{NETWORK}/{LAB}/{DEVICE}/event".encode())
        message.payload, message.qos, message.properties = payload, 1, properties
        offered = incoming_of(message, NOW_US)
        assert offered is not None
        return self.bench.take(offered)[0].fate

    def mqtt_structured(self, event: dict[str, Any]) -> str:
        return self.mqtt(orjson.dumps(event))

    def mqtt_with_a_number_for_sequence(self, event: dict[str, Any]) -> str:
        return self.mqtt(orjson.dumps({**event, "sequence": int(event["sequence"])}))

    def mqtt_binary(self, event: dict[str, Any]) -> str:
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = "application/json"
        properties.UserProperty = list(attributes(event).items())
        return self.mqtt(orjson.dumps(event["data"]), properties)

    def http_structured(self, event: dict[str, Any]) -> str:
        return self.posted(orjson.dumps(event), {"content-type": "application/cloudevents+json"})

    def http_batch(self, event: dict[str, Any]) -> str:
        return self.posted(orjson.dumps([event]), {"content-type": "application/cloudevents-batch+json"})

    def http_binary(self, event: dict[str, Any]) -> str:
        headers = {f"ce-{name}": value for name, value in attributes(event).items()}
        return self.posted(orjson.dumps(event["data"]), {**headers, "content-type": "application/json"})

    def http_binary_naming_its_letters(self, event: dict[str, Any]) -> str:
        headers = {f"ce-{name}": value for name, value in attributes(event).items()}
        return self.posted(orjson.dumps(event["data"]), {**headers, "content-type": "application/json; charset=utf-8"})

    def posted(self, body: bytes, headers: dict[str, str]) -> str:
        answer = self.http.post("/api/v1/events", content=body, headers=headers)
        return str(answer.json()["results"][0]["status"])

    def imported(self, event: dict[str, Any]) -> str:
        file = self.folder / "events.jsonl"
        file.write_bytes(orjson.dumps(event, option=orjson.OPT_SORT_KEYS) + b"\n")
        report = import_events(self.settings, file, dry_run=False)
        return "accepted" if report.accepted else "duplicate" if report.duplicates else "rejected"


def attributes(event: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in event.items() if name not in ("data", "datacontenttype")}


WAYS: dict[str, Callable[[Ways, dict[str, Any]], str]] = {
    way.__name__: way
    for way in (Ways.mqtt_structured, Ways.mqtt_with_a_number_for_sequence, Ways.mqtt_binary, Ways.http_structured,
                Ways.http_batch, Ways.http_binary, Ways.http_binary_naming_its_letters, Ways.imported)
}  # fmt: skip


@pytest.fixture
def ways(sqlite_bench: Bench, tmp_path: Path) -> Ways:
    return Ways(sqlite_bench, tmp_path)


@pytest.mark.parametrize("first", WAYS)
def test_an_event_counts_once_whichever_way_it_comes_first_and_again(ways: Ways, first: str) -> None:
    event = CUT_BY_AN_OFF_CLOCK
    assert WAYS[first](ways, event) == "accepted"
    assert {name: way(ways, event) for name, way in WAYS.items()} == dict.fromkeys(WAYS, "duplicate")
    bench = ways.bench
    assert (len(bench.rows(tables.event)), bench.rows(tables.rejected)) == (1, [])
    assert [device["events"] for device in bench.named(tables.device)] == [1]
    assert [visit["step"] for visit in bench.visits("S26-000123-A-1")] == ["microtomy"]
    assert [mark["contiguous"] for mark in bench.named(tables.watermark)] == [1]
    assert verify(bench.url, bench.registry).is_sound


@pytest.mark.parametrize("way", WAYS)
def test_another_event_with_the_same_identity_is_kept_beside_it_once_however_often_it_comes(
    ways: Ways, way: str
) -> None:
    other = {**CUT, "data": {"step": "embedding"}}
    ways.mqtt_structured(CUT)
    for _ in range(3):
        assert WAYS[way](ways, other) in {"conflict", "rejected"}
    assert WAYS[way](ways, CUT) == "duplicate"
    [kept] = ways.bench.named(tables.rejected)
    assert (kept["reason"], kept["times"], kept["event_id"]) == ("identity_conflict", 3, CUT["id"])
    assert len(ways.bench.rows(tables.event)) == 1


BODIES = st.lists(st.sampled_from(["microtomy", "embedding", "staining"]), min_size=1, max_size=9)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES, st.randoms(use_true_random=False))
def test_of_events_with_one_identity_the_first_counts_and_each_other_is_kept_once(
    registry: Registry, steps: list[str], luck: random.Random
) -> None:
    came = [Incoming(orjson.dumps({**CUT, "data": {"step": step}}), "mqtt", NOW_US, origin=CUT["source"])
            for step in steps]  # fmt: skip
    with hasty_bench(registry) as bench:
        while came:
            size = luck.choice((1, 2, 5))
            bench.take(*(again(one, 1) for one in came[:size]))
            came = came[size:]
        [stored] = bench.named(tables.event)
        others = {kept["body"]: kept["times"] for kept in bench.named(tables.rejected)}
        assert orjson.loads(stored["body"])["data"]["step"] == steps[0]
        assert {orjson.loads(body)["data"]["step"]: times for body, times in others.items()} == {
            step: steps.count(step) for step in set(steps) - {steps[0]}
        }
