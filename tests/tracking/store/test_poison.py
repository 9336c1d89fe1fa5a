"""Every kind of poison makes exactly one row of the rejected list, and its neighbours are stored."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.tracking.store.histories import incoming, lab_life
from tests.tracking.store.pictures import Bench, hasty_bench
from tests.tracking.store.test_door import CUT, LATER_US
from tracking.decoding import Identity, identity_of
from tracking.door import Incoming
from tracking.registry import Registry
from tracking.store import tables

GOOD = orjson.dumps(CUT)
POISON = {
    "empty": (b"", "not_json"),
    "bad utf-8": (GOOD.replace(b"microtomy", b"micro\xfftomy"), "not_utf8"),
    "latin-1": (GOOD.replace(b"microtomy", "mikrotömy".encode("latin-1")), "not_utf8"),
    "cut short": (GOOD[:-3], "not_json"),
    "trailing comma": (GOOD[:-1] + b",}", "not_json"),
    "an array": (b"[" + GOOD + b"]", "not_an_object"),
    "a number": (b"17", "not_an_object"),
    "NUL written out": (GOOD.replace(b"microtomy", b"micro\\u0000tomy"), "nul_character"),
    "NUL in a name": (GOOD.replace(b'"step"', b'"x\\u0000":1,"step"'), "nul_character"),
    "lone surrogate": (GOOD.replace(b"microtomy", b"micro\\ud800tomy"), "lone_surrogate"),
    "NaN": (GOOD.replace(b'"step"', b'"x":NaN,"step"'), "not_a_number"),
    "Infinity": (GOOD.replace(b'"step"', b'"x":-Infinity,"step"'), "not_a_number"),
    "1e999": (GOOD.replace(b'"step"', b'"x":1e999,"step"'), "not_a_number"),
    "2 to the 63": (GOOD.replace(b'"step"', b'"x":9223372036854775808,"step"'), "integer_too_large"),
    "beyond u64": (GOOD.replace(b'"step"', b'"x":-99999999999999999999,"step"'), "integer_too_large"),
    "40 deep": (GOOD.replace(b'"step"', b'"x":' + b"[" * 40 + b"]" * 40 + b',"step"'), "too_deep"),
    "100 000 deep": (b"[" * 60_000, "too_deep"),
    "too large": (GOOD.replace(b"microtomy", b"m" * 70_000), "too_large"),
    "no such day": (GOOD.replace(b"11-21T", b"02-30T"), "invalid_event"),
    "a number for a time": (GOOD.replace(b'"2026-11-21T09:30:00.000Z"', b"1795000000"), "invalid_event"),
    "no zone": (GOOD.replace(b".000Z", b".000"), "invalid_event"),
    "unknown type": (GOOD.replace(b"step.completed", b"step.danced"), "unknown_type"),
    "a list for a type": (
        GOOD.replace(b'"histotwin.step.completed"', b'["histotwin.step.completed"]'),
        "invalid_event",
    ),
    "an object for a type": (GOOD.replace(b'"histotwin.step.completed"', b'{"of": 1}'), "invalid_event"),
    "a number for a type": (GOOD.replace(b'"histotwin.step.completed"', b"7"), "invalid_event"),
    "no source": (GOOD.replace(b'"source"', b'"sauce"'), "invalid_event"),
    "huge sequence": (GOOD.replace(b'"sequence":"1"', b'"sequence":"9999999999999999999999"'), "invalid_event"),
}


@pytest.mark.parametrize(("body", "reason"), POISON.values(), ids=POISON)
def test_poison_is_one_rejected_row_and_its_neighbours_are_stored(
    sqlite_bench: Bench, body: bytes, reason: str
) -> None:
    bench = sqlite_bench
    before, after = incoming([{**CUT, "id": "before"}, {**CUT, "id": "after"}])
    receipts = bench.take(before, Incoming(body, "mqtt", LATER_US), after)
    assert [receipt.fate for receipt in receipts] == ["accepted", "rejected", "accepted"]
    assert receipts[1].reason == reason
    [kept] = bench.named(tables.rejected)
    assert (kept["reason"], kept["body"]) == (reason, body)
    assert len(bench.rows(tables.event)) == 2


def test_both_databases_keep_all_poison_and_refuse_none_of_it_themselves(bench: Bench) -> None:
    offered = [Incoming(body, "mqtt", LATER_US) for body, _reason in POISON.values()]
    receipts = bench.take(*offered, CUT)
    assert [receipt.reason for receipt in receipts[:-1]] == [reason for _body, reason in POISON.values()]
    assert receipts[-1].fate == "accepted"
    assert len(bench.rows(tables.rejected)) == len(POISON)


def test_what_only_looks_like_poison_is_stored(bench: Bench) -> None:
    innocent = {**CUT, "data": {**CUT["data"], "note": "\\u0000 " + "[{" * 40, "count": -(2**63), "id": "1" * 25}}
    assert bench.take(innocent)[0].fate == "accepted"


def test_an_event_the_database_itself_refuses_stands_alone_in_the_rejected_list(bench: Bench) -> None:
    forbid = (
        "CREATE TRIGGER t BEFORE INSERT ON event WHEN NEW.event_id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END"
        if bench.database.is_sqlite
        else "ALTER TABLE event ADD CHECK (event_id <> 'bad')"
    )
    with bench.database.writing() as connection:
        connection.execute(text(forbid))
    events = lab_life("rl4", "S", 2)
    events[7]["id"] = "bad"
    receipts = bench.take(*incoming(events))
    assert [r.reason for r in receipts if r.fate == "rejected"] == ["database_refused"]
    assert sum(r.fate == "accepted" for r in receipts) == len(events) - 1
    assert [row["event_id"] for row in bench.named(tables.rejected)] == ["bad"]
    assert [row[0] for row in sorted(bench.rows(tables.event))] == list(range(1, len(events)))


def test_what_is_too_large_still_counts_as_stored_for_its_device(sqlite_bench: Bench) -> None:
    large = orjson.dumps({**CUT, "id": "large", "sequence": "2", "data": {"note": "x" * 200_000}})
    offered = [*incoming([CUT]), Incoming(large, "mqtt", LATER_US, origin=CUT["source"])]
    receipts = sqlite_bench.take(*offered, {**CUT, "id": "after", "sequence": "3"})
    assert [(r.fate, r.stored_through) for r in receipts] == [("accepted", 3), ("rejected", 3), ("accepted", 3)]
    assert (receipts[1].reason, receipts[1].event_id, receipts[1].sequence) == ("too_large", "large", 2)


def test_what_is_larger_than_any_packet_is_not_even_read() -> None:
    assert identity_of(orjson.dumps({**CUT, "data": "x" * 1024 * 1024})) == Identity()


ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), st.text(max_size=8),
        st.sampled_from(["S26-000001-A-1", "/bcps/rl4/lims-1", "2026-02-30T00:00:00Z", "2016-12-31 23:59:60"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=5,
)  # fmt: skip
FIELDS = ("type", "id", "source", "subject", "time", "specversion", "boot", "sequence", "data", "datacontenttype",
          "clockoffset", "dataschema", "data_base64")  # fmt: skip
_EVENTS = lab_life("rl4", "S", 1)


def spoiled(event: dict[str, Any], value: Any, luck: random.Random) -> bytes:
    """Return an event with another value in one of its places."""
    inside = sorted(event["data"])
    if inside and luck.random() < 0.5:
        return orjson.dumps({**event, "data": {**event["data"], luck.choice(inside): value}})
    return orjson.dumps({**event, luck.choice(FIELDS): value})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANYTHING, min_size=10, max_size=30), st.randoms(use_true_random=False))
def test_whatever_stands_in_an_events_places_it_is_stored_or_refused_and_its_neighbours_are_stored(
    registry: Registry, values: list[Any], luck: random.Random
) -> None:
    bad = [Incoming(spoiled(luck.choice(_EVENTS), value, luck), "mqtt", LATER_US) for value in values]
    with hasty_bench(registry) as bench:
        receipts = bench.take(*bad, CUT)
        assert len(receipts) == len(bad) + 1
        assert receipts[-1].fate == "accepted"
