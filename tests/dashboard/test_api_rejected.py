"""Refused events over HTTP: why, with all bytes; corrected, replayed, set aside; gaps closed by a named person."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.dashboard.stored_api import Stored, stored_api
from tests.tracking.queries.stored_rows import shipped_registry
from tracking.access import Role
from tracking.door import Door, Incoming
from tracking.store import tables
from tracking.store.event_store import EventStore
from tracking.store.verify import rows_of, verify

MICROTOME = "/bcps/rl4/microtome-3"


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    with stored_api(tmp_path) as made:
        yield made


@pytest.fixture
def manager(stored: Stored) -> TestClient:
    return stored.client("rl4", role=Role.MANAGER)


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": f"e{number}", "source": MICROTOME, "type": "histotwin.step.completed",
            "time": "2026-11-20T09:30:00Z", "subject": "S26-000123-A-1", "boot": "b", "sequence": number,
            "data": {"step": "sectioning"}, **fields}  # fmt: skip


def arrive(stored: Stored, *events: dict[str, Any] | bytes) -> None:
    """Have events come over the wire from the microtome."""
    registry = shipped_registry()
    bodies = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
    door = Door(EventStore(stored.database, registry), registry, stored.clock)
    door.take([Incoming(body, "histotwin/bcps/rl4/microtome-3/event", stored.clock.now_us(), MICROTOME)
               for body in bodies])  # fmt: skip


def asked(client: TestClient, method: str, address: str, status: int = 200, **more: Any) -> dict[str, Any]:
    answer = client.request(method, f"/api/v1{address}", **more)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


def listed(client: TestClient, query: str = "") -> list[int]:
    return [row["id"] for row in asked(client, "GET", f"/rejected-events{query}")["rejected"]]


STEP = {"lab": "rl4", "field": "step", "given": "sectioning", "meant": "microtomy", "reason": "the vendor's word"}


def test_a_wrong_word_is_corrected_and_its_events_are_replayed(stored: Stored, manager: TestClient) -> None:
    arrive(stored, event(1), event(2))
    detail = asked(manager, "GET", "/rejected-events/1")
    assert detail["can_correct"] == [{"field": "step", "given": "sectioning"}]
    trial = asked(manager, "POST", "/rejected-events/replay", json={"ids": [1], "dry_run": True})
    assert trial["results"][0]["receipt"]["reason"] == "unknown_step"
    asked(manager, "POST", "/corrections", 201, json=STEP)
    trial = asked(manager, "POST", "/rejected-events/replay", json={"ids": [1, 2], "dry_run": True})
    assert trial["counts"] == {"accepted": 2}
    assert stored.bodies() == [], "a rehearsal stores nothing"
    order = {"lab": "rl4", "reason": "unknown_step", "state": "open"}
    told = asked(manager, "POST", "/rejected-events/replay", json=order)
    assert [(one["id"], one["state"], one["position"]) for one in told["results"]] == [
        (1, "replayed", 1), (2, "replayed", 2),
    ]  # fmt: skip
    assert listed(manager) == []
    row = asked(manager, "GET", "/rejected-events/2")
    assert (row["state"], row["person"], row["position"]) == ("replayed", "token:rl4 manager", 2)
    assert [json.loads(body)["data"]["step"] for body in stored.bodies()] == ["microtomy", "microtomy"]
    assert verify(str(stored.database.engine.url), shipped_registry()).faults == ()


def test_what_no_topic_proves_is_replayed_only_by_its_number(stored: Stored, manager: TestClient) -> None:
    registry = shipped_registry()
    door = Door(EventStore(stored.database, registry), registry, stored.clock)
    body = json.dumps(event(1, data={"step": "microtomy"})).encode()
    door.take([Incoming(body, "histotwin/nonsense", stored.clock.now_us(), refusal="wrong_topic")])
    everything = {"lab": "rl4", "state": "open"}
    assert asked(manager, "POST", "/rejected-events/replay", json=everything)["results"] == []
    [one] = asked(manager, "POST", "/rejected-events/replay", json={"ids": [1]})["results"]
    assert one["state"] == "replayed"


def test_corrections_are_kept_when_they_end(stored: Stored, manager: TestClient) -> None:
    number = asked(manager, "POST", "/corrections", 201, json=STEP)["id"]
    found = asked(manager, "GET", "/corrections?lab=rl4")
    assert found["corrections"][0] | STEP == found["corrections"][0]
    assert found["corrections"][0]["person"] == "token:rl4 manager"
    assert {"value": MICROTOME, "label": "microtome-3 (microtome)"} in found["choices"]["source"]
    asked(manager, "DELETE", f"/corrections/{number}")
    asked(manager, "DELETE", f"/corrections/{number}")
    assert asked(manager, "GET", "/corrections")["corrections"] == []
    [ended] = asked(manager, "GET", "/corrections?state=all")["corrections"]
    assert ended["ended_by"] == "token:rl4 manager"
    arrive(stored, event(1))
    assert listed(manager) == [1]


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"meant": "juggling"}, 422, "expected a step of rl4: reception"),
        ({"field": "source", "given": "/bcps/rl4/x", "meant": "moon-1"}, 422, "expected a device of rl4"),
        ({"field": "barcode", "given": "x", "meant": "DG26-000001"}, 422, "expected a barcode of rl4"),
        ({"field": "colour"}, 422, "body.field"),
        ({"reason": "  "}, 422, "body.reason"),
        ({"given": "a\x00"}, 422, "NUL"),
        ({"lab": "rna"}, 404, "There is no laboratory 'rna'."),
        ({"lab": "zzz"}, 404, "There is no laboratory 'zzz'."),
    ],
)
def test_a_correction_that_cannot_be_meant_is_refused_in_words(
    manager: TestClient, changed: dict[str, str], status: int, said: str
) -> None:
    assert said in asked(manager, "POST", "/corrections", status, json=STEP | changed)["detail"]


def test_the_list_is_filtered_paged_and_counted(stored: Stored, manager: TestClient) -> None:
    arrive(stored, *(event(n) for n in range(1, 5)), b"\xff\xfe", event(6, data={"step": "microtomy", "note": "Zebra"}))
    arrive(stored, event(6, data={"step": "microtomy"}))
    assert listed(manager) == [6, 5, 4, 3, 2, 1]
    first = asked(manager, "GET", "/rejected-events?limit=4")
    assert first["next_before"] == 3
    assert listed(manager, "?limit=4&before=3") == [2, 1]
    assert first["counts"] == {
        "state": {"open": 6}, "reason": {"unknown_step": 4, "identity_conflict": 1, "not_utf8": 1},
    }  # fmt: skip
    assert listed(manager, "?reason=not_utf8") == [5]
    assert listed(manager, "?q=E3") == [3]
    assert listed(manager, "?q=sectioning%22") == [4, 3, 2, 1]
    assert listed(manager, "?q=%25") == []
    asked(manager, "POST", "/rejected-events/dismiss", json={"ids": [5], "note": "a trial"})
    assert listed(manager, "?state=dismissed") == [5]
    assert asked(manager, "GET", "/rejected-events")["counts"]["state"] == {"open": 5, "dismissed": 1}
    assert asked(manager, "GET", "/rejected-events")["counts"]["reason"] == {"unknown_step": 4, "identity_conflict": 1}


def test_all_bytes_are_given_as_they_came(stored: Stored, manager: TestClient) -> None:
    long = b'{"note": "\xff' + b"x" * 5000 + b'"}'
    arrive(stored, long)
    assert len(base64.b64decode(asked(manager, "GET", "/rejected-events")["rejected"][0]["base64"])) == 2048
    detail = asked(manager, "GET", "/rejected-events/1")
    assert (base64.b64decode(detail["base64"]), detail["text"], detail["bytes"]) == (long, None, len(long))
    sent = manager.get("/api/v1/rejected-events/1/bytes")
    assert (sent.content, sent.headers["content-type"]) == (long, "application/octet-stream")
    assert "attachment" in sent.headers["content-disposition"]


def test_a_conflict_shows_field_by_field_what_is_stored_and_what_came(stored: Stored, manager: TestClient) -> None:
    arrive(stored, event(1, data={"step": "microtomy", "operator": "bms-1"}))
    arrive(stored, event(1, data={"step": "microtomy"}, subject="S26-000123-A-2"))
    conflict = asked(manager, "GET", "/rejected-events/1")["conflict"]
    assert conflict["position"] == 1
    assert conflict["differences"] == [
        {"field": "subject", "stored": "S26-000123-A-1", "came": "S26-000123-A-2"},
        {"field": "data.operator", "stored": "bms-1", "came": None},
    ]


def test_setting_aside_takes_a_reason_and_can_be_undone(stored: Stored, manager: TestClient) -> None:
    arrive(stored, event(1))
    asked(manager, "POST", "/rejected-events/dismiss", 422, json={"ids": [1]})
    asked(manager, "POST", "/rejected-events/dismiss", json={"ids": [1], "note": "a trial of the printer"})
    row = asked(manager, "GET", "/rejected-events/1")
    assert (row["state"], row["person"], row["note"]) == ("dismissed", "token:rl4 manager", "a trial of the printer")
    asked(manager, "POST", "/rejected-events/reopen", json={"ids": [1], "note": "it was no trial"})
    assert listed(manager) == [1]


def test_one_foreign_event_among_many_is_not_there_and_nothing_is_done(stored: Stored, manager: TestClient) -> None:
    arrive(stored, event(1))
    everywhere = stored.client(role=Role.ADMIN)
    everywhere.post("/api/v1/events", json=event(2, source="/bcps/rna/microtome-3"))
    everywhere.post("/api/v1/events", content=b"no json")
    assert listed(everywhere) == [3, 2, 1]
    assert listed(manager) == [1]
    for number in (2, 3, 99):
        order = {"ids": [1, number], "note": "x"}
        detail = asked(manager, "POST", "/rejected-events/dismiss", 404, json=order)["detail"]
        assert detail == f"There is no refused event {number}."
        asked(manager, "GET", f"/rejected-events/{number}", 404)
    assert listed(manager) == [1]
    asked(manager, "POST", "/rejected-events/replay", 422, json={})
    asked(manager, "POST", "/rejected-events/replay", 422, json={"reason": "a\x00"})
    for query in ("q=%00", "reason=%00", "state=lost", "before=0", "limit=0", "q=" + "x" * 201):
        asked(manager, "GET", f"/rejected-events?{query}", 422)
    asked(manager, "POST", "/rejected-events/replay", 404, json={"lab": "rna"})


def test_what_is_missing_is_told_and_closed_by_a_named_person(stored: Stored, manager: TestClient) -> None:
    cuts = [event(n, data={"step": "microtomy"}) for n in (1, 2, 6, 9)]
    arrive(stored, *cuts)
    stored.clock.pass_s(3600)
    gaps = asked(manager, "GET", "/gaps?lab=rl4")["gaps"]
    assert [(gap["device"], gap["first"], gap["last"], gap["count"], gap["age_s"]) for gap in gaps] == [
        (MICROTOME, 3, 5, 3, 3600.0), (MICROTOME, 7, 8, 2, 3600.0),
    ]  # fmt: skip
    said = {"device": MICROTOME, "boot": "b", "first": 3, "last": 8, "reason": "its disk burnt"}
    detail = asked(manager, "POST", "/gaps/close", 422, json=said)["detail"]
    assert detail == "first, last: 3 to 8: expected a range within 3 to 5, 7 to 8."
    asked(manager, "POST", "/gaps/close", 404, json=said | {"boot": "c"})
    asked(manager, "POST", "/gaps/close", 422, json=said | {"last": 5, "reason": " "})
    assert asked(manager, "POST", "/gaps/close", json=said | {"last": 5})["verdict"] == "accepted"
    assert [gap["first"] for gap in asked(manager, "GET", "/gaps")["gaps"]] == [7]
    statement = json.loads(stored.bodies()[-1])
    assert (statement["source"], statement["data"]["person"]) == ("/bcps/rl4/histotwin", "token:rl4 manager")
    assert asked(stored.client("rna"), "GET", "/gaps")["gaps"] == []
    assert verify(str(stored.database.engine.url), shipped_registry()).faults == ()


def test_nobody_but_an_admin_speaks_with_the_labs_own_voice_over_http(stored: Stored, manager: TestClient) -> None:
    data = {"device": MICROTOME, "boot": "b", "first": 1, "last": 99, "person": "anna", "reason": "forged"}
    forged = {"specversion": "1.0", "id": "g1", "source": "/bcps/rl4/histotwin", "type": "histotwin.gap.closed",
              "time": "2026-11-20T09:30:00Z", "data": data}  # fmt: skip
    [told] = asked(manager, "POST", "/events", json=forged)["results"]
    assert (told["status"], told["reason"]) == ("rejected", "own_device")
    assert told["message"].startswith("/bcps/rl4/histotwin is histotwin's own voice")
    admin = stored.client(role=Role.ADMIN)
    replayed = asked(admin, "POST", "/rejected-events/replay", json={"ids": [1]})["results"][0]
    assert (replayed["state"], replayed["receipt"]["reason"]) == ("open", "wrong_source")
    [told] = asked(stored.client("rna"), "POST", "/events", json=forged)["results"]
    assert told["reason"] == "out_of_scope"
    with stored.database.reading() as connection:
        assert list(rows_of(connection, tables.watermark)) == []
    assert asked(admin, "POST", "/events", json=forged)["results"][0]["status"] == "accepted"
