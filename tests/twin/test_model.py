"""A lab at work: the pathway by hand-worked cases, and the laws that every run must obey whatever the lab."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simpy import Environment

from tests.twin.micro import MONDAY_US, always, constant, document, lab
from twin.calendars import to_us
from twin.checks import BrokenLawError, check
from twin.distributions import DAY, HOUR
from twin.engine.agenda import run_until
from twin.items import Block, Case, Item, Slides, letters
from twin.lab import Lab, load_lab
from twin.model import LabModel
from twin.observe import Everyone, Observer
from twin.recorder import Recorder
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
    machine("processing", "block", close={"any": True}),
    hand("microtomy", "block", makes="slide"),
    hand("labelling", "slide", 0.5),
    hand("reporting", "case"),
]


def pathway(**changes: Any) -> Lab:
    return lab(staff={"hands": always(1)}, machines={"machine": {"count": 1}}, steps=PATHWAY, **changes)


def one_case(spec: Lab, hours: float = 200, specimens: Sequence[Sequence[int]] = ((2,),)) -> list[tuple[Any, ...]]:
    """Run one case, by its specimens' blocks' slides, through a lab and return the diary."""
    env, diary = Environment(MONDAY_US), Diary()
    model = LabModel(spec, env, Streams(1, spec.name), diary)
    case = Case("S26-000001", "routine", 2, MONDAY_US)
    for index, plan in enumerate(specimens):
        model.maker.add_specimen(case, index).plan = plan
    case.skips = model.maker.skips("case")
    model.admit(case)
    run_until(env, MONDAY_US + round(hours * HOUR))
    check(model)
    return diary.lines


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
        steps = [*PATHWAY[:4], machine("staining", "slide", size=3, close={"any": True}), PATHWAY[5]]
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
        steps = [machine("processing", "case", close={"any": True}, run=constant(20)), hand("reporting", "case")]
        lines = one_case(lab(machines=machines, steps=steps))
        (ended,) = [at for at, what, *_ in lines if what == "processing run completed"]
        assert ended > 20
        assert ended % 3 == pytest.approx(20 % 3)

    def test_urgent_blocks_take_their_own_programme(self) -> None:
        programmes = [
            {"name": "urgent", "priorities": ["urgent"], "size": 5, "close": {"any": True}, "run": constant(2)},
            {"name": "night", "size": 5, "close": {"any": True}, "run": constant(14)},
        ]
        batch = {"machine": "machine", "programmes": programmes}
        spec = lab(
            machines={"machine": {"count": 2}},
            steps=[{"name": "processing", "per": "case", "batch": batch}, hand("reporting", "case")],
        )
        env, recorder = Environment(MONDAY_US), Recorder(MONDAY_US)
        model = LabModel(spec, env, Streams(1, "x"), recorder)
        for number, priority in enumerate(("urgent", "routine")):
            model.admit(Case(str(number), priority, 2 * number, MONDAY_US))
        run_until(env, MONDAY_US + DAY)
        assert [finish.turnaround_us / HOUR for finish in recorder.finishes] == [3, 15]


def run(spec: Lab, seed: int, weeks: float, replication: int = 0) -> tuple[LabModel, Recorder, Diary]:
    env, recorder, diary = Environment(MONDAY_US), Recorder(MONDAY_US), Diary()
    model = LabModel(spec, env, Streams(seed, spec.name, replication), Everyone(recorder, diary))
    run_until(env, MONDAY_US + round(weeks * 7 * DAY))
    return model, recorder, diary


class TestEveryRun:
    def test_the_same_seed_is_the_same_run(self) -> None:
        spec = load_lab(LABS / "medium.yaml")
        assert run(spec, 3, 2)[2].lines == run(spec, 3, 2)[2].lines

    def test_another_seed_is_another_run(self) -> None:
        spec = load_lab(LABS / "medium.yaml")
        assert run(spec, 3, 1)[2].lines != run(spec, 4, 1)[2].lines

    @pytest.mark.parametrize("name", ["large", "medium", "small", "specialist"])
    def test_shipped_labs_obey_the_laws(self, name: str) -> None:
        model, recorder, _ = run(load_lab(LABS / f"{name}.yaml"), 11, 4)
        check(model, recorder, MONDAY_US)
        assert model.finished > 0

    def test_a_lost_case_is_noticed(self) -> None:
        model, recorder, _ = run(load_lab(LABS / "small.yaml"), 1, 1)
        model.open_cases.popitem()
        with pytest.raises(BrokenLawError, match="came"):
            check(model, recorder, MONDAY_US)

    def test_urgent_cases_are_faster_than_routine(self) -> None:
        _, recorder, _ = run(load_lab(LABS / "large.yaml"), 5, 6)
        means = {}
        for priority in ("urgent", "routine"):
            own = [finish.turnaround_us for finish in recorder.finishes if finish.priority == priority]
            means[priority] = sum(own) / len(own)
        assert means["urgent"] < means["routine"]

    def test_a_run_under_plain_simpy_is_the_same_run(self) -> None:
        spec = load_lab(LABS / "small.yaml")
        env, diary = Environment(MONDAY_US), Diary()
        LabModel(spec, env, Streams(3, spec.name), diary)
        env.run(until=MONDAY_US + 7 * DAY)
        assert diary.lines == run(spec, 3, 1)[2].lines

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        seed=st.integers(0, 2**32),
        people=st.integers(1, 3),
        size=st.integers(1, 7),
        machines=st.integers(1, 3),
        rule=st.sampled_from([{"any": True}, {"at": ["12:00"], "full": False}, {"max_wait": constant(3)}]),
        top_up=st.booleans(),
        load=st.floats(1, 300),
        failing=st.booleans(),
    )
    def test_any_lab_obeys_the_laws(
        self, seed: int, people: int, size: int, machines: int, rule: dict[str, Any], top_up: bool, load: float,
        failing: bool,
    ) -> None:  # fmt: skip
        failures = {"mean_hours_between": 10.0, "repair": {"kind": "exponential", "mean": 4, "unit": "h"}}
        steps = [
            *PATHWAY[:2],
            machine("processing", "block", size=size, close=rule, top_up=top_up),
            hand("decalcification", "block", 0.1, probability=0.5),
            *PATHWAY[3:5],
            machine("staining", "slide", size=size, close=rule, top_up=top_up),
            hand("quality_check", "specimen", 0.1),
            PATHWAY[5],
        ]
        steps[2]["batch"] |= {"load": {"staff": "hands", "duration": constant(0.1)}}
        steps[-3]["batch"] |= {"unload": {"staff": "hands", "duration": constant(0.1)}}
        spec = document(
            staff={"hands": {"shifts": [{"from": "08:00", "to": "18:00", "people": people}]}},
            machines={"machine": {"count": machines, "failures": failures if failing else None}},
            steps=steps,
            rework=[{"kind": "ihc", "probability": 0.3, "slides": {"weights": {1: 1, 4: 1}}}],
        )
        demand = {
            "cases_per_week": load,
            "specimens_per_case": {"weights": {1: 2, 3: 1}},
            "blocks_per_specimen": {"weights": {1: 1, 4: 1}},
            "slides_per_block": {"weights": {1: 1, 5: 1}},
        }
        spec["demand"] = spec["demand"] | demand
        model, recorder, _ = run(Lab.model_validate(spec), seed, 1.5)
        check(model, recorder, MONDAY_US)


def test_cases_come_in_the_stated_number_whatever_the_holidays() -> None:
    spec = load_lab(LABS / "large.yaml")
    counts = [run(spec, 1, 1, number)[0].received for number in range(12)]
    assert sum(counts) / 12 == pytest.approx(230, abs=3.89 * (230 / 12) ** 0.5)


def test_the_load_can_be_set_from_outside() -> None:
    env = Environment(MONDAY_US)
    model = LabModel(load_lab(LABS / "large.yaml"), env, Streams(1, "x"), cases_per_week=0)
    run_until(env, MONDAY_US + 7 * DAY)
    assert model.received == 0


def test_the_start_of_these_tests_is_a_monday() -> None:
    assert to_us(datetime(2026, 9, 7, tzinfo=UTC)) == MONDAY_US


def test_specimens_are_lettered_past_z() -> None:
    assert [letters(index) for index in (0, 25, 26, 27, 52)] == ["A", "Z", "AA", "AB", "BA"]
