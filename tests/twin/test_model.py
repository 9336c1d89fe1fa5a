"""A lab at work: the pathway by hand-worked cases, and the laws that every run must obey whatever the lab."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simpy import Environment

from tests.twin.micro import MONDAY_US, always, constant, lab
from twin.calendars import to_us
from twin.checks import BrokenLawError, check
from twin.distributions import DAY, HOUR
from twin.engine.agenda import run_until
from twin.items import Block, Case, Item, Slides, letters
from twin.lab import Lab, load_lab
from twin.model import LabModel
from twin.observe import Observer
from twin.variates import Streams

LABS = Path(__file__).parents[2] / "data" / "labs"


class Diary(Observer):
    """Writes down everything it hears as (hours since the start, what, which, unit)."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str, str, int]] = []

    def _note(self, t: int, what: str, which: str, unit: int = 0) -> None:
        self.lines.append(((t - MONDAY_US) / HOUR, what, which, unit))

    def case_received(self, case: Case, t: int) -> None:
        self._note(t, "received", case.barcode)

    def step_started(self, work: Item, step: str, unit: int, t: int) -> None:
        self._note(t, f"{step} started", work.barcode, unit)

    def step_completed(self, work: Item, step: str, unit: int, t: int, children: Sequence[Item]) -> None:
        made = [
            slide for child in children for slide in (child.barcodes if isinstance(child, Slides) else [child.barcode])
        ]
        self._note(t, f"{step} completed" + (f" → {' '.join(made)}" if made else ""), work.barcode, unit)

    def run_started(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:
        self._note(t, f"{step} run of {sum(item.quantity for item in items)} started", machine, unit)

    def run_completed(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:  # noqa: ARG002
        self._note(t, f"{step} run completed", machine, unit)

    def run_unloaded(self, machine: str, unit: int, items: Sequence[Item], step: str, t: int) -> None:  # noqa: ARG002
        self._note(t, f"{step} run unloaded", machine, unit)

    def work_requested(self, kind: str, block: Block, slides: int, t: int) -> None:
        self._note(t, f"{kind} of {slides} requested", block.barcode)

    def case_authorised(self, case: Case, t: int) -> None:
        self._note(t, "authorised", case.barcode)


def hand(name: str, per: str, hours: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"name": name, "per": per, "staff": "hands", "duration": constant(hours), **more}


def machine(name: str, per: str, **programme: Any) -> dict[str, Any]:
    batch = {"machine": "machine", "programmes": [{"size": 10, "run": constant(2), **programme}]}
    return {"name": name, "per": per, "batch": batch}


PATHWAY = [
    hand("reception", "case"),
    hand("cut_up", "specimen", makes="block"),
    machine("processing", "block", close={"least": 1}),
    hand("microtomy", "block", makes="slide"),
    hand("labelling", "slide", 0.5),
    hand("reporting", "case"),
]


ORIGINS = [{"name": "origin", "of": "case", "values": {"internal": 3, "external": 1, "private": 1}}]


def pathway(**changes: Any) -> Lab:
    return lab(staff={"hands": always(1)}, machines={"machine": {"count": 1}}, steps=PATHWAY, **changes)


def one_case(spec: Lab, hours: float = 200, specimens: Sequence[Sequence[int]] = ((2,),)) -> list[tuple[Any, ...]]:
    """Run one case, by its specimens' blocks' slides, through a lab and return the diary."""
    env, diary = Environment(MONDAY_US), Diary()
    model = LabModel(spec, env, Streams(1, spec.name), diary)
    case = model.maker.known("S26-000001", "routine", MONDAY_US)
    for index, blocks in enumerate(specimens):
        specimen = model.maker.add_specimen(case, index)
        specimen.plan = [(model.maker.block_kind(specimen.kind), slides) for slides in blocks]
    model.admit(case)
    run_until(env, MONDAY_US + round(hours * HOUR))
    check(model)
    return diary.lines


def ends(lines: Sequence[tuple[Any, ...]]) -> dict[str, float]:
    """Return when each case was authorised, in hours since the start."""
    return {which: at for at, what, which, _ in lines if what == "authorised"}


class TestOneCase:
    def test_goes_through_the_pathway_and_is_labelled_on_the_way(self) -> None:
        assert one_case(pathway()) == [
            (0, "received", "S26-000001", 0),
            (0, "reception started", "S26-000001", 0),
            (1, "reception completed", "S26-000001", 0),
            (1, "cut_up started", "S26-000001-A", 0),
            (2, "cut_up completed → S26-000001-A-1", "S26-000001-A", 0),
            (2, "processing run of 1 started", "machine", 0),
            (4, "processing run completed", "machine", 0),
            (4, "processing run unloaded", "machine", 0),
            (4, "microtomy started", "S26-000001-A-1", 0),
            (5, "microtomy completed → S26-000001-A-1-1 S26-000001-A-1-2", "S26-000001-A-1", 0),
            (5, "labelling started", "S26-000001-A-1-1", 0),
            (6, "labelling completed", "S26-000001-A-1-1", 0),
            (6, "reporting started", "S26-000001", 0),
            (7, "reporting completed", "S26-000001", 0),
            (7, "authorised", "S26-000001", 0),
        ]

    def test_a_report_waits_for_all_parts_of_the_case(self) -> None:
        lines = one_case(pathway(), specimens=((1, 1), (1,)))
        labelled = [at for at, what, *_ in lines if what == "labelling completed"]
        (reported,) = [at for at, what, *_ in lines if what == "reporting started"]
        assert len(labelled) == 3
        assert reported == max(labelled)

    def test_slides_over_the_size_of_a_rack_go_in_two_runs_and_meet_again(self) -> None:
        steps = [*PATHWAY[:4], machine("staining", "slide", size=3, close={"least": 1}), PATHWAY[5]]
        spec = lab(machines={"machine": {"count": 1}}, steps=steps)
        lines = one_case(spec, specimens=((5,),))
        assert [what for _, what, *_ in lines if "staining run of" in what] == [
            "staining run of 3 started", "staining run of 2 started",
        ]  # fmt: skip
        assert sum(what == "reporting started" for _, what, *_ in lines) == 1

    def test_a_second_look_makes_new_slides_only(self) -> None:
        rework = [{"kind": "levels", "probability": 0.999, "slides": {"weights": {3: 1}}}]
        lines = one_case(pathway(rework=rework), hours=20)
        made = [what for _, what, *_ in lines if what.startswith("microtomy completed")]
        assert made[:2] == [
            "microtomy completed → S26-000001-A-1-1 S26-000001-A-1-2",
            "microtomy completed → S26-000001-A-1-3 S26-000001-A-1-4 S26-000001-A-1-5",
        ]
        assert (7, "levels of 3 requested", "S26-000001-A-1", 0) in lines

    def test_a_step_it_does_not_need_is_passed_by(self) -> None:
        steps = [PATHWAY[0], hand("quality_check", "case", probability=0.0), PATHWAY[5]]
        assert "quality_check started" not in [what for _, what, *_ in one_case(lab(steps=steps))]


class TestMachinesInTheLab:
    def test_a_run_goes_on_overnight_and_waits_for_staff(self) -> None:
        staff = {"hands": {"shifts": [{"from": "08:00", "to": "17:00", "people": 1}]}}
        handling = {"staff": "hands", "duration": constant(0.5)}
        steps = [machine("processing", "case", close={"full": False, "at": ["16:00"]}), hand("reporting", "case")]
        steps[0]["batch"] |= {"load": handling, "unload": handling}
        steps[0]["batch"]["programmes"][0]["run"] = constant(10)
        lines = one_case(lab(staff=staff, machines={"machine": {"count": 1}}, steps=steps))
        assert [(at, what) for at, what, *_ in lines][1:5] == [
            (16.5, "processing run of 1 started"),
            (26.5, "processing run completed"),
            (32.5, "processing run unloaded"),
            (32.5, "reporting started"),
        ]

    def test_a_breakdown_in_mid_run_holds_the_run_up(self) -> None:
        failures = {"mean_hours_between": 1.0, "repair": constant(3)}
        machines = {"machine": {"count": 1, "failures": failures}}
        steps = [machine("processing", "case", close={"least": 1}, run=constant(20)), hand("reporting", "case")]
        lines = one_case(lab(machines=machines, steps=steps))
        (ended,) = [at for at, what, *_ in lines if what == "processing run completed"]
        assert ended > 20
        assert ended % 3 == pytest.approx(20 % 3)

    def test_urgent_blocks_take_their_own_programme(self) -> None:
        programmes = [
            {"name": "urgent", "when": {"priority": "urgent"}, "size": 5, "close": {"least": 1}, "run": constant(2)},
            {"name": "night", "size": 5, "close": {"least": 1}, "run": constant(14)},
        ]
        batch = {"machine": "machine", "programmes": programmes}
        spec = lab(
            machines={"machine": {"count": 2}},
            steps=[{"name": "processing", "per": "case", "batch": batch}, hand("reporting", "case")],
        )
        env, diary = Environment(MONDAY_US), Diary()
        model = LabModel(spec, env, Streams(1, "x"), diary)
        for priority in ("urgent", "routine"):
            model.admit(model.maker.known(priority, priority, MONDAY_US))
        run_until(env, MONDAY_US + DAY)
        assert ends(diary.lines) == {"urgent": 3, "routine": 15}


def lives(spec: Lab, *cases: dict[str, Any], hours: float = 200) -> Diary:
    """Send cases with given attributes through a lab at its start and return the diary."""
    env, diary = Environment(MONDAY_US), Diary()
    model = LabModel(spec, env, Streams(1, spec.name), diary)
    for number, attributes in enumerate(cases, start=1):
        case = model.maker.known(
            f"case {number}", attributes.pop("priority", "routine"), MONDAY_US, tuple(attributes.items())
        )
        model.maker.add_specimen(case, 0)
        model.admit(case)
    run_until(env, MONDAY_US + round(hours * HOUR))
    check(model)
    return diary


class TestWaysThroughTheLab:
    """Who goes where, who serves them and how long that takes may depend on what they are."""

    def test_a_condition_says_who_needs_a_step(self) -> None:
        steps = [hand("registration", "case", when={"origin": ["external", "private"]}), hand("reporting", "case", 0)]
        spec = lab(attributes=ORIGINS, staff={"hands": always(2)}, steps=steps)
        diary = lives(spec, {"origin": "external"}, {"origin": "internal"})
        assert ends(diary.lines) == {"case 1": 1, "case 2": 0}

    def test_of_rules_the_first_that_fits_is_taken(self) -> None:
        rules = [
            {"when": {"origin": "internal", "priority": "urgent"}, "give": constant(1)},
            {"when": {"origin": "internal"}, "give": constant(2)},
            {"give": constant(3)},
        ]
        steps = [{"name": "reporting", "per": "case", "duration": rules}]
        cases = [{"origin": "internal", "priority": "urgent"}, {"origin": "internal"}, {"origin": "private"}]
        assert list(ends(lives(lab(attributes=ORIGINS, steps=steps), *cases).lines).values()) == [1, 2, 3]

    def test_who_serves_may_depend_on_what_it_is(self) -> None:
        staff = {"hands": always(1), "registrar": always(1)}
        who = [{"when": {"priority": "urgent"}, "give": "registrar"}, {"give": "hands"}]
        steps = [{"name": "reporting", "per": "case", "staff": who, "duration": constant(1)}]
        diary = lives(lab(staff=staff, steps=steps), {}, {}, {"priority": "urgent"})
        assert ends(diary.lines) == {"case 1": 1, "case 2": 2, "case 3": 1}

    def test_parts_inherit_the_attributes_of_what_they_were_cut_from(self) -> None:
        attributes = [*ORIGINS, {"name": "tissue", "of": "specimen", "values": {"bone": 1}}]
        when = {"origin": "private", "tissue": "bone", "priority": "urgent"}
        steps = [*PATHWAY[1:2], hand("decalcification", "block", 20, when=when), PATHWAY[5]]
        spec = lab(attributes=attributes, steps=steps)
        private = {"origin": "private", "priority": "urgent"}
        assert ends(lives(spec, {**private}).lines) == {"case 1": 1 + 20 + 1}
        assert ends(lives(spec, {**private, "origin": "internal"}).lines) == {"case 1": 1 + 1}

    def test_what_was_asked_for_later_may_go_a_way_of_its_own(self) -> None:
        steps = [*PATHWAY[:4], hand("ihc_protocol", "slide", 5, when={"work": "ihc"}), PATHWAY[5]]
        rework = [{"kind": "ihc", "probability": 0.999, "slides": 1}]
        machines = {"machine": {"count": 1}}
        lines = one_case(lab(machines=machines, steps=steps, rework=rework), hours=14.5, specimens=((1,),))
        assert [(at, which) for at, what, which, _ in lines if what == "ihc_protocol started"] == [
            (7, "S26-000001-A-1-2"), (14, "S26-000001-A-1-3"),
        ]  # fmt: skip

    def test_a_turn_sends_back_or_out(self) -> None:
        turns = [{"to": "out", "when": {"origin": "private"}}, {"to": "reporting", "when": {"priority": "urgent"}}]
        steps = [hand("reporting", "case", next=turns), hand("authorisation", "case")]
        cases = [{"origin": "internal"}, {"origin": "private"}, {"origin": "internal", "priority": "urgent"}]
        diary = lives(lab(attributes=ORIGINS, staff={"hands": always(3)}, steps=steps), *cases, hours=5.5)
        assert ends(diary.lines) == {"case 1": 2, "case 2": 1}
        assert sum(what == "reporting completed" for _, what, *_ in diary.lines) == 1 + 1 + 5

    def test_work_may_be_counted_by_the_blocks_and_slides_an_item_has(self) -> None:
        steps = [*PATHWAY[1:2], hand("microtomy", "block", makes="slide"), hand("reporting", "case", for_each="slide")]
        lines = one_case(lab(steps=steps), specimens=((3, 1), (2,)))
        begun, ended = [at for at, what, *_ in lines if what.startswith("reporting")]
        assert ended - begun == 6

    def test_a_second_look_may_be_shorter(self) -> None:
        rework = [{"kind": "levels", "probability": 0.5, "slides": 1}]
        steps = [*PATHWAY[:5], hand("reporting", "case", 1, repeat_duration=constant(0.25))]
        lines = one_case(lab(machines={"machine": {"count": 1}}, steps=steps, rework=rework))
        moments = [at for at, what, *_ in lines if what.startswith("reporting")]
        looks = [ended - begun for begun, ended in zip(moments[::2], moments[1::2], strict=True)]
        assert looks[0] == 1
        assert set(looks[1:]) == {0.25}


class TestDemand:
    def test_cases_come_at_stated_moments_in_bundles_with_what_their_stream_says(self) -> None:
        streams = [
            {
                "name": "van",
                "at": [3, 1.5],
                "size": 2,
                "priorities": {"urgent": 1},
                "attributes": {"origin": "external"},
            },
            {"name": "round", "every": constant(2)},
        ]
        when = {"stream": "van", "origin": "external", "priority": "urgent"}
        steps = [hand("registration", "case", 0.25, when=when), hand("reporting", "case", 0)]
        diary = run(lab(demand={"streams": streams}, steps=steps), 1, 5 / 168)[1]
        assert [at for at, what, *_ in diary.lines if what == "received"] == [1.5, 1.5, 2, 3, 3, 4]
        assert [at for at, what, *_ in diary.lines if what == "registration started"] == [1.5, 1.75, 3, 3.25]

    def test_what_is_there_at_the_start_has_waited_or_is_in_hand(self) -> None:
        initial = [
            {"step": "reporting", "count": 2, "priority": "urgent", "waited_h": 5},
            {"step": "reporting", "in_hand_h": 0.75},
        ]
        model, diary = run(lab(initial=initial), 1, 1 / 7)
        assert model.initial == 3
        assert ends(diary.lines) == {"initial-2-1": 0.25, "initial-1-1": 1.25, "initial-1-2": 2.25}

    def test_the_lab_s_part_ends_where_the_file_says(self) -> None:
        demand = {"streams": [{"at": [0]}]}
        steps = [hand("assembly", "case", 2), hand("reporting", "case", 3), hand("authorisation", "case", 4)]
        for end, hours in ((None, 2), ("assembly", 2), ("reporting", 5), ("authorisation", 9)):
            record = run(lab(demand=demand, steps=steps, lab_tat_ends=end), 1, 1)[0].record
            assert [(at - MONDAY_US) / HOUR for at in record.lab_done_us] == [hours]


def run(spec: Lab, seed: int, weeks: float, replication: int = 0) -> tuple[LabModel, Diary]:
    env, diary = Environment(MONDAY_US), Diary()
    model = LabModel(spec, env, Streams(seed, spec.name, replication), diary)
    run_until(env, MONDAY_US + round(weeks * 7 * DAY))
    return model, diary


class TestEveryRun:
    def test_the_same_seed_is_the_same_run(self) -> None:
        spec = load_lab(LABS / "medium.yaml")
        assert run(spec, 3, 2)[1].lines == run(spec, 3, 2)[1].lines

    def test_another_seed_is_another_run(self) -> None:
        spec = load_lab(LABS / "medium.yaml")
        assert run(spec, 3, 1)[1].lines != run(spec, 4, 1)[1].lines

    @pytest.mark.parametrize("name", ["large", "medium", "small", "specialist"])
    def test_shipped_labs_obey_the_laws(self, name: str) -> None:
        model, _ = run(load_lab(LABS / f"{name}.yaml"), 11, 4)
        check(model)
        assert model.record.finished > 0

    def test_a_lost_case_is_noticed(self) -> None:
        model, _ = run(load_lab(LABS / "small.yaml"), 1, 1)
        model.open_cases.popitem()
        with pytest.raises(BrokenLawError, match="came"):
            check(model)

    def test_urgent_cases_are_faster_than_routine(self) -> None:
        model, _ = run(load_lab(LABS / "large.yaml"), 5, 6)
        record, spent = model.record, {"urgent": [], "cancer": [], "routine": []}
        for kind, received, finished in zip(record.kind, record.received_us, record.finished_us, strict=True):
            spent[model.kinds.attributes(kind)["priority"]].append(finished - received)
        means = [sum(own) / len(own) for own in spent.values()]
        assert means[0] < means[2]

    def test_a_run_under_plain_simpy_is_the_same_run(self) -> None:
        spec = load_lab(LABS / "small.yaml")
        env, diary = Environment(MONDAY_US), Diary()
        LabModel(spec, env, Streams(3, spec.name), diary)
        env.run(until=MONDAY_US + 7 * DAY)
        assert diary.lines == run(spec, 3, 1)[1].lines

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        seed=st.integers(0, 2**32),
        people=st.integers(1, 3),
        size=st.integers(1, 7),
        machines=st.integers(1, 3),
        rule=st.sampled_from([{"least": 1}, {"at": ["12:00"], "full": False}, {"max_wait": constant(3)}]),
        top_up=st.booleans(),
        load=st.floats(1, 300),
        failing=st.booleans(),
        again=st.floats(0, 0.5),
    )
    def test_any_lab_obeys_the_laws(
        self, seed: int, people: int, size: int, machines: int, rule: dict[str, Any], top_up: bool, load: float,
        failing: bool, again: float,
    ) -> None:  # fmt: skip
        failures = {"mean_hours_between": 10.0, "repair": {"kind": "exponential", "mean": 4, "unit": "h"}}
        by_hand = {"staff": "hands", "duration": constant(0.1)}
        processing = machine("processing", "block", size=size, close=rule, top_up=top_up)
        processing["batch"] |= {"load": by_hand}
        staining = machine("staining", "slide", size=size, close=rule, top_up=top_up)
        staining["batch"] |= {"unload": by_hand}
        steps = [
            PATHWAY[0],
            hand("cut_up", "specimen", makes="block", when={"size": "small"}),
            hand("cut_up_large", "specimen", makes="block", when={"size": "large"}, for_each="block"),
            processing,
            hand("decalcification", "block", 0.1, probability=0.5, when={"tissue": ["bone", "tooth"]}),
            hand("microtomy", "block", makes="slide", for_each="slide"),
            hand("ihc_protocol", "block", 0.5, when={"work": "ihc"}),
            hand("labelling", "slide", 0.5, next=[{"to": "labelling", "probability": again}]),
            staining,
            hand("quality_check", "specimen", 0.1),
            hand("reporting", "case", repeat_duration=constant(0.2)),
        ]
        streams = [
            {"cases_per_week": load, "priorities": {"urgent": 1, "routine": 3}},
            {"name": "courier", "every": constant(24), "size": {"weights": {1: 1, 6: 1}}},
            {"name": "audit", "at": [10, 10, 90]},
        ]
        counts = {
            "specimens_per_case": {"weights": {1: 2, 3: 1}},
            "blocks_per_specimen": [{"when": {"size": "large"}, "give": 4}, {"give": {"weights": {1: 1, 2: 1}}}],
            "slides_per_block": {"weights": {1: 1, 5: 1}},
        }
        spec = lab(
            attributes=[
                {"name": "size", "of": "specimen", "values": {"small": 3, "large": 1}},
                {"name": "tissue", "of": "block", "values": {"bone": 1, "tooth": 1, "skin": 8}},
            ],
            demand={"streams": streams, **counts},
            staff={"hands": {"shifts": [{"from": "08:00", "to": "18:00", "people": people}]}},
            machines={"machine": {"count": machines, "failures": failures if failing else None}},
            steps=steps,
            rework=[{"kind": "ihc", "probability": 0.3, "slides": {"weights": {1: 1, 4: 1}}}],
        )
        check(run(spec, seed, 1.5)[0])


def test_cases_come_in_the_stated_number_whatever_the_holidays() -> None:
    spec = load_lab(LABS / "large.yaml")
    counts = [run(spec, 1, 1, number)[0].record.received for number in range(12)]
    assert sum(counts) / 12 == pytest.approx(230, abs=3.89 * (230 / 12) ** 0.5)


def test_the_load_can_be_set_from_outside() -> None:
    env = Environment(MONDAY_US)
    model = LabModel(load_lab(LABS / "large.yaml"), env, Streams(1, "x"), cases_per_week=0)
    run_until(env, MONDAY_US + 7 * DAY)
    assert model.record.received == 0


def test_the_start_of_these_tests_is_a_monday() -> None:
    assert to_us(datetime(2026, 9, 7, tzinfo=UTC)) == MONDAY_US


def test_specimens_are_lettered_past_z() -> None:
    assert [letters(index) for index in (0, 25, 26, 27, 52)] == ["A", "Z", "AA", "AB", "BA"]
