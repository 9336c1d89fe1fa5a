"""Events posted to the real door: byte for byte, each judged alone, and nothing that was refused is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from dashboard.api.events import array_members
from tests.dashboard.stored_api import Stored, stored_api

READER = "/bcps/rl4/reader-1"
BATCH = {"content-type": "application/cloudevents-batch+json"}


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Stored]:
    with stored_api(tmp_path) as made:
        yield made


def event(number: int, source: str = READER, **more: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": f"e{number}", "source": source, "time": "2026-11-21T09:30:00Z",
            "type": "histotwin.item.scanned", "subject": "S26-000001",
            "data": {"station": "reception", "raw": "S26-000001"}, **more}  # fmt: skip


def written(number: int, more: str = "") -> bytes:
    return json.dumps(event(number)).encode()[:-1] + more.encode() + b"}"


def told(client: TestClient, body: bytes, headers: dict[str, str] = BATCH) -> list[tuple[Any, ...]]:
    answer = client.post("/api/v1/events", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return [(one["id"], one["status"], one["reason"]) for one in answer.json()["results"]]


def test_members_of_a_batch_are_stored_byte_for_byte(stored: Stored) -> None:
    members = [json.dumps(event(1), indent=3).encode(), written(2, ', "note" : "] \\", \\u00e9 1.50"'), written(3)]
    told(stored.client(), b"\n[ " + b" ,\r\n".join(members) + b"\t] ")
    assert stored.bodies() == members


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (', "note": ' + "[" * 300 + "]" * 300, "too_deep"),
        (', "note": ' + "[" * 20_000 + "]" * 20_000, "too_deep"),
        (', "note": 18446744073709551616', "integer_too_large"),
        (', "note": ' + "9" * 5000, "not_json"),
        (', "note": NaN', "not_a_number"),
        (', "note" 1', "not_json"),
        (', "note": "' + "x" * 70_000 + '"', "too_large"),
    ],
)
@pytest.mark.parametrize("labs", [(), ("rl4",)])
def test_one_bad_member_is_refused_alone(stored: Stored, labs: tuple[str, ...], more: str, reason: str) -> None:
    body = b"[" + b",".join([written(1), written(2, more), written(3)]) + b"]"
    results = told(stored.client(*labs), body)
    assert [(status, why) for _, status, why in results][::2] == [("accepted", results[0][2])] * 2
    assert results[1][1:] == ("rejected", reason)
    assert [row.body for row in stored.refused()] == [written(2, more)]
    assert stored.bodies() == [written(1), written(3)]


@pytest.mark.parametrize("body", [b"{", b"[", b"[1,]", b'[{"a": "]', b"[{]}", b"[1][2]", b"[1]]", b"\xff["])
def test_what_is_no_array_gets_the_doors_own_reason(stored: Stored, body: bytes) -> None:
    (result,) = told(stored.client("rl4"), body)
    assert result[1:] == ("rejected", "not_utf8" if body[0] == 0xFF else "not_json")
    assert [row.body for row in stored.refused()] == [body]


def test_a_source_out_of_scope_is_refused_and_kept_and_counts_for_no_device(stored: Stored) -> None:
    foreign = event(2, "/bcps/rna/reader-1", boot="b", sequence=1)
    results = told(stored.client("rl4"), json.dumps([event(1), foreign, event(3, "/bcps/zzz/x")]).encode())
    assert [status for _, status, _ in results] == ["accepted", "rejected", "rejected"]
    assert [reason for _, _, reason in results][1:] == ["out_of_scope", "out_of_scope"]
    assert [(row.reason, row.lab, json.loads(row.body)["id"]) for row in stored.refused()] == [
        ("out_of_scope", None, "e2"), ("out_of_scope", None, "e3"),
    ]  # fmt: skip
    assert "in the sender's scope" in stored.refused()[0].message
    device = stored.client("rna").post("/api/v1/events", json=foreign).json()["results"][0]
    assert (device["status"], device["position"]) == ("accepted", 2)


def binary(**more: str) -> dict[str, str]:
    return {f"ce-{name}": value for name, value in (event(1) | more).items() if name != "data"}


def test_binary_mode_takes_its_attributes_from_the_headers(stored: Stored) -> None:
    data = json.dumps(event(1)["data"]).encode()
    (result,) = told(stored.client("rl4"), data, {**binary(), "content-type": "application/json"})
    assert result[:2] == ("e1", "accepted")
    document = json.loads(stored.bodies()[0])
    assert (document["datacontenttype"], document["data"]) == ("application/json", event(1)["data"])
    (foreign,) = told(stored.client("rna"), data, binary())
    assert foreign[2] == "out_of_scope"


def test_headers_alone_make_no_binary_mode(stored: Stored) -> None:
    client, body = stored.client(), written(7)
    kinds = ({"ce-id": "other"}, {**binary(), "content-type": "application/cloudevents+json; charset=utf-8"})
    assert [told(client, body, kind)[0][:2] for kind in kinds] == [("e7", "accepted"), ("e7", "duplicate")]
    assert stored.bodies() == [body]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(_JSON), st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_an_array_is_cut_where_json_cuts_it(values: list[Any], is_ascii: bool, indent: int | str | None) -> None:
    members = array_members(json.dumps(values, ensure_ascii=is_ascii, indent=indent).encode())
    assert members is not None
    assert [json.loads(one) for one in members] == values


@given(st.text('[]{},"\\ 1').map(str.encode))
def test_whatever_json_reads_as_an_array_is_one_and_nothing_trips(body: bytes) -> None:
    try:
        document = json.loads(body)
    except ValueError:
        array_members(body)
    else:
        members = array_members(body)
        assert (members is not None) == isinstance(document, list)
        assert members is None or [json.loads(one) for one in members] == document
