"""The board in memory is what a board read afresh would be, and costs only what changed."""

from __future__ import annotations

import random

import pytest

from tests.tracking.queries.conftest import ALL, World
from tests.tracking.queries.stored_rows import NOW_US
from tracking.access import Principal, Role
from tracking.clock import DAY_US, HOUR_US
from tracking.queries.live_board import LiveBoard


def test_an_empty_lab_says_that_it_has_no_data(world: World) -> None:
    row = world.row()
    assert (row["status"], row["wip"], row["tat_p50_h"], row["oldest_open"]) == ("no_data", 0, None, None)
    assert row["freshness"] == {"last_event_at": None, "age_s": None}


def test_a_row_counts_open_and_closed_cases(world: World) -> None:
    for number, hours in enumerate((100, 120, 140, 160, 200)):
        world.rows.closed("rl4", f"S26-00000{number}", hours)
    world.rows.case("rl4", "S26-000010", received_us=NOW_US - 3 * DAY_US, priority="urgent")
    world.rows.case("rl4", "S26-000011", received_us=NOW_US - 9 * DAY_US)
    row = world.row()
    assert row["wip"] == 2
    assert row["tat_p50_h"] == 140
    assert row["within"][0]["percent"] == 80.0
    assert row["overdue_open"] == 1
    assert row["oldest_open"] == {"case": "S26-000011", "age_h": 216.0, "priority": "routine"}
    assert row["oldest_urgent"]["case"] == "S26-000010"
    assert row["authorised_today"] == 5
    assert sum(row["trend"]["authorised_hourly"]) == 5
    assert row["trend"]["tat_p50_daily"][-1] == 140


def test_a_new_event_moves_its_case_and_nothing_else_is_read(world: World) -> None:
    case = world.rows.case("rl4", "S26-000001", step="reception", state="done")
    specimen = world.rows.item("rl4", "S26-000001-A", "specimen", parent=case, case=case)
    assert world.row()["stages"]["cut_up"] == 1
    world.rows.move(specimen, "cut_up", "done")
    block = world.rows.item("rl4", "S26-000001-A-1", "block", parent=specimen, case=case)
    position = world.rows.event("rl4", "cut-up-1", "step.completed", "S26-000001-A", (specimen, block), step="cut_up")
    assert world.board.catch_up() == {"rl4"}
    row = world.board.row(ALL, "rl4")
    assert (row["stages"]["processing"], row["stages"]["cut_up"], row["position"]) == (1, 0, position)


def test_nothing_new_changes_nothing(world: World) -> None:
    world.board.catch_up()
    assert world.board.catch_up() == frozenset()


def test_what_changed_is_kept_for_the_stream_whoever_caught_up(world: World) -> None:
    assert world.board.catch_up() == world.board.take_changed() == set(world.registry.labs)
    assert world.board.take_changed() == frozenset()
    world.rows.event("rl4", "reader-1", "item.scanned", "something else")
    world.board.catch_up()
    world.board.catch_up()
    assert world.board.take_changed() == {"rl4"}


def test_a_row_that_cannot_be_drawn_is_drawn_by_the_next_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.row()
    world.board.take_changed()
    for lab in ("rl4", "rna"):
        world.rows.event(lab, "reader-1", "item.scanned", "something else")
    with monkeypatch.context() as broken:
        broken.setattr("tracking.queries.live_board.board_row", _trip)
        with pytest.raises(ZeroDivisionError):
            world.board.catch_up()
    assert world.board.take_changed() == frozenset()
    assert world.board.catch_up() == world.board.take_changed() == {"rl4", "rna"}
    assert world.board.row(ALL, "rl4")["position"] == world.rows.position


def _trip(*_: object) -> None:
    raise ZeroDivisionError


def test_percentiles_are_worked_out_at_most_every_15_seconds(world: World) -> None:
    world.row()
    case = world.rows.closed("rl4", "S26-000001", 50)
    world.rows.event("rl4", "lims-1", "case.authorised", "S26-000001", (case,), case="S26-000001")
    assert world.row()["tat_p50_h"] is None
    world.clock.pass_s(15)
    assert world.row()["tat_p50_h"] == 50


def test_a_late_lab_is_late_and_one_whose_open_cases_will_be_is_at_risk(world: World) -> None:
    for number in range(10):
        world.rows.closed("rl4", f"S26-00000{number}", 100)
        world.rows.closed("rna", f"DG26-00000{number}", 300)
    assert world.row("rl4")["status"] == "on_target"
    assert world.row("rna")["status"] == "late"
    late = [world.rows.case("rl4", f"S26-00001{n}", received_us=NOW_US - 20 * DAY_US) for n in range(5)]
    assert LiveBoard(world.database, world.registry, world.clock).catch_up()
    fresh = LiveBoard(world.database, world.registry, world.clock)
    fresh.catch_up()
    assert fresh.row(ALL, "rl4")["status"] == "at_risk"
    world.rows.forecast("rl4", dict.fromkeys(late, 0.01))
    fresh.catch_up()
    assert fresh.row(ALL, "rl4")["status"] == "on_target"
    assert fresh.row(ALL, "rl4")["forecast"]["expected_breaches"] == 0.05


def test_a_reader_sees_only_labs_in_scope(world: World) -> None:
    world.board.catch_up()
    mine = Principal("anna", frozenset({Role.VIEWER}), frozenset({"rl4"}))
    assert [row["id"] for row in world.board.rows(mine)] == ["rl4"]
    assert len(world.board.rows(ALL)) == len(world.registry.labs)


def test_a_renewed_board_equals_one_read_afresh(world: World) -> None:
    """A random day: whatever happened, case by case or not, both boards say the same."""
    luck = random.Random(7)
    labs = {"rl4": "S26", "rna": "DG26"}
    open_ids: list[tuple[str, str, int]] = []
    for n in range(40):
        lab, prefix = luck.choice(list(labs.items()))
        barcode = f"{prefix}-{n:06}"
        case = world.rows.case(
            lab, barcode, received_us=NOW_US - luck.randrange(10 * DAY_US), step="reception", state="done"
        )
        specimen = world.rows.item(lab, f"{barcode}-A", "specimen", parent=case, case=case)
        open_ids.append((lab, f"{barcode}-A", specimen))
        world.rows.event(
            lab, "reception-1", "case.received", barcode, (case,), case=barcode, specimens=[f"{barcode}-A"]
        )
        for _ in range(luck.randrange(3)):
            lab, text, moved = luck.choice(open_ids)
            world.rows.move(moved, "cut_up", luck.choice(["running", "done"]))
            world.rows.event(lab, "cut-up-1", "step.started", text, (moved,), step="cut_up")
        world.board.catch_up()
    world.clock.pass_s(20)
    world.row()
    afresh = LiveBoard(world.database, world.registry, world.clock)
    afresh.catch_up()
    assert world.board.rows(ALL) == afresh.rows(ALL)


def test_an_event_that_names_nothing_known_renews_its_lab(world: World) -> None:
    world.row()
    world.rows.case("rl4", "S26-000001", step="reception", state="done")
    world.rows.event("rl4", "reader-1", "item.scanned", "something else")
    assert world.row()["wip"] == 1


def test_devices_are_counted_by_what_they_last_said(world: World) -> None:
    world.rows.event("rl4", "stainer-1", "device.state", "stainer-1", state="idle", us=NOW_US - HOUR_US)
    counts = world.row()["devices"]
    assert counts["online"] == 1
    assert counts["offline"] == len(world.registry.lab("rl4").devices) - 1
