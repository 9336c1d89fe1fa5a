"""Items, cases, reports, lists: what they say, and that a foreign lab is an unknown one."""

from __future__ import annotations

import pytest

from tests.tracking.queries.conftest import ALL, World
from tests.tracking.queries.stored_rows import NOW_US
from tracking.access import Principal, Role
from tracking.clock import DAY_US, HOUR_US
from tracking.errors import NotFound, Refusal
from tracking.queries.cases import one_case
from tracking.queries.events_log import events_after
from tracking.queries.forecasts import latest_forecasts
from tracking.queries.items import one_item
from tracking.queries.lab_pages import LabPages
from tracking.queries.labs import dwell_medians
from tracking.queries.rejected_list import rejected_events
from tracking.queries.turnaround_report import turnaround_report
from tracking.search import search

FOREIGN = Principal("dudley", frozenset({Role.ADMIN}), frozenset({"rna"}))


@pytest.fixture
def family(world: World) -> World:
    rows = world.rows
    case = rows.case("rl4", "S26-000123", step="reception", state="done", priority="urgent", pathway="breast")
    specimen = rows.item("rl4", "S26-000123-A", "specimen", parent=case, case=case, step="cut_up", state="done")
    rows.item("rl4", "S26-000123-A-1", "block", parent=specimen, case=case, step="processing", state="running",
              work='[{"kind": "levels", "requested_us": 1795257000000000}]')  # fmt: skip
    rows.event("rl4", "cut-up-1", "step.completed", "S26-000123-A", (specimen,), step="cut_up", operator="bms-1")
    rows.forecast("rl4", {case: 0.6})
    return world


def item(world: World, who: Principal, barcode: str, lab: str | None = None) -> dict:  # type: ignore[type-arg]
    with world.database.reading() as connection:
        return one_item(connection, world.registry, who, barcode, now_us=NOW_US, lab_id=lab)


def test_an_item_says_where_it_is_and_what_comes_next(family: World) -> None:
    block = item(family, ALL, "S26-000123-A-1")
    assert (block["step"], block["step_state"], block["next_step"], block["since_h"]) == (
        "processing",
        "running",
        "embedding",
        1.0,
    )
    assert (block["parent"], block["case"]) == ("S26-000123-A", "S26-000123")
    assert [one["barcode"] for one in block["ancestors"]] == ["S26-000123", "S26-000123-A"]
    assert block["open_work"][0]["kind"] == "levels"
    assert len(block["family"]) == 3


def test_a_raw_scan_and_lower_case_find_the_same_item(family: World) -> None:
    assert item(family, ALL, "]d1s26-000123-a")["barcode"] == "S26-000123-A"


def test_an_item_has_every_event_of_its_own(family: World) -> None:
    events = item(family, ALL, "S26-000123-A")["events"]
    assert [(one["type"], one["operator"]) for one in events] == [("histotwin.step.completed", "bms-1")]


def test_a_foreign_item_case_and_lab_are_not_found(family: World) -> None:
    with pytest.raises(NotFound):
        item(family, FOREIGN, "S26-000123-A")
    with family.database.reading() as connection:
        with pytest.raises(NotFound):
            one_case(connection, family.registry, FOREIGN, "S26-000123", now_us=NOW_US)
        with pytest.raises(NotFound):
            latest_forecasts(connection, family.registry, FOREIGN, NOW_US, "rl4")
        with pytest.raises(NotFound):
            events_after(connection, family.registry, FOREIGN, lab_id="rl4")
        assert events_after(connection, family.registry, FOREIGN)["events"] == []
        assert search(connection, family.registry, FOREIGN, "S26-000123", now_us=NOW_US)["results"] == []
        assert [one["lab"] for one in latest_forecasts(connection, family.registry, FOREIGN, NOW_US)] == ["rna"]


def test_a_barcode_in_two_labs_asks_which(family: World) -> None:
    family.rows.item("rl4", "LOOSE-1", "block")
    family.rows.item("rna", "LOOSE-1", "block")
    with pytest.raises(Refusal, match="lab="):
        item(family, ALL, "LOOSE-1")
    assert item(family, ALL, "LOOSE-1", "rna")["lab"] == "rna"
    assert item(family, FOREIGN, "LOOSE-1")["lab"] == "rna"


def test_a_case_shows_clocks_targets_completeness_and_forecast(family: World) -> None:
    with family.database.reading() as connection:
        case = one_case(connection, family.registry, ALL, "S26-000123-A-1", now_us=NOW_US)
    assert (case["case"], case["stage"], case["is_open"], case["age_h"]) == ("S26-000123", "processing", True, 24.0)
    assert case["completeness"]["by_kind"] == {
        "specimen": {"finished": 1, "total": 1},
        "block": {"finished": 0, "total": 1},
    }
    assert case["forecast"]["breach_probability"] == 0.6
    assert case["targets"][0]["is_late"] is False
    assert case["open_work"][0]["on"] == "S26-000123-A-1"


@pytest.mark.parametrize(
    ("text", "found"),
    [("S26-000123", 1), ("123", 1), ("26-000123", 3), ("S26-0001", 3), ("zz", 0), ("%", 0), ("___", 0)],
)
def test_search_finds_identifiers_and_parts_of_them(family: World, text: str, found: int) -> None:
    with family.database.reading() as connection:
        assert len(search(connection, family.registry, ALL, text, now_us=NOW_US)["results"]) == found


def test_turnaround_is_grouped_by_the_labs_own_days(family: World) -> None:
    for n, hours in enumerate((24, 48, 300)):
        family.rows.closed("rl4", f"S26-00090{n}", hours, ended_us=NOW_US - n * DAY_US, specialty="breast")
    with family.database.reading() as connection:
        report = turnaround_report(
            connection, family.registry, ALL, from_us=NOW_US - 7 * DAY_US, to_us=NOW_US + 1, now_us=NOW_US, lab_id="rl4"
        )
        with pytest.raises(Refusal, match="expected one of"):
            turnaround_report(connection, family.registry, ALL, from_us=0, to_us=1, now_us=1, target="90 % by tea time")
    lab = report["labs"][0]
    assert [group["group"] for group in lab["groups"]] == ["2026-11-19", "2026-11-20", "2026-11-21"]
    assert (lab["all"]["closed"]["count"], lab["all"]["targets"][0]["percent"]) == (3, 66.67)
    assert lab["open"]["count"] == 1
    assert "from received to authorised" in lab["all"]["definition"]


def test_refused_messages_without_a_lab_are_for_those_who_see_all(family: World) -> None:
    family.rows.rejected("rl4", b"one")
    family.rows.rejected(None, b"\xff two")
    with family.database.reading() as connection:
        assert len(rejected_events(connection, family.registry, ALL)) == 2
        assert rejected_events(connection, family.registry, FOREIGN) == []
        of_lab = rejected_events(connection, family.registry, ALL, lab_id="rl4")
    assert [(one["text"], one["base64"]) for one in of_lab] == [("one", None)]


def test_a_lab_page_shows_steps_devices_and_cases_at_risk(family: World) -> None:
    family.rows.visit(2, 0, "rl4", "cut_up", NOW_US - HOUR_US, NOW_US - 3 * HOUR_US)
    family.board.catch_up()
    page = LabPages(family.database, family.registry, family.clock, family.board).detail(ALL, "rl4")
    cut_up = next(step for step in page["steps"] if step["step"] == "cut_up")
    processing = next(step for step in page["steps"] if step["step"] == "processing")
    assert (cut_up["done_today"], cut_up["dwell_median_h"], processing["running"]) == (1, 2.0, 1)
    assert page["at_risk"][0] == page["at_risk"][0] | {
        "case": "S26-000123",
        "breach_probability": 0.6,
        "stage": "processing",
    }
    assert len(page["device_list"]) == len(family.registry.lab("rl4").devices)
    assert len(page["tat_trend"]) == 56
    assert page["events"][0]["type"] == "histotwin.step.completed"


def test_a_stay_counts_from_the_step_before_the_parent_or_the_last_part(family: World) -> None:
    rows = family.rows
    case = rows.closed("rl4", "S26-000500", 10)
    block = rows.item("rl4", "S26-000500-A-1", "block", case=case)
    slide = rows.item("rl4", "S26-000500-A-1-1", "slide", case=case, parent=block)
    start = NOW_US - 20 * HOUR_US
    for item_id, n, step, hour in ((block, 1, "embedding", 1), (block, 2, "microtomy", 3), (slide, 1, "staining", 7),
                                   (slide, 2, "scanning", 12), (case, 1, "quality_check", 18)):  # fmt: skip
        rows.visit(item_id, n, "rl4", step, start + hour * HOUR_US)
    with family.database.reading() as connection:
        stays = dwell_medians(connection, family.registry.lab("rl4"), NOW_US)
    assert stays == {"microtomy": 2.0, "staining": 4.0, "scanning": 5.0, "quality_check": 6.0}
