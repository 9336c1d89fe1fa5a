"""What the door takes, what it says, and what it keeps of that which it does not take."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.tracking.store.histories import START_US
from tests.tracking.store.pictures import Bench
from tracking.clock import DAY_US
from tracking.door import Incoming
from tracking.store import tables

MICROTOME, READER, LIMS = "/bcps/rl4/microtome-3", "/bcps/rl4/reader-1", "/bcps/rl4/lims-1"


def event(kind: str, subject: str | None = None, /, **fields: Any) -> dict[str, Any]:
    base = {"specversion": "1.0", "id": "e1", "source": MICROTOME, "type": f"histotwin.{kind}",
            "time": "2026-11-21T09:30:00.000Z", "data": {}}  # fmt: skip
    return {**base, **({"subject": subject} if subject else {}), **fields}


CUT = event("step.completed", "S26-000123-A-1", boot="b", sequence="1", datacontenttype="application/json",
            data={"step": "microtomy", "children": ["S26-000123-A-1-1", "S26-000123-A-1-2"]})  # fmt: skip


LATER_US = START_US + 90 * DAY_US


def raw(text: bytes, source: str = READER) -> Incoming:
    return Incoming(text, "mqtt", LATER_US, origin=source, kind="raw")


def test_a_plain_scan_of_a_known_slide_says_where_it_was_seen(sqlite_bench: Bench) -> None:
    sqlite_bench.take(CUT)
    [receipt] = sqlite_bench.take(raw(b"s26-000123-a-1-2\r\n"))
    assert (receipt.fate, receipt.verdict, receipt.reason) == ("accepted", "accepted", "ok")
    assert receipt.message == "Slide S26-000123-A-1-2 seen at reception."
    assert sqlite_bench.item("S26-000123-A-1-2")["station"] == "reception"


def test_a_plain_scan_of_an_unknown_slide_is_refused_because_a_person_can_act(sqlite_bench: Bench) -> None:
    [receipt] = sqlite_bench.take(raw(b"S26-000123-A-1-2"))
    assert (receipt.verdict, receipt.reason) == ("rejected", "unknown_barcode")
    assert receipt.message == "S26-000123-A-1-2 is not known here. Book the case in, or scan it again."
    assert sqlite_bench.rows(tables.item) == []


def test_an_instruments_word_of_an_unknown_block_is_stored_with_a_warning(sqlite_bench: Bench) -> None:
    [receipt] = sqlite_bench.take(CUT)
    assert (receipt.fate, receipt.verdict, receipt.reason) == ("accepted", "warning", "unknown_item")
    assert not sqlite_bench.item("S26-000123-A-1")["announced"]
    assert sqlite_bench.item("S26-000123-A-1-1")["announced"]


def test_a_case_booked_in_earlier_in_the_batch_is_known(sqlite_bench: Bench) -> None:
    booked = event("case.received", "S26-000123", source=LIMS, data={
        "case": "S26-000123", "received_at": "2026-11-21T08:00:00Z", "specimens": ["S26-000123-A"]})  # fmt: skip
    receipts = sqlite_bench.take(booked, raw(b"S26-000123"), raw(b"S26-000123-A"))
    assert [receipt.reason for receipt in receipts] == ["ok", "ok", "ok"]


def test_the_same_event_by_another_transport_is_a_duplicate(bench: Bench) -> None:
    bench.take(CUT)
    attributes = {name: str(value) for name, value in CUT.items() if name not in ("data", "datacontenttype")}
    binary = Incoming(orjson.dumps(CUT["data"]), "mqtt", START_US, origin=MICROTOME, attributes=attributes)
    [receipt] = bench.take(binary)
    assert (receipt.fate, receipt.verdict, receipt.position, receipt.stored_through) == ("duplicate", "accepted", 1, 1)
    assert receipt.message == "Already stored; counted once."
    assert len(bench.rows(tables.event)) == 1
    assert bench.rows(tables.rejected) == []


@pytest.mark.parametrize("together", [True, False])
def test_two_events_with_one_identity_are_both_kept(bench: Bench, together: bool) -> None:
    other = {**CUT, "subject": "S26-000123-A-2", "data": {"step": "microtomy"}}
    receipts = bench.take(CUT, other) if together else [*bench.take(CUT), *bench.take(other)]
    assert [receipt.fate for receipt in receipts] == ["accepted", "conflict"]
    [kept] = bench.named(tables.rejected)
    assert kept["reason"] == "identity_conflict"
    assert orjson.loads(kept["body"])["subject"] == "S26-000123-A-2"
    assert (kept["event_id"], kept["lab"]) == ("e1", "rl4")


def test_a_batch_that_brings_old_and_new_stores_the_new_without_a_gap(bench: Bench) -> None:
    cuts = [{**CUT, "id": f"e{n}", "sequence": n} for n in range(1, 6)]
    bench.take(*cuts[:2])
    receipts = bench.take(cuts[0], cuts[2], cuts[1], cuts[4])
    assert [r.fate for r in receipts] == ["duplicate", "accepted", "duplicate", "accepted"]
    assert [r.position for r in receipts] == [1, 3, 2, 4]
    assert [r.stored_through for r in receipts] == [3, 3, 3, 3]
    [receipt] = bench.take(cuts[3])
    assert receipt.stored_through == 5


def test_a_refused_event_closes_the_gap_of_its_device(bench: Bench) -> None:
    wrong = {**CUT, "id": "e2", "sequence": "2", "data": {"step": "juggling"}}
    receipts = bench.take(CUT, wrong, {**CUT, "id": "e3", "sequence": "3"})
    assert [r.stored_through for r in receipts] == [3, 3, 3]
    assert receipts[1].reason == "unknown_step"


def test_a_forged_source_moves_no_other_devices_watermark(sqlite_bench: Bench) -> None:
    forged = Incoming(orjson.dumps(CUT), "mqtt", START_US, origin=READER)
    [receipt] = sqlite_bench.take(forged)
    assert (receipt.reason, receipt.stored_through) == ("wrong_source", None)
    assert sqlite_bench.rows(tables.watermark) == []


def test_a_devices_last_will_is_its_state(sqlite_bench: Bench) -> None:
    sqlite_bench.take(Incoming(b"offline", "mqtt", START_US, origin=READER, kind="state"))
    [device] = sqlite_bench.named(tables.device)
    assert (device["state"], device["state_us"], device["events"]) == ("offline", START_US, 1)


def test_of_two_states_at_one_moment_the_later_sequence_counts_even_after_a_restart(bench: Bench) -> None:
    states = [event("device.state", id=f"s{n}", boot="b", sequence=n, data={"state": state})
              for n, state in ((1, "idle"), (2, "running"), (3, "error"))]  # fmt: skip
    bench.take(states[2])
    bench.restart()
    bench.take(states[0])
    bench.restart()
    bench.take(states[1])
    assert bench.named(tables.device)[0]["state"] == "error"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source": "/bcps/nowhere/microtome-3"}, "unknown_lab"),
        ({"source": "/bcps/rl4/microtome-99"}, "unknown_device"),
        ({"subject": "milk carton"}, "unreadable_barcode"),
        ({"data": {"step": "microtomy", "children": ["S26-000123-A-2"]}}, "impossible_parent"),
        ({"data": {"step": "microtomy", "children": ["S26-000123-A-1"]}}, "impossible_parent"),
        ({"data": {"step": "microtomy", "children": ["DG26-000123-A-1-1"]}}, "impossible_parent"),
        ({"type": "histotwin.case.reported", "data": {"case": "S26-000123-A"}}, "not_a_case"),
        ({"type": "histotwin.item.created", "data": {"kind": "slide", "parent": "S26-000123-A"}}, "invalid_event"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_and_kept(
    sqlite_bench: Bench, changes: dict[str, Any], reason: str
) -> None:
    body = orjson.dumps({**CUT, **changes})
    [receipt] = sqlite_bench.take(Incoming(body, "http", START_US))
    assert (receipt.fate, receipt.reason) == ("rejected", reason)
    [kept] = sqlite_bench.named(tables.rejected)
    assert (kept["reason"], kept["body"], kept["message"]) == (reason, body, receipt.message)


def test_the_same_rubbish_from_one_channel_is_one_row_counted(bench: Bench) -> None:
    for moment in (5, 3, 9):
        bench.take(*[Incoming(b"junk", "mqtt", moment, origin=READER)] * 2)
    [kept] = bench.named(tables.rejected)
    assert (kept["times"], kept["first_us"], kept["last_us"]) == (6, 3, 9)


def test_an_item_keeps_the_lab_whose_label_it_wears(sqlite_bench: Bench) -> None:
    guest = {**CUT, "subject": "DG26-000009-A-1", "data": {"step": "staining"}}
    sqlite_bench.take(guest)
    assert sqlite_bench.item("DG26-000009-A-1")["lab"] == "rna"
    assert sqlite_bench.visits("DG26-000009-A-1")[0]["lab"] == "rl4"


def test_a_second_barcode_leads_to_its_item_and_is_given_once(bench: Bench) -> None:
    made = event("item.created", "S26-000123-A-1-1", data={
        "kind": "slide", "parent": "S26-000123-A-1", "aliases": ["NHS-777"]})  # fmt: skip
    seen = event("item.scanned", "NHS-777", id="e2", data={"station": "archive"})
    claimed = event("item.created", "S26-000123-A-1-2", id="e3", data={
        "kind": "slide", "parent": "S26-000123-A-1", "aliases": ["NHS-777"]})  # fmt: skip
    receipts = bench.take(made, seen, claimed)
    assert [r.reason for r in receipts] == ["ok", "ok", "alias_taken"]
    assert bench.item("S26-000123-A-1-1")["station"] == "archive"
    earlier = {**seen, "id": "e4", "time": "2026-11-20T09:30:00Z", "data": {"station": "cellar"}}
    bench.restart()
    assert bench.take(earlier)[0].reason == "ok"
    assert bench.item("S26-000123-A-1-1")["station"] == "archive"


def test_labels_that_say_nothing_find_their_case_when_the_family_becomes_known(sqlite_bench: Bench) -> None:
    source = "/demo/opq/bench-1"

    def made(number: int, child: str, kind: str, parent: str) -> dict[str, Any]:
        return event("item.created", child, id=f"m{number}", source=source, data={"kind": kind, "parent": parent})

    stained = event("step.completed", "G01", id="s", source=source, data={"step": "staining"})
    for one in (stained, made(1, "G01", "slide", "B01"), made(2, "B01", "block", "P01"),
                made(3, "P01", "specimen", "C01")):  # fmt: skip
        sqlite_bench.restart()
        sqlite_bench.take(one)
    case = sqlite_bench.item("C01")["id"]
    assert [sqlite_bench.item(text)["case_id"] for text in ("P01", "B01", "G01")] == [case] * 3
    assert sqlite_bench.clock("C01")["steps"] == '["staining"]'
