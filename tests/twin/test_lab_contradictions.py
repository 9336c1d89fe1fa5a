"""What does not go together in a lab file is refused, each rule with the place and what was expected."""

from typing import Any

import pytest

from tests.twin.lab_parts import (
    CUT_UP,
    IHC,
    MICROTOMY,
    OVEN,
    REPORTING,
    TISSUE,
    WORKED,
    by_hand,
    carried,
    demand,
    in_machine,
    wrong,
)
from tests.twin.micro import always, constant, lab

OUT_OFTEN = {"to": "out", "probability": 0.6}

CONTRADICTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"timezone": "Mars/Olympus"}, "timezone", "IANA"),
    # names that nothing answers to, or too much
    ({"staff": {"hands": {**always(1), "skills": ["hands"]}}}, "staff.hands", "another name than every group"),
    ({"steps": [by_hand("reporting", staff="ghosts")]}, "steps[0].staff", "group or skill of this file: hands"),
    ({"steps": [in_machine(load={"staff": "ghosts", "duration": constant(1)})], "machines": OVEN},
     "steps[0].batch.load.staff", "group or skill"),
    ({"steps": [in_machine(programme={"unload": {"staff": "ghosts", "duration": constant(1)}})], "machines": OVEN},
     "steps[0].batch.programmes[0].unload.staff", "group or skill"),
    ({"steps": [carried(staff="ghosts")]}, "steps[0].transport.staff", "group or skill"),
    ({"steps": [by_hand("reporting", machine="oven")]}, "steps[0].machine", "there is none"),
    ({"steps": [in_machine()]}, "steps[0].batch.machine", "machine group of this file"),
    ({"steps": [in_machine(programme={"machine": "kiln"})], "machines": OVEN},
     "steps[0].batch.programmes[0].machine", "machine group of this file: oven"),
    ({"steps": [REPORTING, REPORTING]}, "steps[1].name", "each step once"),
    ({"steps": [by_hand("reporting", next=[{"to": "signing"}])]}, "steps[0].next[0].to", "step of this file"),
    ({"steps": [by_hand("reporting", room=1, when_full="corridor")]}, "steps[0].when_full", "step of this file"),
    ({"steps": [by_hand("reporting", patience=constant(1), when_impatient="home")]},
     "steps[0].when_impatient", "step of this file"),
    ({"lab_tat_ends": "signing"}, "lab_tat_ends", "step of this file: reporting"),
    ({"run": {"state_shares": ["signing"]}}, "run.state_shares[0]", "step of this file: reporting"),
    ({"initial": [{"step": "signing"}]}, "initial[0].step", "step of this file: reporting"),
    # attributes
    ({"attributes": [TISSUE, TISSUE]}, "attributes[1].name", "no other attribute"),
    ({"attributes": [{**TISSUE, "name": "work"}]}, "attributes[0].name", "priority, stream, work"),
    ({"attributes": [{**TISSUE, "values": {"skin": 0}}]}, "attributes[0].values", "at least one weight above zero"),
    ({"attributes": [{**TISSUE, "values": [{"when": {"priority": "urgent"}, "give": {"skin": 0}},
                                           {"give": {"skin": 1}}]}]},
     "attributes[0].values[0].give", "at least one weight above zero"),
    ({"steps": [by_hand("reporting", when={"tissue": "skin"})]}, "steps[0].when.tissue", "attribute of this file"),
    ({"steps": [by_hand("reporting", when={"priority": ["urgent", "asap"]})]},
     "steps[0].when.priority", "one of urgent, cancer, routine"),
    ({"steps": [carried(alone={"size": "big"})]}, "steps[0].transport.alone.size", "attribute of this file"),
    # demand
    ({"demand": demand({"at": [1]}, {"at": [2]})}, "demand.streams[1].name", "no other stream"),
    ({"demand": demand(specimens_per_case={"weights": {0: 1, 1: 9}})}, "demand.specimens_per_case", "never below 1"),
    ({"demand": demand(slides_per_block={"kind": "poisson", "mean": 2})}, "demand.slides_per_block", "never below 1"),
    ({"demand": demand({"at": [1], "priorities": {"asap": 1}})}, "demand.streams[0].priorities.asap", "one of urgent"),
    ({"initial": [{"step": "reporting", "priority": "asap"}]}, "initial[0].priority", "one of urgent"),
    ({"attributes": [TISSUE], "steps": [by_hand("reporting", when={"tissue": ["skin", "bonne"]})]},
     "steps[0].when.tissue", "one of bone, skin"),
    ({"steps": [by_hand("reporting", when={"work": "ich"})]}, "steps[0].when.work", "one of routine, recut"),
    ({"steps": [by_hand("out"), by_hand("reporting")]}, "steps[0].name", "no word of its own"),
    # who is served first
    ({"steps": [by_hand("reporting", served_as="asap")]}, "steps[0].served_as", "own, first or last"),
    ({"steps": [carried(served_as="asap")]}, "steps[0].transport.served_as", "own, first or last"),
    ({"steps": [in_machine(programme={"served_as": "asap"})], "machines": OVEN},
     "steps[0].batch.programmes[0].served_as", "own, first or last"),
    ({"steps": [in_machine(load={"staff": "hands", "duration": constant(1), "served_as": "asap"})], "machines": OVEN},
     "steps[0].batch.load.served_as", "own, first or last"),
    # the order of the steps
    ({"steps": [CUT_UP]}, "steps[0].per", "the last step to be per case"),
    ({"steps": [MICROTOMY, CUT_UP, REPORTING]}, "steps[0].per", "no earlier step makes a block"),
    ({"steps": [by_hand("cut_up", makes="block"), REPORTING]}, "steps[0].makes", "only a step per specimen"),
    ({"steps": [{**CUT_UP, "probability": 0.5}, REPORTING]}, "steps[0].makes", "never left out"),
    ({"steps": [CUT_UP, {**CUT_UP, "name": "cut_up_again"}, REPORTING]}, "steps[0].makes", "several with a `when`"),
    # batches
    ({"steps": [in_machine(programme={"when": {"priority": "urgent"}})], "machines": OVEN},
     "steps[0].batch.programmes[0].when", "the last programme to take everything"),
    ({"steps": [in_machine(programme={"close": {"least": 6}})], "machines": OVEN},
     "steps[0].batch.programmes[0].close.least", "at most the size, 5"),
    ({"steps": [in_machine(programme={"close": {"least": 1, "slots": {"starts": [{"at": 0, "size": 1}]}}})],
      "machines": OVEN}, "steps[0].batch.programmes[0].close.slots", "slots alone"),
    ({"steps": [in_machine(programme={"by_hand_after": constant(1)})], "machines": OVEN},
     "steps[0].batch.programmes[0].by_hand_after", "somebody to unload"),
    # turns
    ({"steps": [CUT_UP, by_hand("reporting", next=[{"to": "cut_up"}])]}, "steps[1].next[0].to", "a step per case"),
    ({"steps": [{**CUT_UP, "next": [{"to": "out"}]}, REPORTING]}, "steps[0].next[0].to", "only whole cases leave"),
    ({"steps": [{**CUT_UP, "room": 5}, REPORTING]}, "steps[0].per", "only whole cases leave"),
    ({"steps": [{**CUT_UP, "patience": constant(1)}, REPORTING]}, "steps[0].per", "only whole cases leave"),
    ({"steps": [by_hand("reporting", next=[OUT_OFTEN, {"to": "reporting", "probability": 0.5}])]},
     "steps[0].next[1].probability", "at most 1 together"),
    # a full step that holds up the one before
    ({"steps": [by_hand("reporting", room=1, when_full="wait_before")]}, "steps[0].when_full", "no step comes before"),
    ({"steps": [CUT_UP, by_hand("reporting", room=1, when_full="wait_before")]}, "steps[1].when_full", "per case"),
    # rework
    ({"steps": [by_hand("signing")], "rework": [IHC]}, "rework", "a step `reporting` per case"),
    ({"rework": [IHC]}, "rework[0].return_to", "a step per block"),
    ({"steps": WORKED, "rework": [{**IHC, "probability": 1.0}]}, "rework", "below 1 together"),
    ({"steps": WORKED, "rework": [IHC, IHC]}, "rework[1].kind", "one rule for each kind"),
    ({"steps": WORKED, "rework": [{**IHC, "slides": 0}]}, "rework[0].slides", "never below 1"),
]  # fmt: skip


class TestContradictions:
    @pytest.mark.parametrize(
        ("changes", "path", "expected"), CONTRADICTIONS, ids=[f"{path}: {why}" for _, path, why in CONTRADICTIONS]
    )
    def test_what_does_not_go_together_is_refused(self, changes: dict[str, Any], path: str, expected: str) -> None:
        found = [mistake.expected for mistake in wrong(**changes) if mistake.path == path]
        assert any(expected in told for told in found), found

    def test_all_are_told_at_once(self) -> None:
        steps = [by_hand("embedding", "block"), by_hand("reporting", staff="ghosts", machine="none")]
        found = wrong(timezone="Mars/Olympus", steps=steps, rework=[{**IHC, "probability": 1.0}])
        assert [mistake.path for mistake in found] == [
            "timezone", "steps[1].staff", "steps[1].machine", "steps[0].per", "rework[0].return_to", "rework",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "changes",
        [
            {"demand": demand(blocks_per_specimen={"weights": {0: 1, 2: 1}})},
            {"steps": [by_hand("reporting", next=[OUT_OFTEN, {"to": "reporting", "probability": 0.4}])]},
            {"steps": [by_hand("reporting", next=[OUT_OFTEN, {"to": "reporting", "when": {"priority": "urgent"}}])]},
            {"attributes": [TISSUE],
             "steps": [{**CUT_UP, "when": {"tissue": "skin"}},
                       {**CUT_UP, "name": "cut_up_bone", "when": {"tissue": "bone"}}, REPORTING]},
            {"demand": demand({"at": [1], "attributes": {"site": "north"}}),
             "steps": [by_hand("reporting", when={"site": "north", "stream": "requests", "work": "ihc"})]},
            {"staff": {"hands": {**always(1), "skills": ["report"]}}, "steps": [by_hand("reporting", staff="report")]},
        ],
    )  # fmt: skip
    def test_what_looks_like_one_and_is_none_is_taken(self, changes: dict[str, Any]) -> None:
        assert lab(**changes).name == "micro"


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"steps": [{"name": "reporting", "per": "case"}]}, "steps[0]", "exactly one of duration, batch and transport"),
        ({"steps": [{**in_machine(), "staff": "hands"}]}, "steps[0]", "staff: for a step by hand"),
        ({"steps": [in_machine(programme={"close": {"full": False}})]},
         "steps[0].batch.programmes[0].close", "closes it"),
        ({"steps": [{"name": "walk", "per": "case", "transport": {"there": constant(1)}}]},
         "steps[0].transport", "size, max_wait or at"),
        ({"steps": [by_hand("reporting", duration=[{"when": {"priority": "urgent"}, "give": constant(1)}])]},
         "steps[0].duration", "the last rule to have no `when`"),
        ({"steps": [by_hand("reporting", duration=[{"give": constant(1)}, {"give": constant(1)}])]},
         "steps[0].duration", "every rule but the last to have a `when`"),
        ({"demand": demand({"cases_per_week": 3, "every": constant(1)})}, "demand.streams[0]", "exactly one of"),
        ({"demand": demand({"at": [1], "priorities": {"urgent": 0}})}, "demand.streams[0]", "not all be zero"),
        ({"staff": {"hands": {}}}, "staff.hands", "either shifts or people"),
        ({"staff": {"hands": {"people": 1, "pauses": [{"from": "12:00", "to": "13:00"}]}}}, "staff.hands", "shifts"),
        ({"staff": {"hands": {"people": 1, "serves": "last_come", "preempts": True}}}, "staff.hands", "last_come"),
    ],
)  # fmt: skip
def test_a_part_that_contradicts_itself_is_refused(changes: dict[str, Any], path: str, expected: str) -> None:
    found = [mistake.expected for mistake in wrong(**changes) if mistake.path == path]
    assert any(expected in told for told in found), found
