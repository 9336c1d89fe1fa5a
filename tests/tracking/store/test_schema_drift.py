"""What older and newer senders say: what was taken once is taken for ever, what is new is kept or refused whole.

``golden/`` has a folder for each version of the vocabulary; once released, a folder is never changed.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.tracking.store.histories import came_us
from tests.tracking.store.pictures import Bench, HastyBench
from tracking.decoding import decode
from tracking.events import EVENT_TYPES
from tracking.offering import Incoming
from tracking.registry import Registry, load_registry
from tracking.store import tables

GOLDEN = Path(__file__).parents[1] / "golden"
VERSIONS = sorted(GOLDEN.glob("vocabulary-*"))


def lines(file: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


DRIFT = {line["why"]: line for version in VERSIONS for line in lines(version / "drift.jsonl")}


def as_sent(event: dict[str, Any]) -> Incoming:
    at_us = came_us({"time": "2026-11-21T09:30:00Z", **event})
    is_person = event["source"].endswith("/histotwin")
    return Incoming(orjson.dumps(event), "mqtt", at_us, origin=None if is_person else event["source"])


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_what_was_taken_once_is_taken_for_ever_and_known_as_the_same(bench: Bench, version: Path) -> None:
    golden = lines(version / "events.jsonl")
    assert [decode(orjson.dumps(line["event"])).digest.hex() for line in golden] == [line["digest"] for line in golden]
    offered = [as_sent(line["event"]) for line in golden]
    assert {receipt.fate for receipt in bench.take(*offered)} == {"accepted"}
    assert {receipt.fate for receipt in bench.take(*offered)} == {"duplicate"}
    assert not bench.door.drift.counts


def test_the_newest_golden_folder_has_every_type() -> None:
    assert {line["event"]["type"] for line in lines(VERSIONS[-1] / "events.jsonl")} == set(EVENT_TYPES)


@pytest.mark.parametrize("why", DRIFT)
def test_what_a_newer_sender_says_is_kept_and_told_or_refused_by_name(
    sqlite_bench: Bench, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    wanted, event = DRIFT[why], DRIFT[why]["event"]
    with caplog.at_level(logging.WARNING, "tracking.drift"):
        [receipt] = sqlite_bench.take(as_sent(event))
    assert receipt.reason == wanted["reason"]
    assert wanted.get("message", "") in receipt.message
    is_stored = receipt.fate == "accepted"
    [kept] = sqlite_bench.named(tables.event if is_stored else tables.rejected)
    assert kept["body"] == orjson.dumps(event)
    assert sorted(field for _type, field in sqlite_bench.door.drift.counts) == wanted["unknown"]
    assert all(repr(field) in caplog.text for field in wanted["unknown"])


def test_an_unknown_field_is_counted_each_time_and_told_once(
    sqlite_bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    event = DRIFT["an attribute of a newer instrument"]["event"]
    sqlite_bench.take(*(as_sent({**event, "id": f"e{n}"}) for n in range(3)), as_sent({**event, "id": "e0"}))
    assert sqlite_bench.door.drift.counts == {("histotwin.step.completed", "humidity"): 3}
    assert caplog.text.count("humidity") == 1


def test_what_was_refused_for_being_new_is_taken_from_its_kept_bytes_once_it_is_known(tmp_path: Path) -> None:
    old = Path(__file__).with_name("opaque.yaml")
    newer = tmp_path / "newer.yaml"
    newer.write_text(
        old.read_text().replace("{step: staining,", "{step: lasering, per: block}\n  - {step: staining,", 1)
    )
    event = {"specversion": "1.0", "id": "e1", "source": "/demo/opq/bench-1", "type": "histotwin.step.completed",
             "subject": "B01", "time": "2026-11-21T09:30:00Z", "boot": "b", "sequence": 1,
             "data": {"step": "lasering"}}  # fmt: skip
    with HastyBench(tmp_path / "store.db", load_registry([old])) as bench:
        [receipt] = bench.take(as_sent(event))
        assert (receipt.reason, receipt.stored_through) == ("unknown_step", 1)
        [kept] = bench.named(tables.rejected)
        bench.registry = load_registry([newer])
        bench.restart()
        again = Incoming(kept["body"], kept["channel"], kept["last_us"], origin=kept["origin"])
        assert [one.fate for one in bench.take(again, again)] == ["accepted", "duplicate"]
        assert [visit["step"] for visit in bench.visits("B01")] == ["lasering"]


def test_the_registry_of_these_tests_knows_the_golden_devices(registry: Registry) -> None:
    sources = {line["event"]["source"] for version in VERSIONS for line in lines(version / "events.jsonl")}
    assert sources <= set(registry.devices)
