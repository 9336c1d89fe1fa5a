"""The live stream over a real uvicorn: snapshot first, one's own labs only, soon after commit, and how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from dashboard.live import FALLEN_BEHIND, Reader, Topics
from tests.dashboard.api_world import ApiWorld, api_world
from tests.services import until
from tracking.access import Principal, Role
from tracking.clock import SystemClock

SOON_S = 5.0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[ApiWorld, str]]:
    with api_world(tmp_path, is_demo=True, clock=SystemClock()) as world, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(world.api, log_level="error", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield world, f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


async def frames(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, str, Any]]:
    """Yield (event, id, data) of a stream."""
    name, number, data = "", "", ""
    async for line in lines:
        key, _, value = line.partition(": ")
        if key == "event":
            name = value
        elif key == "id":
            number = value
        elif key == "data":
            data = value
        elif not line and data:
            yield name, number, json.loads(data)
            name, number, data = "", "", ""


async def read_until(
    url: str, topics: str, wanted: str, count: int = 1, token: str = "", then: Any = None
) -> list[Any]:
    """Return what came up to the ``count``-th event of that name; ``then`` is called after the first frame."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    got: list[Any] = []
    async with (
        asyncio.timeout(SOON_S),
        httpx.AsyncClient(headers=headers) as client,
        client.stream("GET", f"{url}/api/v1/stream?topics={topics}") as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        async for frame in frames(answer.aiter_lines()):
            got.append(frame)
            if then is not None:
                then, call = None, then
                await asyncio.to_thread(call)
            if sum(name == wanted for name, _, _ in got) >= count:
                return got
    raise AssertionError(f"the stream ended before {wanted}")


def move_case(world: ApiWorld) -> None:
    world.rows.closed("rl4", "S26-000777", 10)
    world.rows.event("rl4", "lims-1", "case.authorised", "S26-000777", case="S26-000777", us=SystemClock().now_us())


async def test_a_snapshot_comes_first_and_a_row_when_something_happens(served: tuple[ApiWorld, str]) -> None:
    world, url = served
    got = await read_until(url, "board", "row", then=lambda: move_case(world))
    assert got[0][0] == "snapshot"
    assert len(got[0][2]["labs"]) == len(world.api.gate_parts.registry.labs)
    name, number, data = got[-1]
    assert (name, data["topic"], data["lab"]) == ("row", "board", "rl4")
    assert int(number) == data["position"] == data["row"]["position"] == world.rows.position
    assert data["row"]["closed_7d"] is not None


async def test_whoever_polls_the_board_takes_nothing_from_the_stream(
    served: tuple[ApiWorld, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll comes between the commit and the stream's next look, and is the first to see what is new."""
    world, url = served
    monkeypatch.setattr("dashboard.live.LOOK_EVERY_S", 0.6)

    def commit_and_poll() -> None:
        move_case(world)
        polled = httpx.get(f"{url}/api/v1/labs").json()["labs"]
        assert max(row["position"] for row in polled) == world.rows.position

    got = await read_until(url, "board", "row", then=commit_and_poll)
    assert (got[-1][2]["lab"], got[-1][2]["position"]) == ("rl4", world.rows.position)


async def test_a_lab_topic_brings_its_page_and_renews_it(served: tuple[ApiWorld, str]) -> None:
    world, url = served
    got = await read_until(url, "lab/rl4", "lab", count=2, then=lambda: move_case(world))
    assert {frame[0] for frame in got} == {"lab"}
    assert got[-1][2]["lab"]["id"] == "rl4"
    assert got[-1][2]["lab"]["events"][0]["subject"] == "S26-000777"


async def test_troubles_are_told_at_once_to_whom_they_concern(served: tuple[ApiWorld, str]) -> None:
    world, url = served
    for labs in (["rna"], ["rl4"]):
        got = await read_until(url, "troubles", "troubles", token=world.token(Role.VIEWER, labs))
        assert [name for name, _, _ in got] == ["troubles"]
        told = got[-1][2]
        assert (told["topic"], {one["lab"] for one in told["troubles"]}) == ("troubles", set(labs))
        assert "refused_open" in {one["word"] for one in told["troubles"]}


async def test_a_reader_gets_only_labs_in_scope(served: tuple[ApiWorld, str]) -> None:
    world, url = served
    token = world.token(Role.VIEWER, ["rna"])

    def both() -> None:
        move_case(world)
        world.rows.event("rna", "reception-1", "step.completed", "DG26-000001", step="reception")

    got = await read_until(url, "board", "row", token=token, then=both)
    assert [row["id"] for row in got[0][2]["labs"]] == ["rna"]
    assert got[-1][2]["lab"] == "rna"
    assert "rl4" not in json.dumps(got)


async def test_fifty_readers_all_see_every_commit(served: tuple[ApiWorld, str]) -> None:
    """How soon they see it is measured by ``benchmarks/bench_live.py``; here, that none of them misses it."""
    world, url = served
    reached = [0] * 50

    async def one_reader(number: int) -> None:
        async with httpx.AsyncClient(timeout=30) as client, client.stream("GET", f"{url}/api/v1/stream") as answer:
            async for name, _, data in frames(answer.aiter_lines()):
                if name in {"snapshot", "row"}:
                    reached[number] = max(reached[number], data["position"])

    readers = [asyncio.create_task(one_reader(number)) for number in range(50)]
    try:
        for _ in range(20):
            last = await asyncio.to_thread(world.rows.event, "rl4", "reader-1", "item.scanned", "S26-000001")
            await asyncio.sleep(0.05)
        await asyncio.to_thread(until, lambda: min(reached) >= last, 30)
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    assert set(reached) == {last}


async def test_nobody_streams_without_a_credential(served: tuple[ApiWorld, str]) -> None:
    _, url = served
    async with httpx.AsyncClient(headers={"X-Forwarded-For": "10.0.0.1"}) as client:
        assert (await client.get(f"{url}/api/v1/stream")).status_code == 401


async def test_a_reader_that_falls_behind_starts_afresh() -> None:
    reader = Reader(Principal("slow", frozenset({Role.VIEWER}), None), Topics())
    for number in range(FALLEN_BEHIND + 1):
        reader.put(b"%d" % number)
    assert reader.queue.qsize() == 1
    assert reader.queue.get_nowait() is None


async def test_a_stream_ends_when_the_readers_access_has(
    served: tuple[ApiWorld, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, url = served
    monkeypatch.setattr("dashboard.live.PING_EVERY_S", 0.1)
    token = world.token(Role.VIEWER, ["rl4"])
    with pytest.raises(AssertionError, match="the stream ended"):
        await read_until(url, "board", "never", token=token, then=lambda: world.access.revoke_token("viewer-rl4"))
