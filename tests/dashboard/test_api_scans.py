"""Scans at a bench: sent again they count once, and a station is found by whatever name the bench has for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboard.api import scans
from tests.dashboard.stored_api import Stored, stored_api

SCAN = {"station": "rl4/reader-1", "raw": "S26-000001", "operator": "bms-17", "id": "made-in-browser"}


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    with stored_api(tmp_path) as made:
        yield made


def scan(client: TestClient, **changed: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/scans", json=SCAN | changed)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def test_a_scan_sent_again_without_its_time_counts_once(stored: Stored) -> None:
    client = stored.client("rl4")
    first = scan(client)
    stored.clock.pass_s(3.5)
    again = scan(client)
    assert (again["verdict"], again["reason"], again["position"]) == ("accepted", "duplicate", first["position"])
    assert len(stored.bodies()) == 1
    assert stored.refused() == []


@pytest.mark.parametrize("changed", [{"raw": "S26-000002"}, {"operator": "bms-18"}, {"operator": None}])
def test_another_scan_under_the_same_id_is_a_conflict(stored: Stored, changed: dict[str, Any]) -> None:
    client = stored.client("rl4")
    scan(client)
    stored.clock.pass_s(3.5)
    assert scan(client, **changed)["reason"] == "identity_conflict"
    assert [row.reason for row in stored.refused()] == ["identity_conflict"]


def test_two_times_under_one_id_are_a_conflict(stored: Stored) -> None:
    client = stored.client("rl4")
    scan(client, time="2026-11-21T09:30:00+01:00")
    assert scan(client, time="2026-11-21T08:30:00Z")["reason"] == "duplicate"
    assert scan(client)["reason"] == "duplicate"
    assert scan(client, time="2026-11-21T08:31:00Z")["reason"] == "identity_conflict"


def test_a_scan_sent_again_while_it_is_being_stored_counts_once(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, look, looks = stored.client("rl4"), scans._stored_time_us, []
    scan(client)
    stored.clock.pass_s(3.5)

    def too_early(*asked: Any) -> int | None:
        looks.append(asked)
        return look(*asked) if len(looks) > 1 else None

    monkeypatch.setattr(scans, "_stored_time_us", too_early)
    assert scan(client)["reason"] == "duplicate"


@pytest.mark.parametrize(
    ("station", "raw", "source", "word"),
    [
        ("rl4/reader-1", "S26-000001", "/bcps/rl4/reader-1", "reception"),
        ("reader-1", "S26-000001", "/bcps/rl4/reader-1", "reception"),
        ("reader-1", "]d1dg26-000001-a", "/bcps/rna/reader-1", "reception"),
        ("reception", "DG26-000001", "/bcps/rna/reader-1", "reception"),
        ("microtomy", "S26-000001-A-1", "/bcps/rl4/microtome-1", "microtomy"),
        ("rna/microtomy", "S26-000001-A-1", "/bcps/rna/microtome-1", "microtomy"),
    ],
)
def test_a_station_is_a_device_or_a_word_and_the_barcode_tells_the_lab(
    stored: Stored, station: str, raw: str, source: str, word: str
) -> None:
    scan(stored.client(), station=station, raw=raw)
    kept = json.loads((stored.bodies() or [row.body for row in stored.refused()])[0])
    assert (kept["source"], kept["data"]["station"]) == (source, word)


@pytest.mark.parametrize(
    ("labs", "station", "raw", "status"),
    [
        ((), "microtomy", "no barcode", 422),
        (("rl4", "rna"), "reader-1", "W26-000001", 422),
        (("rl4",), "microtomy", "no barcode", 200),
        (("rl4",), "rna/microtomy", "DG26-000001", 404),
        ((), "moon", "S26-000001", 404),
        (("rl4",), "reader-1", "DG26-000001", 200),
    ],
)
def test_a_station_that_stays_unclear_is_said_so(
    stored: Stored, labs: tuple[str, ...], station: str, raw: str, status: int
) -> None:
    answer = stored.client(*labs).post("/api/v1/scans", json={"station": station, "raw": raw})
    assert answer.status_code == status, answer.text
