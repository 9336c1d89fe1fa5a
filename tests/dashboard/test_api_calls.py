"""What each call answers, and what it says to wrong input."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboard.api.shared_door import SharedDoor
from tests.dashboard.api_world import LOOPBACK, ApiWorld, api_world
from tests.tracking.queries.stored_rows import RecordingDoor
from tracking.access import Role
from tracking.door import Incoming, Receipt
from tracking.errors import StoreUnavailable
from tracking.store.heartbeats import Heart


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path, is_demo=True) as made:
        yield made


@pytest.fixture
def client(world: ApiWorld) -> TestClient:
    return world.client(client=LOOPBACK, host="127.0.0.1:8050")


def event(number: int = 1, lab: str = "rl4") -> dict[str, Any]:
    return {"specversion": "1.0", "id": f"e{number}", "source": f"/bcps/{lab}/reader-1", "time": "2026-11-21T09:30:00Z",
            "type": "histotwin.item.scanned", "subject": "S26-000001", "data": {"station": "reception"}}  # fmt: skip


def test_health_names_every_part(world: ApiWorld, client: TestClient) -> None:
    Heart(world.rows.database, world.clock, "ingest").beat()
    health = client.get("/api/v1/health").json()
    assert health["status"] == "ok"
    assert {name: health[name]["state"] for name in ("database", "broker", "ingest", "forecast")} == {
        "database": "up", "broker": "not_configured", "ingest": "up", "forecast": "up",
    }  # fmt: skip


def test_one_event_and_a_batch_go_through_the_door(world: ApiWorld, client: TestClient) -> None:
    one = client.post("/api/v1/events", json=event(), headers={"content-type": "application/cloudevents+json"}).json()
    many = client.post("/api/v1/events", content=json.dumps([event(2), event(3)]),
                       headers={"content-type": "application/cloudevents-batch+json"}).json()  # fmt: skip
    assert [(r["id"], r["status"]) for r in one["results"] + many["results"]] == [
        ("e1", "accepted"), ("e2", "accepted"), ("e3", "accepted"),
    ]  # fmt: skip
    assert [json.loads(taken.body)["id"] for taken in world.door.taken] == ["e1", "e2", "e3"]


def test_a_single_event_reaches_the_door_byte_for_byte(world: ApiWorld, client: TestClient) -> None:
    body = b' {"id" : "x", "n": 1.50}'
    client.post("/api/v1/events", content=body)
    assert world.door.taken[0].body == body


def test_a_conflict_is_said_to_be_rejected(world: ApiWorld, client: TestClient) -> None:
    world.door.fate = "conflict"
    assert client.post("/api/v1/events", json=event()).json()["results"][0]["status"] == "rejected"


def test_events_of_foreign_labs_in_a_batch_go_to_the_door_as_refused(world: ApiWorld) -> None:
    client = world.client(world.token(Role.SCIENTIST, ["rl4"]))
    client.post("/api/v1/events", json=[event(1), event(2, "rna"), event(3)])
    assert [one.refusal for one in world.door.taken] == [None, "out_of_scope", None]


def test_a_scan_is_answered_with_the_item_and_its_next_step(world: ApiWorld, client: TestClient) -> None:
    scan = {"station": "rl4/reader-1", "raw": "]d1s26-000001-a", "operator": "bms-17", "id": "made-in-browser"}
    answer = client.post("/api/v1/scans", json=scan).json()
    assert (answer["verdict"], answer["item"]["barcode"], answer["next_step"], answer["print"]) == (
        "accepted", "S26-000001-A", "cut_up", [],
    )  # fmt: skip
    stored = json.loads(world.door.taken[0].body)
    assert (stored["id"], stored["subject"], stored["data"]["raw"]) == ("made-in-browser", "S26-000001-A", scan["raw"])
    assert world.door.taken[0].origin == "/bcps/rl4/reader-1"


def test_a_bare_device_name_is_enough_for_whoever_has_one_lab(world: ApiWorld) -> None:
    client = world.client(world.token(Role.SCIENTIST, ["rl4"]))
    assert client.post("/api/v1/scans", json={"station": "reader-1", "raw": "S26-000001"}).status_code == 200


def test_the_log_is_read_in_pages(client: TestClient) -> None:
    first = client.get("/api/v1/events?limit=1").json()
    rest = client.get(f"/api/v1/events?after={first['next_after']}").json()
    assert [one["position"] for one in first["events"] + rest["events"]] == [1, 2]


def test_the_board_and_a_lab(client: TestClient) -> None:
    labs = client.get("/api/v1/labs").json()
    assert {row["id"] for row in labs["labs"] if row["wip"]} == {"rl4", "rna"}
    assert client.get("/api/v1/labs/rl4").json()["steps"][1]["waiting"] == 1


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "said"),
    [
        ("GET", "/api/v1/items/nothing", None, 404, "nothing"),
        ("GET", "/api/v1/items/" + "x" * 200, None, 422, "barcode"),
        ("GET", "/api/v1/items/%00", None, 404, "x00"),
        ("GET", "/api/v1/cases/%F0%9F%92%A9", None, 404, "no case"),
        ("GET", "/api/v1/labs/zzz", None, 404, "zzz"),
        ("GET", "/api/v1/nope", None, 404, "nope"),
        ("POST", "/api/v2/anything", "{}", 404, "v2/anything"),
        ("GET", "/api/v1/search", None, 422, "query.q"),
        ("GET", "/api/v1/search?q=", None, 422, "query.q"),
        ("GET", "/api/v1/events?after=-1", None, 422, "query.after: -1"),
        ("GET", "/api/v1/events?after=1e99", None, 422, "query.after: 1e99"),
        ("GET", "/api/v1/events?limit=0", None, 422, "query.limit"),
        ("GET", "/api/v1/turnaround?by=moon", None, 422, "query.by: moon"),
        ("GET", "/api/v1/turnaround?from=yesterday", None, 422, "from: 'yesterday': expected a date"),
        ("GET", "/api/v1/turnaround?from=2026-11-20&to=2026-11-01", None, 422, "before to"),
        ("GET", "/api/v1/turnaround?from=0001-01-01", None, 422, "expected"),
        ("GET", "/api/v1/turnaround?target=nine", None, 422, "target: 'nine'"),
        ("GET", "/api/v1/forecast?lab=zzz", None, 404, "zzz"),
        ("GET", "/api/v1/rejected-events?limit=x", None, 422, "query.limit: x"),
        ("GET", "/api/v1/stream?topics=weather", None, 422, "board, lab/ID"),
        ("GET", "/api/v1/stream?topics=lab/zzz", None, 404, "zzz"),
        ("POST", "/api/v1/events", "", 422, "body: nothing"),
        ("POST", "/api/v1/events", "[]", 422, "0 events"),
        ("POST", "/api/v1/scans", "[]", 422, "body"),
        ("POST", "/api/v1/scans", "{", 422, "JSON"),
        ("POST", "/api/v1/scans", '{"station": "rl4/reader-1"}', 422, "body.raw"),
        ("POST", "/api/v1/scans", '{"station": "rl4/reader-1", "raw": ""}', 422, "body.raw"),
        ("POST", "/api/v1/scans", '{"station": 7, "raw": "x"}', 422, "body.station: 7"),
        ("POST", "/api/v1/scans", '{"station": "reader-1", "raw": "x"}', 422, "lab/device"),
        ("POST", "/api/v1/scans", '{"station": "rl4/toaster-1", "raw": "x"}', 404, "toaster-1"),
        ("POST", "/api/v1/scans", '{"station": "zzz/reader-1", "raw": "x"}', 404, "zzz"),
        ("POST", "/api/v1/scans", '{"station": "rl4/reader-1", "raw": "x", "colour": 1}', 422, "colour"),
        ("DELETE", "/api/v1/labs", None, 404, "v1/labs"),
    ],
)
def test_wrong_input_is_named(
    client: TestClient, method: str, address: str, body: str | None, status: int, said: str
) -> None:
    answer = client.request(method, address, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert said in problem["detail"]


def test_a_store_that_cannot_work_now_is_503_and_says_try_again(world: ApiWorld, client: TestClient) -> None:
    world.door.failure = StoreUnavailable("The database cannot work just now: disk full.")
    for path, body in (("events", event()), ("scans", {"station": "rl4/reader-1", "raw": "S26-000001"})):
        answer = client.post(f"/api/v1/{path}", json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "disk full" in answer.json()["detail"]


def test_our_own_mistakes_tell_nothing_of_the_inside(world: ApiWorld, client: TestClient) -> None:
    world.door.failure = ZeroDivisionError("secret detail")
    answer = client.post("/api/v1/events", json=event())
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_too_large_a_body_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/events", content=b"x" * (9 * 1024 * 1024))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:histotwin:too_large")


def test_the_description_needs_nothing_from_outside(client: TestClient) -> None:
    assert client.get("/api/v1/openapi.json").json()["info"]["title"] == "histotwin"
    assert client.get("/docs").status_code == 404


class SlowDoor(RecordingDoor):
    """A door that remembers how many it took at once, and trips over one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.go = threading.Event()

    def take(self, batch: list[Incoming]) -> list[Receipt]:
        self.sizes.append(len(batch))
        if len(self.sizes) == 1:
            self.go.wait(5)
        if any(b"poison" in one.body for one in batch):
            raise ValueError("poison")
        return super().take(batch)


def test_calls_that_wait_are_stored_together_and_one_callers_trouble_is_its_own() -> None:
    slow = SlowDoor()
    door, answers = SharedDoor(slow), {}  # type: ignore[var-annotated]

    def post(name: str) -> None:
        try:
            answers[name] = door.take([Incoming(json.dumps({"id": name}).encode(), "http", 0)])[0].event_id
        except ValueError as error:
            answers[name] = str(error)

    threads = [threading.Thread(target=post, args=(name,)) for name in ("first", "b", "poison", "d")]
    for thread in threads:
        thread.start()
        threading.Event().wait(0.05)
    slow.go.set()
    for thread in threads:
        thread.join(5)
    assert answers == {"first": "first", "b": "b", "poison": "poison", "d": "d"}
    assert slow.sizes[:2] == [1, 3]
