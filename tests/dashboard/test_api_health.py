"""Health says what is wrong in words a manager can act on, to whom it concerns, and never keeps anybody waiting."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete, event, insert, select, update

from dashboard.api.lookout import Bounded
from tests.dashboard.api_world import LOOPBACK, ApiWorld, api_world
from tests.tracking.queries.stored_rows import NOW_US, TestClock
from tracking.access import Role
from tracking.clock import HOUR_US, MINUTE_US, SECOND_US
from tracking.errors import StorageFull, StoreUnavailable
from tracking.queries.troubles import troubles
from tracking.store import tables
from tracking.store.database import Database
from tracking.store.disk import Room
from tracking.store.heartbeats import Heart


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path, is_demo=True) as made:
        with made.rows.database.writing() as connection:
            connection.execute(delete(tables.watermark))  # a world without gaps
        yield made


def health(world: ApiWorld, token: str | None = None) -> Any:
    client = world.client(token) if token else world.client(client=LOOPBACK, host="127.0.0.1:8050")
    return client.get("/api/v1/health").json()


def words(world: ApiWorld, token: str | None = None) -> set[str]:
    return {trouble["word"] for trouble in health(world, token)["troubles"]} - {"refused_open"}


def trouble(world: ApiWorld, word: str) -> Any:
    return next(one for one in health(world)["troubles"] if one["word"] == word)


def beat(world: ApiWorld, part: str, state: str = "working", **detail: Any) -> None:
    Heart(world.rows.database, world.clock, part).beat(state, **detail)


def clock_of(world: ApiWorld) -> TestClock:
    assert isinstance(world.clock, TestClock)
    return world.clock


def test_all_well_is_said_in_words_too(world: ApiWorld) -> None:
    beat(world, "ingest", round_trip_ms=12.5, waiting=3)
    said = health(world)
    assert said["status"] == "ok"
    assert said["ingest"] | {"lag_s": 0} == {
        "state": "up", "lag_s": 0, "last_event_at": "2026-11-21T10:30:00.000Z", "waiting": 3, "round_trip_ms": 12.5,
        "says": "Ingest takes events; the last came 0 seconds ago.",
    }  # fmt: skip
    assert all(said[part]["says"] for part in ("database", "broker", "ingest", "forecast"))


def test_an_ingest_that_died_is_down_within_thirty_seconds(world: ApiWorld) -> None:
    beat(world, "ingest")
    clock_of(world).pass_s(15)
    assert health(world)["ingest"]["state"] == "up"
    clock_of(world).pass_s(15)
    said = health(world)
    assert (said["status"], said["ingest"]["state"]) == ("down", "down")
    assert trouble(world, "ingest_silent")["sentence"].startswith("Ingest has given no sign of life for 30 seconds")


def test_an_ingest_that_was_never_started_is_not_well_where_instruments_could_speak(world: ApiWorld) -> None:
    assert (health(world)["status"], health(world)["ingest"]["state"]) == ("ok", "no_data")
    with socket.create_server(("127.0.0.1", 0)) as broker:
        world.api.state.parts = replace(world.api.state.parts, broker=broker.getsockname())
        assert (health(world)["status"], health(world)["ingest"]["state"]) == ("degraded", "no_data")


@pytest.mark.parametrize(
    ("state", "word", "says"),
    [("stopped", "ingest_stopped", "has been stopped"), ("no_broker", "broker_unreachable", "cannot reach the MQTT")],
)
def test_why_ingest_takes_nothing_is_told_apart(world: ApiWorld, state: str, word: str, says: str) -> None:
    beat(world, "ingest", state)
    assert (health(world)["status"], words(world)) == ("down", {word})
    assert says in trouble(world, word)["sentence"]


def test_a_clock_set_back_does_not_make_a_dead_ingest_live(world: ApiWorld) -> None:
    beat(world, "ingest")
    clock_of(world).us -= HOUR_US
    assert health(world)["ingest"]["state"] == "down"


def test_a_slow_way_and_a_lost_session_are_troubles_for_a_while(world: ApiWorld) -> None:
    beat(world, "ingest", round_trip_ms=4_000, session_lost_us=NOW_US - MINUTE_US)
    assert words(world) == {"ingest_slow", "session_lost"}
    clock_of(world).pass_s(3_600)
    beat(world, "ingest", round_trip_ms=40, session_lost_us=NOW_US - MINUTE_US)
    assert words(world) == set()


def test_a_standby_is_missed_only_where_there_was_one(world: ApiWorld) -> None:
    beat(world, "ingest")
    assert words(world) == set()
    beat(world, "ingest-standby", "standby")
    assert words(world) == set()
    clock_of(world).pass_s(40)
    beat(world, "ingest")
    assert words(world) == {"standby_missing"}
    beat(world, "ingest-standby", "stopped")
    assert words(world) == set()


def test_parts_that_stopped_are_named(world: ApiWorld) -> None:
    beat(world, "forecast")
    beat(world, "virtual-lab")
    clock_of(world).pass_s(90)
    beat(world, "ingest")
    assert words(world) == {"forecast_silent", "virtual_lab_silent"}
    assert health(world)["forecast"]["state"] == "down"
    beat(world, "virtual-lab", "stopped")
    beat(world, "forecast", "stopped")
    assert words(world) == {"forecast_silent"}


def open_gap(world: ApiWorld, lab: str, since_us: int) -> None:
    world.rows.event(lab, "lims-1", "device.state", "lims-1", state="idle")
    with world.rows.database.writing() as connection:
        path = f"/bcps/{lab}/lims-1"
        source_id = connection.execute(tables.source.select().where(tables.source.c.path == path)).scalar_one()
        beyond = orjson.dumps([[8, 9, since_us]]).decode()
        connection.execute(insert(tables.watermark).values(
            source_id=source_id, boot="b1", contiguous=4, highest=9, beyond=beyond))  # fmt: skip


def test_a_gap_is_a_trouble_once_it_is_five_minutes_old(world: ApiWorld) -> None:
    beat(world, "ingest")
    open_gap(world, "rl4", NOW_US - 4 * MINUTE_US)
    assert words(world) == set()
    clock_of(world).pass_s(70)
    beat(world, "ingest")
    said = trouble(world, "gap_open")
    assert said["sentence"].startswith("3 events of lims-1 (5 to 7, boot b1) did not come; known for 5 minutes.")
    assert (said["lab"], said["source"], health(world)["status"]) == ("rl4", "/bcps/rl4/lims-1", "degraded")


def test_what_is_wrong_in_a_lab_is_told_to_who_may_see_it(world: ApiWorld) -> None:
    beat(world, "ingest")
    open_gap(world, "rna", NOW_US - HOUR_US)
    assert words(world, world.token(Role.VIEWER, ["rna"])) == {"gap_open"}
    assert words(world, world.token(Role.VIEWER, ["rl4"])) == set()
    stranger = world.client().get("/api/v1/health").json()
    assert (stranger["status"], stranger["troubles"]) == ("degraded", [])


def test_refusals_and_conflicts_wait_for_somebody_until_they_are_settled(world: ApiWorld) -> None:
    beat(world, "ingest")
    refused = [one for one in health(world)["troubles"] if one["word"] == "refused_open"]
    assert {one["lab"] for one in refused} == {"rl4", "rna"}
    assert refused[0]["sentence"] == "1 refused message waits for somebody to look, for “not utf8”."
    with world.rows.database.writing() as connection:
        connection.execute(update(tables.rejected).values(state="dismissed").where(tables.rejected.c.lab == "rna"))
        connection.execute(update(tables.rejected).values(reason="identity_conflict").where(
            tables.rejected.c.lab == "rl4"))  # fmt: skip
    assert [one["word"] for one in health(world)["troubles"]] == ["conflicts_open"]
    assert health(world)["status"] == "degraded"


@pytest.mark.parametrize(
    ("off_s", "severity", "says"),
    [(3, "warning", "is 3 seconds behind."), (-7_200, "alarm", "is 2 hours ahead."), (1, None, "")],
)
def test_a_clock_that_is_wrong_is_named(world: ApiWorld, off_s: int, severity: str | None, says: str) -> None:
    beat(world, "ingest")
    reader = select(tables.source.c.id).where(tables.source.c.path == "/bcps/rl4/reception-1").scalar_subquery()
    with world.rows.database.writing() as connection:
        connection.execute(update(tables.device).values(clock_off_us=off_s * SECOND_US).where(
            tables.device.c.source_id == reader))  # fmt: skip
    found = [one for one in health(world)["troubles"] if one["word"] == "clock_wrong"]
    assert [one["severity"] for one in found] == ([severity] if severity else [])
    assert all(says in one["sentence"] for one in found)


def test_a_disk_that_is_full_is_found_by_writing_and_forgotten_when_there_is_room(world: ApiWorld) -> None:
    beat(world, "ingest")
    database = world.rows.database
    with database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    _limit(database, pages)
    for number in range(60):
        with contextlib.suppress(StorageFull):
            Heart(database, world.clock, f"filler-{number}").beat(words="x" * 60)
    clock_of(world).pass_s(6)
    said = health(world)
    assert (said["status"], said["database"]["state"]) == ("down", "down")
    assert trouble(world, "storage_full")["sentence"].startswith("The disk that holds the database is full")
    _limit(database, pages + 1_000)
    clock_of(world).pass_s(6)
    beat(world, "ingest")
    assert (health(world)["status"], words(world)) == ("ok", set())


def _limit(database: Database, pages: int) -> None:
    """Give every connection from now on no more room than this."""
    database.engine.dispose()
    event.listen(database.engine, "connect", lambda plain, _: plain.execute(f"PRAGMA max_page_count={pages}"))


def test_a_disk_that_fills_is_told_before_it_is_full(world: ApiWorld) -> None:
    beat(world, "ingest")
    parts = world.api.state.parts
    seen = parts.lookout.vitals()
    for room, is_low in (
        (Room(900_000_000, 10**10), True),
        (Room(2 * 10**9, 10**11), True),
        (Room(10**10, 10**11), False),
    ):
        found = {one.word for one in troubles(seen, world.clock, room)}
        assert ("storage_low" in found) is is_low


def test_without_a_database_health_still_answers(world: ApiWorld) -> None:
    world.rows.database.engine.dispose()
    file = Path(world.rows.database.engine.url.database or "")
    file.rename(file.with_suffix(".away"))
    file.mkdir()  # nothing can be opened here
    answer = world.client().get("/api/v1/health")
    said = answer.json()
    assert (answer.status_code, said["status"], said["database"]["state"]) == (503, "down", "down")
    assert said["database"]["says"].startswith("The database does not answer")
    assert "detail" not in said["database"]
    assert (said["ingest"]["state"], [one["word"] for one in said["troubles"]]) == ("unknown", ["database_unreachable"])


def test_a_broker_whose_name_nobody_resolves_keeps_nobody_waiting(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver that is away is waited for by nobody but a thread of its own, once."""
    answers, asked = threading.Event(), []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: asked.append(1) or answers.wait(20) or [])
    lookout = world.api.state.parts.lookout
    assert [lookout.seconds_to(("broker", 1883)) for _ in range(2)] == [None, None]
    assert (len(asked), answers.is_set()) == (1, False)
    answers.set()


def test_a_question_that_hangs_is_asked_once_and_waited_for_a_little() -> None:
    answers, asked = threading.Event(), []

    def ask() -> str:
        asked.append(1)
        answers.wait(10)
        return "well"

    question = Bounded(ask, within_s=0.05)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="no answer"):
            question()
    answers.set()
    assert Bounded(ask)() == "well"
    assert len(asked) == 2


def test_the_figures_can_be_read_by_prometheus(world: ApiWorld) -> None:
    beat(world, "ingest", accepted=41, duplicates=2, batches=3, commit_s=0.5, commit_counts=[1, 0, 2, *[0] * 9],
         round_trip_ms=15.0, sessions_lost=1)  # fmt: skip
    open_gap(world, "rl4", NOW_US - 600 * SECOND_US)
    text = world.client(client=LOOPBACK, host="127.0.0.1:8050").get("/metrics").text
    figures = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert figures["histotwin_ingest_messages_total", "accepted"] == 41
    assert figures["histotwin_commit_seconds_bucket", "0.025"] == 3
    assert figures["histotwin_commit_seconds_count",] == 3
    assert figures["histotwin_canary_round_trip_seconds",] == 0.015
    assert figures["histotwin_gaps_open",] == 1
    assert figures["histotwin_oldest_gap_seconds",] == 600
    assert figures["histotwin_refused_open", "not_utf8"] == 2
    assert figures["histotwin_conflicts_open",] == 0
    assert figures["histotwin_heartbeat_age_seconds", "ingest"] == 0
    assert figures["histotwin_events_stored_total",] == figures["histotwin_store_head",] > 0
    assert figures["histotwin_database_bytes",] > 0
