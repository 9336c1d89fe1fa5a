"""What the twin starts from is what tracking says, and that is what really is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from simpy import Environment

from simulations.live_state import live_state
from simulations.virtual_lab.narrator import STARTS_TOLD, Narrator, machine_steps
from tests.simulations.conftest import DATA, Tracking
from tracking.clock import to_us
from tracking.door import Incoming
from tracking.events import Kind
from tracking.queries.open_work import OpenCase, OpenItem, last_case_number, open_cases
from twin.lab import Lab, load_lab
from twin.model import LabModel
from twin.snapshot import LabState, Place, take_state
from twin.variates import Streams

START = to_us(datetime(2026, 11, 2, tzinfo=UTC))
MOMENTS = [datetime(2026, 11, 17, 3, 0, tzinfo=UTC), datetime(2026, 11, 17, 11, 20, tzinfo=UTC)]


def lived_through(tracking: Tracking, lab_id: str, end_us: int) -> tuple[Lab, LabState]:
    """Run a lab's twin, tell tracking all that an instrument would, and return the model and where all really is."""
    lab = tracking.registry.labs[lab_id]
    model_file = load_lab(DATA / lab.model).model_copy(update={"accession_prefix": lab.case_prefix})
    told: list[tuple[int, str, dict[str, Any]]] = []
    streams, env = Streams(7, lab_id), Environment(START)
    luck = streams.generator("narrator", "details")
    narrator = Narrator(
        lab, machine_steps(model_file), luck, lambda source, at, event: told.append((at, source, event))
    )
    model = LabModel(model_file, env, streams, narrator, cases_per_week=lab.cases_per_week)
    env.run(until=end_us)
    told.sort(key=lambda entry: entry[0])
    offered = [
        Incoming(orjson.dumps(event | {"id": str(number), "source": source}), "test", at)
        for number, (at, source, event) in enumerate(told)
    ]
    assert {receipt.fate for receipt in tracking.door.take(offered)} == {"accepted"}
    return model_file, take_state(model)


def places(state: LabState) -> dict[str, Place]:
    """Return where each item is; one that waits only for its kin is nowhere by itself."""
    found: dict[str, Place] = {}

    def look(part: Any) -> None:
        if part.place is not None:
            found[part.barcode] = part.place
        for name in ("specimens", "blocks", "slides"):
            for child in getattr(part, name, ()):
                look(child)

    for case in state.cases:
        look(case)
    return found


@pytest.mark.parametrize("moment", MOMENTS, ids=["at night", "in the morning"])
@pytest.mark.parametrize("lab_id", ["rna", "rjc", "rl1"])
def test_the_twin_starts_with_every_item_where_it_is(tracking: Tracking, lab_id: str, moment: datetime) -> None:
    end_us = to_us(moment)
    model, truth = lived_through(tracking, lab_id, end_us)
    with tracking.database.reading() as connection:
        started = live_state(model, open_cases(connection, lab_id), end_us)
    assert {case.barcode for case in started.cases} == {case.barcode for case in truth.cases}
    per = {step.name: step.per for step in model.steps}
    kind_of = {2: "case", 3: "specimen", 4: "block", 5: "slide"}
    looked_at = {case.barcode for case in truth.cases if case.looks}
    really = {
        barcode: (place.step, place.started_us is not None and not is_untold_start(place, barcode in looked_at))
        for barcode, place in places(truth).items()
        if per[place.step] == kind_of[len(barcode.split("-"))]
    }
    assert {barcode: (place.step, place.started_us is not None) for barcode, place in places(started).items()} == really


def is_untold_start(place: Place, is_looked_at: bool) -> bool:
    """A minute's work by hand is scanned once, when it is done; of second looks the LIMS tells only the end."""
    by_hand = {"reception", "embedding", "labelling", "assembly", "authorisation"}
    return place.step in by_hand - STARTS_TOLD or (place.step == "reporting" and is_looked_at)


def test_a_lab_goes_on_with_the_next_free_case_number(tracking: Tracking) -> None:
    lived_through(tracking, "rl1", START + 14 * 86_400_000_000)
    with tracking.database.reading() as connection:
        assert last_case_number(connection, "rl1", "RJ26-") >= 5
        assert last_case_number(connection, "rl1", "RJ27-") == 0
        assert last_case_number(connection, "rna", "DG26-") == 0


def case_with_a_block(step: str, state: str) -> OpenCase:
    """A case booked in and cut up, and what was last done to its block."""
    block = OpenItem("S26-1-A-1", Kind.BLOCK, step, state, START, None, None, None)
    specimen = OpenItem("S26-1-A", Kind.SPECIMEN, "cut_up", "done", START, None, None, None, [block])
    item = OpenItem("S26-1", Kind.CASE, "reception", "done", START, None, None, None, [specimen])
    return OpenCase(item, "routine", START, None, None)


@pytest.mark.parametrize(
    ("step", "state", "waits_for"), [("processing", "failed", "processing"), ("processing", "done", "embedding")]
)
def test_failed_work_has_to_be_done_again(step: str, state: str, waits_for: str) -> None:
    started = live_state(load_lab(DATA / "labs/small.yaml"), [case_with_a_block(step, state)], START + 1)
    assert places(started)["S26-1-A-1"].step == waits_for


def small_lab(name: str, **changes: Any) -> Lab:
    """The small laboratory with one step changed."""
    small = load_lab(DATA / "labs/small.yaml")
    steps = tuple(step.model_copy(update=changes) if step.name == name else step for step in small.steps)
    return small.model_copy(update={"steps": steps})


@pytest.mark.parametrize("need", [{"probability": 0.9}, {"probability": 1.0, "when": {"tissue": ("bone",)}}])
def test_a_step_that_not_every_item_needs_is_not_guessed(need: dict[str, Any]) -> None:
    passed_by = live_state(small_lab("decalcification", **need), [case_with_a_block("cut_up", "done")], START + 1)
    assert places(passed_by)["S26-1-A-1"].step == "processing"
    held = live_state(small_lab("decalcification", **need), [case_with_a_block("decalcification", "failed")], START + 1)
    assert places(held)["S26-1-A-1"].step == "decalcification"


def test_a_specimen_waits_for_cut_up_even_where_there_are_cut_ups_of_several_kinds() -> None:
    pot = OpenItem("S26-1-A", Kind.SPECIMEN, None, None, START, None, None, None)
    item = OpenItem("S26-1", Kind.CASE, "reception", "done", START, None, None, None, [pot])
    model = small_lab("cut_up", when={"cut_up_type": ("bms",)})
    started = live_state(model, [OpenCase(item, "routine", START, None, None)], START + 1)
    assert places(started) == {"S26-1-A": Place("cut_up", START)}
