"""Refused events: put right by what a person says, offered again through the same door, counted once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from devices.ingest.receipts import stored_stream
from tests.tracking.queries.stored_rows import TestClock
from tests.tracking.store.histories import START_US, incoming
from tests.tracking.store.pictures import Bench
from tracking.access.principals import Principal, Role
from tracking.clock import DAY_US
from tracking.corrections import Correction, Field
from tracking.door import Incoming, Receipt
from tracking.errors import NotFound, Refusal
from tracking.queries.rejected_list import Wanted, rejected_page
from tracking.registry import Registry, load_registry
from tracking.store import tables
from tracking.store.corrections import add_correction, end_correction
from tracking.store.rebuild import rebuild
from tracking.store.replays import Replays
from tracking.store.verify import verify

ROOT = Path(__file__).parents[3]
MICROTOME, READER, LIMS, NEW = (f"/bcps/rl4/{name}" for name in ("microtome-3", "reader-1", "lims-1", "lims-9"))
CLOCK = TestClock()


def event(number: int = 1, kind: str = "step.completed", subject: str | None = "S26-000123-A-1", /,
          **fields: Any) -> dict[str, Any]:  # fmt: skip
    base = {"specversion": "1.0", "id": f"e{number}", "source": MICROTOME, "type": f"histotwin.{kind}",
            "time": "2026-10-02T09:30:00Z", "boot": "b", "sequence": number, "data": {"step": "microtomy"}}  # fmt: skip
    return {**base, **({"subject": subject} if subject else {}), **fields}


def booked(case: str = "S26-000123", **fields: Any) -> dict[str, Any]:
    said = {"case": case, "received_at": "2026-10-01T08:00:00Z", "specimens": [f"{case}-A"]}
    return event(1, "case.received", case, **{"source": LIMS, "boot": "l", "data": said, **fields})


def raw(text: bytes, at_us: int = START_US, source: str = READER) -> Incoming:
    return Incoming(text, f"histotwin{source}/raw", at_us, origin=source, kind="raw")


def replays(bench: Bench) -> Replays:
    return Replays(bench.database, bench.door, CLOCK)


def correct(bench: Bench, field: Field, given: str, meant: str, lab: str = "rl4") -> int:
    wanted = Correction(0, lab, field, given, meant)
    return add_correction(bench.database, bench.registry, CLOCK, wanted, reason="label printer", person="anna")


def refused(bench: Bench) -> list[dict[str, Any]]:
    return sorted(bench.named(tables.rejected), key=lambda row: row["id"])


def stored(bench: Bench) -> list[dict[str, Any]]:
    rows = sorted(bench.named(tables.event), key=lambda row: row["position"])
    return [{**row, "document": orjson.loads(row["body"])} for row in rows]


def require_sound(bench: Bench) -> None:
    """The chain holds, and a rebuild gives what stands."""
    before = bench.projections()
    assert verify(bench.url, bench.registry).faults == ()
    rebuild(bench.url, bench.registry)
    assert bench.projections() == before


WRONG_STEP = event(1, data={"step": "sectioning", "operator": "bms-2"})


def test_a_step_by_another_name_is_stored_as_what_it_means_and_repeats_count_once(bench: Bench) -> None:
    assert bench.take(WRONG_STEP)[0].reason == "unknown_step"
    number = correct(bench, Field.STEP, "sectioning", "microtomy")
    [told] = replays(bench).replay([1], "bea")
    assert (told.state, told.position) == ("replayed", 1)
    [kept] = stored(bench)
    assert kept["document"]["data"] == {"step": "microtomy", "operator": "bms-2"}
    assert kept["document"]["correction"] == str(number)
    [row] = refused(bench)
    assert (row["body"], row["state"], row["person"], row["position"]) == (
        orjson.dumps(WRONG_STEP), "replayed", "bea", 1,
    )  # fmt: skip
    assert [r.fate for r in bench.take(WRONG_STEP, event(2, data={"step": "sectioning"}))] == ["duplicate", "accepted"]
    require_sound(bench)


def test_what_can_be_stored_as_it_came_is_never_rewritten(sqlite_bench: Bench) -> None:
    correct(sqlite_bench, Field.BARCODE, "S26-000123-A-1", "S26-000123-B-1")
    sqlite_bench.take(event())
    assert stored(sqlite_bench)[0]["document"] == event()


def test_the_same_correction_made_anew_still_makes_the_same_event(sqlite_bench: Bench) -> None:
    first = correct(sqlite_bench, Field.STEP, "sectioning", "microtomy")
    sqlite_bench.take(WRONG_STEP)
    end_correction(sqlite_bench.database, CLOCK, first, "anna")
    assert sqlite_bench.take({**WRONG_STEP, "id": "e7", "sequence": 7})[0].reason == "unknown_step"
    correct(sqlite_bench, Field.STEP, "sectioning", "microtomy")
    assert sqlite_bench.take(WRONG_STEP)[0].fate == "duplicate"


def test_a_source_by_another_name_is_stored_for_its_device_and_acknowledged_to_its_sender(bench: Bench) -> None:
    first = {**booked(), "source": NEW}
    assert bench.take(first)[0].reason == "unknown_device"
    correct(bench, Field.SOURCE, NEW, "lims-1")
    second = {**booked("S26-000124"), "source": NEW, "id": "e2", "sequence": "2"}
    [offered] = incoming([second])
    [receipt] = bench.take(offered)
    assert (receipt.fate, receipt.source, receipt.boot, receipt.sequence) == ("accepted", LIMS, "l", 2)
    stream, through = stored_stream(offered, receipt), receipt.stored_through
    assert (stream, through) == ((f"histotwin{NEW}/ack", "l"), 2), "the sender would offer it for ever"
    assert replays(bench).replay([1], "bea")[0].state == "replayed"
    sources = {row["id"]: row["path"] for row in bench.named(tables.source)}
    marks = {sources[row["source_id"]]: row["contiguous"] for row in bench.named(tables.watermark)}
    assert marks == {NEW: 2}, "another device's count got a gap"
    binary = {name: str(value) for name, value in second.items() if name != "data"}
    again = Incoming(orjson.dumps(second["data"]), "http", START_US, attributes=binary)
    assert bench.take(again)[0].fate == "duplicate"
    require_sound(bench)


def test_a_corrected_source_does_not_excuse_speaking_for_another(sqlite_bench: Bench) -> None:
    correct(sqlite_bench, Field.SOURCE, NEW, "lims-1")
    [forged] = incoming([{**booked(), "source": NEW}])
    forged.origin = READER
    assert sqlite_bench.take(forged)[0].reason == "wrong_source"


@pytest.mark.parametrize("step", ["microtomy", "sectioning"])
@pytest.mark.parametrize(
    ("origin", "given"), [(MICROTOME, LIMS), (None, LIMS), (MICROTOME, MICROTOME), (None, "/bcps/rna/unknown")]
)
def test_nobody_writes_an_event_that_counts_for_another_device(
    sqlite_bench: Bench, origin: str | None, given: str, step: str
) -> None:
    correct(sqlite_bench, Field.STEP, "sectioning", "microtomy")
    forged = event(givensource=given, givenboot="l", givensequence="9", data={"step": step})
    del forged["boot"], forged["sequence"]
    [receipt] = sqlite_bench.take(Incoming(orjson.dumps(forged), "import", START_US, origin=origin))
    assert receipt.reason == ("wrong_source" if step == "microtomy" else "unknown_step")
    assert sqlite_bench.rows(tables.watermark) == []


@pytest.mark.parametrize("claim", [{"correction": "1"}, {"givensource": NEW}, {"givenboot": "l"}, {"givensequence": 9}])
@pytest.mark.parametrize(("channel", "origin"), [("http", None), ("histotwin/bcps/rl4/microtome-3/event", MICROTOME)])
def test_nobody_says_of_their_own_event_that_it_was_corrected(
    sqlite_bench: Bench, claim: dict[str, Any], channel: str, origin: str | None
) -> None:
    correct(sqlite_bench, Field.STEP, "sectioning", "microtomy")
    for number, step in ((1, "microtomy"), (2, "sectioning")):
        forged = event(number, data={"step": step}, **claim)
        [receipt] = sqlite_bench.take(Incoming(orjson.dumps(forged), channel, START_US, origin=origin))
        assert (receipt.reason, next(iter(claim)) in receipt.message) == ("invalid_event", True)
    assert stored(sqlite_bench) == []


def test_what_was_exported_with_its_corrections_can_be_imported(sqlite_bench: Bench) -> None:
    correct(sqlite_bench, Field.SOURCE, NEW, "lims-1")
    sqlite_bench.take({**booked(), "source": NEW})
    [kept] = stored(sqlite_bench)
    assert sqlite_bench.take(Incoming(kept["body"], "import", START_US))[0].fate == "duplicate"
    other = {**kept["document"], "id": "e2", "givensequence": "2"}
    assert sqlite_bench.take(Incoming(orjson.dumps(other), "import", START_US))[0].fate == "accepted"
    assert not sqlite_bench.door.drift.counts, "what the door writes itself is no news to it"
    require_sound(sqlite_bench)


@pytest.mark.parametrize("word", ["wrong_topic", "unreadable_message"])
def test_what_comes_on_a_topic_that_proves_nothing_counts_for_no_device(bench: Bench, word: str) -> None:
    forged = Incoming(orjson.dumps(event()), "histotwin/bcps/rl4/microtome-1/events", START_US, refusal=word)
    [receipt] = bench.take(forged)
    assert (receipt.reason, receipt.stored_through) == (word, None), "its real event would be forgotten unstored"
    assert bench.rows(tables.watermark) == []
    require_sound(bench)
    assert replays(bench).replay([1], "bea")[0].state == "replayed", "a person may still judge it"
    require_sound(bench)


@pytest.mark.parametrize("given", ["LIMS 9", "", "/a/b", "/BCPS/rl4/lims-9", 7, None])
def test_a_given_source_that_is_no_path_counts_for_nobody(sqlite_bench: Bench, given: Any) -> None:
    odd = event(givensource=given, givenboot="l", givensequence="9")
    del odd["boot"], odd["sequence"]
    assert sqlite_bench.take(Incoming(orjson.dumps(odd), "import", START_US))[0].fate == "accepted"
    assert sqlite_bench.rows(tables.watermark) == []
    require_sound(sqlite_bench)


def test_a_source_that_is_no_path_can_be_corrected(sqlite_bench: Bench) -> None:
    odd = Incoming(orjson.dumps({**booked(), "source": "LIMS 9"}), "http", START_US)
    assert sqlite_bench.take(odd)[0].reason == "invalid_event"
    correct(sqlite_bench, Field.SOURCE, "LIMS 9", "lims-1")
    assert sqlite_bench.take(odd)[0].source == LIMS
    require_sound(sqlite_bench)


def test_a_misprinted_label_is_read_as_the_block_it_is_on(bench: Bench) -> None:
    made = event(2, "step.completed", "S26-000123-A", data={"step": "cut_up", "children": ["S26-000123-A-1"]})
    misread = event(3, subject="S26-00012-A-1")
    bench.take(booked(), made)
    assert bench.take(misread)[0].reason == "unreadable_barcode"
    correct(bench, Field.BARCODE, "S26-00012-A-1", "s26-000123-a-1")
    assert replays(bench).replay([1], "bea")[0].state == "replayed"
    assert bench.take(misread)[0].fate == "duplicate"
    assert [visit["step"] for visit in bench.visits("S26-000123-A-1")] == ["microtomy"]
    require_sound(bench)


def test_a_second_barcode_is_stronger_than_a_correction(sqlite_bench: Bench) -> None:
    correct(sqlite_bench, Field.BARCODE, "OLD-7", "S26-000123-B")
    data = {"kind": "specimen", "parent": "S26-000123", "aliases": ["OLD-7"]}
    created = event(2, "item.created", "S26-000123-A", source=LIMS, data=data)
    sqlite_bench.take(booked(), created, event(3, subject="OLD-7"))
    assert stored(sqlite_bench)[2]["document"]["subject"] == "OLD-7"
    with pytest.raises(Refusal, match="an item here"):
        correct(sqlite_bench, Field.BARCODE, "s26-000123-a", "S26-000123-B")


def test_a_plain_scan_replayed_happened_when_it_was_first_received(bench: Bench) -> None:
    assert bench.take(raw(b"S26-000123-A"))[0].reason == "unknown_barcode"
    bench.take(booked())
    replays(bench).replay([1], "bea")
    seen = stored(bench)[1]
    assert (seen["at_us"], seen["received_us"]) == (START_US, CLOCK.us)
    assert bench.item("S26-000123-A")["seen_us"] == START_US
    require_sound(bench)


def test_a_plain_scan_of_a_wrong_label_and_of_an_unknown_reader_is_put_right(sqlite_bench: Bench) -> None:
    sqlite_bench.take(booked(), raw(b"S26-00012-A"), raw(b"S26-000123-A", source="/bcps/rl4/hand"))
    correct(sqlite_bench, Field.BARCODE, "S26-00012-A", "S26-000123-A")
    correct(sqlite_bench, Field.SOURCE, "/bcps/rl4/hand", "reader-1")
    assert [told.state for told in replays(sqlite_bench).replay([1, 2], "bea")] == ["replayed", "replayed"]
    assert [row["document"]["subject"] for row in stored(sqlite_bench)[1:]] == ["S26-000123-A"] * 2
    assert stored(sqlite_bench)[1]["document"]["data"]["raw"] == "S26-00012-A"


def test_what_is_meant_must_exist(sqlite_bench: Bench) -> None:
    for field, given, meant, said in (
        (Field.STEP, "x", "juggling", "expected a step of rl4"),
        (Field.SOURCE, NEW, "lims-77", "expected a device of rl4"),
        (Field.SOURCE, LIMS, "lims-1", "something else"),
        (Field.SOURCE, READER, "lims-1", "is a device"),
        (Field.SOURCE, "/bcps/rl4/histotwin", "lims-1", "own voice"),
        (Field.SOURCE, "/smp/rna/thing", "lims-1", "is of rna"),
        (Field.BARCODE, "x", "DG26-000001", "expected a barcode of rl4"),
        (Field.STATION, "x", "moon", "expected a station of rl4"),
        (Field.STEP, "microtomy", "embedding", "is a step of rl4"),
        (Field.STATION, "microtomy", "office", "is a station of rl4"),
    ):
        with pytest.raises(Refusal, match=said):
            correct(sqlite_bench, field, given, meant)
    correct(sqlite_bench, Field.STEP, "x", "microtomy")
    with pytest.raises(Refusal, match="End correction 1 first"):
        correct(sqlite_bench, Field.STEP, "x", "embedding")
    correct(sqlite_bench, Field.SOURCE, "LIMS 9", "lims-1", "rna")
    with pytest.raises(Refusal, match="has a meaning in another laboratory already"):
        correct(sqlite_bench, Field.SOURCE, "LIMS 9", "lims-1")


@pytest.fixture
def with_new_device(tmp_path: Path) -> Registry:
    networks = Path(shutil.copytree(ROOT / "data/networks", tmp_path / "networks"))
    file = next(path for path in networks.glob("*.yaml") if yaml.safe_load(path.read_text()).get("network") == "bcps")
    written = yaml.safe_load(file.read_text())
    lab = next(lab for lab in written["labs"] if lab["id"] == "rl4")
    lab["extra_devices"] = [{"name": "bedside", "kind": "lims", "station": "office"}]
    file.write_text(yaml.safe_dump(written))
    return load_registry(sorted(networks.glob("*.yaml")))


def test_a_device_added_to_the_network_file_gets_what_was_refused_before(
    new_url: Callable[[], str], registry: Registry, with_new_device: Registry
) -> None:
    url, early = new_url(), {**booked(), "source": "/bcps/rl4/bedside-1"}
    with Bench(url, registry) as before:
        assert before.take(early)[0].reason == "unknown_device"
        assert replays(before).rehearse([1])[0].receipt.reason == "unknown_device"  # type: ignore[union-attr]
    with Bench(url, with_new_device) as after:
        assert replays(after).rehearse([1])[0].receipt.fate == "accepted"  # type: ignore[union-attr]
        assert after.rows(tables.event) == [], "a rehearsal stores nothing"
        assert replays(after).replay([1], "bea")[0].state == "replayed"
        assert after.take(early)[0].fate == "duplicate"
        require_sound(after)


def test_a_correction_ends_where_the_network_file_makes_right_what_was_given(
    new_url: Callable[[], str], registry: Registry, with_new_device: Registry
) -> None:
    url, bedside = new_url(), "/bcps/rl4/bedside-1"
    with Bench(url, registry) as before:
        correct(before, Field.SOURCE, bedside, "lims-1")
        correct(before, Field.STEP, "Cut Up", "cut_up")
        assert before.take(event(1, source=bedside))[0].source == LIMS
    with Bench(url, with_new_device) as after:
        [receipt] = after.take(event(2, source=bedside, data={"step": "Cut Up"}))
        assert (receipt.fate, receipt.source) == ("accepted", bedside), "a device's events were handed to another"
        assert stored(after)[1]["document"]["data"] == {"step": "cut_up"}
        require_sound(after)


def test_another_network_file_counts_what_was_refused_before_as_it_was_counted(
    new_url: Callable[[], str], registry: Registry, with_new_device: Registry
) -> None:
    url, early = new_url(), {**booked(), "source": "/bcps/rl4/bedside-1"}
    with Bench(url, registry) as before:
        assert before.take(Incoming(orjson.dumps(early), "http", START_US))[0].stored_through == 1
    with Bench(url, with_new_device) as after:
        later = {**booked("S26-000124"), "source": "/bcps/rl4/bedside-1", "id": "e2", "sequence": 2}
        assert after.take(later)[0].stored_through == 2
        require_sound(after)
    with Bench(url, registry) as again:
        require_sound(again)


def test_what_is_refused_again_stays_open_says_why_and_is_not_counted_again(bench: Bench) -> None:
    bench.take(event(1, data={"step": "sectioning"}, subject="S26-00012-A-1"))
    correct(bench, Field.STEP, "sectioning", "microtomy")
    [told] = replays(bench).replay([1], "bea")
    assert (told.state, told.receipt.reason) == ("open", "unreadable_barcode")  # type: ignore[union-attr]
    [row] = refused(bench)
    assert (row["state"], row["times"], row["reason"], row["person"]) == ("open", 1, "unknown_step", "bea")
    assert row["note"].startswith("unreadable_barcode: Read 'S26-00012-A-1'")
    require_sound(bench)


def test_replaying_twice_and_by_two_people_at_once_stores_once(bench: Bench) -> None:
    bench.take(*(event(n, data={"step": "sectioning"}) for n in range(1, 41)))
    correct(bench, Field.STEP, "sectioning", "microtomy")
    ids = list(range(1, 41))
    with ThreadPoolExecutor(2) as pool:
        for told in pool.map(lambda who: replays(bench).replay(ids, who), ("bea", "cleo")):
            assert {one.state for one in told} == {"replayed"}
    assert len(stored(bench)) == 40
    [again] = replays(bench).replay([1], "dora")
    assert (again.state, again.receipt) == ("replayed", None)
    assert refused(bench)[0]["person"] in ("bea", "cleo")


def test_a_replay_killed_before_it_was_noted_is_settled_by_the_next_one(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.take(event(1, data={"step": "sectioning"}), raw(b"S26-000123"))
    bench.take(booked())
    correct(bench, Field.STEP, "sectioning", "microtomy")
    script = f"""
from tests.tracking.store.test_replays import *
from tracking.kill_points import arm
registry = load_registry(sorted((ROOT / "data/networks").glob("*.yaml")))
arm("replayed")
with Bench({bench.url!r}, registry) as bench:
    replays(bench).replay([1, 2], "bea")
"""
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, timeout=60)
    assert ended.returncode == -9
    assert len(stored(bench)) == 3
    assert {row["state"] for row in refused(bench)} == {"open"}
    told = replays(bench).replay([1, 2], "cleo")
    assert [(one.state, one.receipt and one.receipt.fate) for one in told] == [("replayed", "duplicate")] * 2
    assert len(stored(bench)) == 3
    assert [row["person"] for row in refused(bench)] == ["cleo", "cleo"]
    require_sound(bench)


def test_a_scan_that_comes_again_after_it_was_replayed_is_another_scan(sqlite_bench: Bench) -> None:
    bench, wrong = sqlite_bench, b"S26-00012-A"
    bench.take(booked(), raw(wrong))
    first = correct(bench, Field.BARCODE, "S26-00012-A", "S26-000123-A")
    replays(bench).replay([1], "bea")
    end_correction(bench.database, CLOCK, first, "anna")
    assert bench.take(raw(wrong, START_US + DAY_US))[0].reason == "unreadable_barcode"
    correct(bench, Field.BARCODE, "S26-00012-A", "S26-000123-A")
    [told] = replays(bench).replay([1], "bea")
    assert (told.state, told.position, told.receipt and told.receipt.fate) == ("replayed", 3, "accepted")
    assert [row["at_us"] for row in stored(bench)[1:]] == [START_US, START_US + DAY_US]
    require_sound(bench)


def test_what_was_stored_is_noted_even_where_somebody_set_it_aside_meanwhile(bench: Bench) -> None:
    bench.take(WRONG_STEP)
    correct(bench, Field.STEP, "sectioning", "microtomy")

    class Slow:
        def take(self, batch: list[Incoming]) -> list[Receipt]:
            receipts = bench.door.take(batch)
            replays(bench).dismiss([1], "cleo", "a trial")
            return receipts

        rehearse = take

    Replays(bench.database, Slow(), CLOCK).replay([1], "bea")
    [row] = refused(bench)
    assert (row["state"], row["position"], row["person"]) == ("replayed", 1, "bea")


def test_who_replayed_first_is_who_replayed(bench: Bench) -> None:
    bench.take(WRONG_STEP)
    correct(bench, Field.STEP, "sectioning", "microtomy")

    class Overtaken:
        def take(self, batch: list[Incoming]) -> list[Receipt]:
            replays(bench).replay([1], "cleo")
            return bench.door.take(batch)

        rehearse = take

    Replays(bench.database, Overtaken(), CLOCK).replay([1], "bea")
    assert refused(bench)[0]["person"] == "cleo"


def test_many_are_replayed_in_batches_in_order_and_tell_how_far_they_are(sqlite_bench: Bench) -> None:
    bench, batches = sqlite_bench, list[int]()
    for start in range(1, 1202, 400):
        bench.take(*(event(n, data={"step": "sectioning"}) for n in range(start, min(start + 400, 1202))))
    correct(bench, Field.STEP, "sectioning", "microtomy")

    class Counting:
        def take(self, batch: list[Incoming]) -> list[Receipt]:
            batches.append(len(batch))
            return bench.door.take(batch)

        rehearse = take

    told = Replays(bench.database, Counting(), CLOCK).replay(range(1, 1202), "bea")
    assert batches == [500, 500, 201]
    assert [row["event_id"] for row in stored(bench)] == [f"e{n}" for n in range(1, 1202)]
    assert {one.state for one in told} == {"replayed"}
    [work] = bench.named(tables.progress)
    assert (work["done"], work["total"], work["finished_us"]) == (1201, 1201, CLOCK.us)


def test_what_a_person_sets_aside_is_left_alone_until_it_is_taken_up_again(bench: Bench) -> None:
    bench.take(event(1, data={"step": "sectioning"}))
    correct(bench, Field.STEP, "sectioning", "microtomy")
    replays(bench).dismiss([1], "bea", "a trial of the printer")
    [row] = refused(bench)
    assert (row["state"], row["person"], row["note"]) == ("dismissed", "bea", "a trial of the printer")
    assert replays(bench).replay([1], "cleo")[0].state == "dismissed"
    assert stored(bench) == []
    replays(bench).reopen([1], "cleo", "it was no trial")
    assert replays(bench).replay([1], "cleo")[0].state == "replayed"
    with pytest.raises(NotFound, match="no refused event 2"):
        replays(bench).dismiss([1, 2], "bea", "x")
    require_sound(bench)


@pytest.mark.parametrize(("text", "found"), [('\u00e4nderung" }', [2]), ("E1", [1]), ("READER-1", [2]), ("100%", [])])
def test_the_list_finds_words_and_bytes(bench: Bench, text: str, found: list[int]) -> None:
    odd = '{"note": "\u00e4nderung" } trailing'.encode()
    bench.take(WRONG_STEP, Incoming(odd + b"\xff\x00", "mqtt", START_US, origin=READER))
    anybody = Principal("anna", frozenset({Role.VIEWER}), None)
    with bench.database.reading() as connection:
        page = rejected_page(connection, bench.registry, anybody, Wanted(q=text))
        assert [row["id"] for row in page] == found
        assert rejected_page(connection, bench.registry, anybody, Wanted(), before=2)[0]["id"] == 1


def test_a_message_refused_on_the_wire_is_judged_by_the_door_when_a_person_replays_it(sqlite_bench: Bench) -> None:
    retained = incoming([booked()])[0]
    retained.refusal = "retained_event"
    assert sqlite_bench.take(retained)[0].reason == "retained_event"
    [told] = replays(sqlite_bench).replay([1], "bea")
    assert told.state == "replayed"
    assert sqlite_bench.clock("S26-000123")["received_us"] < CLOCK.us - DAY_US
