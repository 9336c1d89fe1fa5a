"""Clocks that are wrong: no event is refused for its time, and what happened to an item keeps its order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking.queries.conftest import ALL
from tests.tracking.queries.stored_rows import TestClock
from tests.tracking.store.histories import START_US
from tests.tracking.store.pictures import Bench, hasty_bench
from tests.tracking.store.soups import ABSURD, by_wild_clocks, named
from tracking.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, to_rfc3339
from tracking.offering import Incoming
from tracking.queries.cases import one_case
from tracking.queries.device_rows import device_list
from tracking.queries.forecasts import latest_forecasts
from tracking.queries.items import one_item
from tracking.queries.lab_pages import LabPages
from tracking.queries.live_board import LiveBoard
from tracking.queries.turnaround_report import turnaround_report
from tracking.registry import Registry, load_registry
from tracking.store import tables
from tracking.store.verify import verify

Says = Callable[[int], dict[str, Any]]
"""The true moment → what the device writes of time."""
WAY_US = SECOND_US // 4


def ahead(shift_us: int, **more: Any) -> Says:
    return lambda true_us: {"time": to_rfc3339(true_us + shift_us), **more}


def stuck(text: str, **more: Any) -> Says:
    return lambda _true_us: {"time": text, **more}


def jumps_back(true_us: int) -> dict[str, Any]:
    """Be right until 10:25 on that day and an hour behind from then on, which the connector notices."""
    is_after = true_us >= START_US + 25 * MINUTE_US
    return {"time": to_rfc3339(true_us - HOUR_US), "clockoffset": "3600"} if is_after else ahead(0)(true_us)


CLOCKS: dict[str, Says] = {
    "right": ahead(0),
    "an hour ahead": ahead(HOUR_US),
    "an hour ahead, known": ahead(HOUR_US, clockoffset="-3600.00"),
    "an hour behind, known": ahead(-HOUR_US, clockoffset="3600.00"),
    "a day behind, known as a number": ahead(-DAY_US, clockoffset=86_400),
    "jumps back in the middle": jumps_back,
    "1970": stuck("1970-01-01T00:00:00Z"),
    "1970, running": ahead(-START_US),
    "1970, known": ahead(-START_US, clockoffset=str(START_US // SECOND_US)),
    "year 1": stuck("0001-01-01T00:00:00+14:00"),
    "2100": ahead(74 * 365 * DAY_US),
    "year 9999": stuck("9999-12-31T23:59:59.999999-14:00"),
    **{f"right, but says it is off by {said!r:.20}": ahead(0, clockoffset=said)
       for said in ("soon", "", "NaN", [3600], {"s": 1}, True, 1e300, "99999999999", "-99999999999", "0.5")},
}  # fmt: skip


def event(number: str, kind: str, subject: str, device: str, says: dict[str, Any], /, **data: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": number, "source": f"/bcps/rl4/{device}", "type": f"histotwin.{kind}",
            "subject": subject, "data": data, **says}  # fmt: skip


def sent(told: dict[str, Any], true_us: int) -> Incoming:
    return Incoming(orjson.dumps(told), "mqtt", true_us + WAY_US, origin=told["source"])


def through_the_microtome(block: str, says: Says) -> list[Incoming]:
    """Return a block's way by good clocks but the microtome's: embedded, cut from minute 20 to 30, stored at 50."""
    right = CLOCKS["right"]
    way = (
        (0, "step.completed", "embedder-1", right, {"step": "embedding"}),
        (20, "step.started", "microtome-2", says, {"step": "microtomy"}),
        (30, "step.completed", "microtome-2", says, {"step": "microtomy"}),
        (50, "item.stored", "check-1", right, {"location": "shelf 7"}),
    )
    return [
        sent(
            event(f"{block}-{minute}", kind, block, device, clock(at_us := START_US + minute * MINUTE_US), **data),
            at_us,
        )
        for minute, kind, device, clock, data in way
    ]


def test_no_clock_puts_a_blocks_steps_in_a_wrong_order(bench: Bench) -> None:
    for number, (name, says) in enumerate(CLOCKS.items(), start=1):
        block = f"S26-{number:06d}-A-1"
        receipts = [receipt for one in through_the_microtome(block, says) for receipt in bench.take(one)]
        assert {receipt.fate for receipt in receipts} == {"accepted"}, name
        item = bench.item(block)
        assert (item["step"], item["step_state"], item["status"], item["station"]) == (
            "microtomy", "done", "stored", "shelf 7",
        ), name  # fmt: skip
        embedded, cut = bench.visits(block)
        assert (embedded["step"], cut["step"], cut["outcome"]) == ("embedding", "microtomy", "done"), name
        assert abs(cut["started_us"] - (START_US + 20 * MINUTE_US)) <= SECOND_US, name
        assert abs(cut["ended_us"] - (START_US + 30 * MINUTE_US)) <= SECOND_US, name
    assert bench.rows(tables.rejected) == []
    assert verify(bench.url, bench.registry).is_sound


def test_a_clock_an_hour_behind_of_which_nobody_knows_makes_nothing_negative(bench: Bench) -> None:
    bench.take(*through_the_microtome("S26-000001-A-1", ahead(-HOUR_US)))
    cut, embedded = bench.visits("S26-000001-A-1")
    assert (cut["step"], cut["ended_us"] - cut["started_us"]) == ("microtomy", 10 * MINUTE_US)
    assert embedded["step"] == "embedding"
    assert bench.item("S26-000001-A-1")["status"] == "stored"


def test_both_half_past_ones_of_the_night_the_clocks_go_back_are_an_hour_apart(sqlite_bench: Bench) -> None:
    first, second = "2026-10-25T01:30:00+01:00", "2026-10-25T01:30:00+00:00"
    told = [event(kind, kind, "S26-000001-A-1", "microtome-2", {"time": time}, step="microtomy")
            for kind, time in (("step.started", first), ("step.completed", second))]  # fmt: skip
    sqlite_bench.take(*(sent(one, START_US + 30 * DAY_US) for one in reversed(told)))
    [cut] = sqlite_bench.visits("S26-000001-A-1")
    assert cut["ended_us"] - cut["started_us"] == HOUR_US


LEAP = "2016-12-31T23:59:60Z"


def test_a_leap_second_is_read_wherever_a_moment_stands(sqlite_bench: Bench) -> None:
    received = event("e", "case.received", "S26-000001", "lims-1", {"time": LEAP}, case="S26-000001",
                     received_at=LEAP, collected_at="2016-12-31 23:59:60.25+00:00")  # fmt: skip
    assert sqlite_bench.take(sent(received, START_US))[0].fate == "accepted"
    clock = sqlite_bench.clock("S26-000001")
    assert to_rfc3339(clock["received_us"]) == to_rfc3339(clock["collected_us"]) == "2016-12-31T23:59:59.999999Z"


@pytest.mark.parametrize("absurd", ["0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"])
def test_absurd_moments_inside_an_event_are_set_aside(sqlite_bench: Bench, absurd: str) -> None:
    told = event("e", "case.received", "S26-000001", "lims-1", CLOCKS["right"](START_US), case="S26-000001",
                 received_at=absurd, collected_at=absurd)  # fmt: skip
    assert sqlite_bench.take(sent(told, START_US))[0].fate == "accepted"
    clock = sqlite_bench.clock("S26-000001")
    assert (clock["received_us"], clock["collected_us"]) == (START_US, None)
    [kept] = sqlite_bench.named(tables.event)
    assert absurd.encode() in kept["body"]


def reception(true_us: int = START_US) -> Incoming:
    at = to_rfc3339(true_us)
    told = event("in", "case.received", "S26-000001", "lims-1", {"time": at}, case="S26-000001", received_at=at)
    return sent(told, true_us)


def authorisation(true_us: int, says: Says) -> Incoming:
    told = event("out", "case.authorised", "S26-000001", "lims-1", says(true_us), case="S26-000001")
    return sent(told, true_us)


@pytest.mark.parametrize("year", ["1970, running", "1970", "year 1", "2100", "year 9999"])
def test_an_authorisation_from_another_age_closes_the_case_when_it_came(bench: Bench, year: str) -> None:
    bench.take(authorisation(START_US + 2 * DAY_US, CLOCKS[year]), reception())
    assert bench.clock("S26-000001")["authorised_us"] == START_US + 2 * DAY_US + WAY_US
    assert bench.clock("S26-000001")["received_us"] == START_US


def test_an_event_from_2099_does_not_hold_an_item_back(bench: Bench) -> None:
    way = through_the_microtome("S26-000001-A-1", ahead(73 * 365 * DAY_US))
    for one in way[:3]:
        bench.take(one)
    assert bench.item("S26-000001-A-1")["last_us"] == START_US + 30 * MINUTE_US + WAY_US
    bench.restart()
    bench.take(way[3])
    assert (bench.item("S26-000001-A-1")["status"], bench.item("S26-000001-A-1")["station"]) == ("stored", "shelf 7")
    assert max(row["last_us"] for row in bench.named(tables.device)) == START_US + 50 * MINUTE_US


class Pages:
    """What people see of a store at a moment."""

    def __init__(self, bench: Bench, now_us: int) -> None:
        self.bench, self.now_us, self.clock = bench, now_us, TestClock(now_us)
        self.board = LiveBoard(bench.database, bench.registry, self.clock)
        while self.board.catch_up():
            pass

    def case(self, barcode: str) -> dict[str, Any]:
        with self.bench.database.reading() as connection:
            return one_case(connection, self.bench.registry, ALL, barcode, now_us=self.now_us)

    def report(self, lab: str, by: Any = "day") -> dict[str, Any]:
        with self.bench.database.reading() as connection:
            return turnaround_report(connection, self.bench.registry, ALL, from_us=0, to_us=self.now_us + DAY_US,
                                     now_us=self.now_us, lab_id=lab, by=by)  # fmt: skip

    def of_lab(self, lab: str) -> list[Any]:
        pages = LabPages(self.bench.database, self.bench.registry, self.clock, self.board)
        with self.bench.database.reading() as connection:
            return [
                self.board.row(ALL, lab), pages.detail(ALL, lab), self.report(lab), self.report(lab, "priority"),
                latest_forecasts(connection, self.bench.registry, ALL, self.now_us, lab),
                device_list(connection, self.bench.registry.lab(lab), self.now_us),
            ]  # fmt: skip

    def of_items(self) -> list[Any]:
        items = [(row["barcode"], row["kind"]) for row in self.bench.named(tables.item)]
        with self.bench.database.reading() as connection:
            told = [one_item(connection, self.bench.registry, ALL, name, now_us=self.now_us) for name, _kind in items]
        return [*told, *(self.case(name) for name, kind in items if kind == "case")]


def test_a_case_authorised_before_it_came_by_the_clocks_has_no_turnaround_and_is_counted_apart(bench: Bench) -> None:
    bench.take(reception(), authorisation(START_US + 10 * MINUTE_US, ahead(-HOUR_US)))
    pages = Pages(bench, START_US + DAY_US)
    case = pages.case("S26-000001")
    assert (case["is_open"], case["tat_h"], case["working_age_h"], case["clocks_contradict"]) == (
        False,
        None,
        None,
        True,
    )
    assert {target["is_late"] for target in case["targets"]} == {None}
    together = pages.report("rl4")["labs"][0]["all"]
    assert (together["closed"]["count"], together["clocks_contradict"]) == (0, 1)
    assert {(one["counted"], one["percent"]) for one in together["targets"]} == {(0, None)}
    assert max(one["contradicting"] for one in together["targets"]) == 1
    row = pages.board.row(ALL, "rl4")
    assert (row["status"], row["closed_28d"], row["clocks_contradict_28d"]) == ("no_data", 0, 1)


def test_how_long_a_device_is_silent_is_told_by_when_it_was_heard(sqlite_bench: Bench) -> None:
    sqlite_bench.take(*through_the_microtome("S26-000001-A-1", ahead(-HOUR_US))[:2])
    now_us = START_US + 20 * MINUTE_US + WAY_US + 5 * SECOND_US
    devices = {one["name"]: one for one in Pages(sqlite_bench, now_us).of_lab("rl4")[-1]}
    assert devices["microtome-2"]["last_event_age_s"] == 5.0


@pytest.fixture(scope="module")
def one_lab() -> Registry:
    return load_registry([Path(__file__).with_name("opaque.yaml")])


def durations(answer: Any, name: str = "") -> list[tuple[str, float]]:
    """Return every duration and age in an answer with its name: what ends in ``_h`` or ``_s``, and medians by day."""
    if isinstance(answer, dict):
        kept = {key: value for key, value in answer.items() if key not in ("data", "attributes")}
        return [found for key, value in kept.items() for found in durations(value, f"{name}.{key}")]
    if isinstance(answer, list | tuple):
        return [found for value in answer for found in durations(value, name)]
    is_duration = any(part.endswith(("_h", "_s", "_daily")) for part in name.split("."))
    return [(name, answer)] if is_duration and isinstance(answer, int | float) else []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(by_wild_clocks(), min_size=3, max_size=25), st.integers(-2, 60))
def test_whatever_the_clocks_say_no_page_shows_a_negative_time_and_nothing_fails(
    one_lab: Registry, soup: list[Incoming], days: int
) -> None:
    with hasty_bench(one_lab) as bench:
        bench.take(*named(soup))
        pages = Pages(bench, START_US + days * DAY_US)
        shown = durations([pages.of_lab("opq"), pages.of_items()])
        assert [(name, value) for name, value in shown if value < 0] == []


def test_no_time_and_no_offset_is_a_reason_to_refuse(bench: Bench) -> None:
    said = [{"time": time, "clockoffset": offset} for time in ABSURD for offset in (None, "", "soon", -3600, "9" * 11)]
    told = [event(f"e{n}", "item.stored", "S26-000001-A-1", "check-1", one) for n, one in enumerate(said)]
    receipts = bench.take(*(sent(one, START_US) for one in told))
    assert [receipt.fate for receipt in receipts] == ["accepted"] * len(told)
    assert verify(bench.url, bench.registry).is_sound
