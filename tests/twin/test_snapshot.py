"""A model started from a state holds exactly what the state says, and what is under way ends when it should."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy import Environment

from tests.twin.micro import MONDAY_US, always, constant, lab
from tests.twin.test_model import ORIGINS, PATHWAY, hand, machine, pathway
from twin.checks import check
from twin.distributions import DAY, HOUR, MINUTE
from twin.engine.agenda import run_until
from twin.items import Case
from twin.lab import Lab, load_lab
from twin.model import LabModel
from twin.observe import Observer
from twin.placement import StateError, problems
from twin.snapshot import BlockState, CaseState, LabState, Place, SlideState, SpecimenState, take_state
from twin.variates import Streams

LABS = Path(__file__).parents[2] / "data" / "labs"
ROUND_TRIPS = ("large", "medium", "small", "specialist", "modern-small")
PLAIN = (("stream", "initial"), ("work", "routine"))
"""What every item is, that nothing else is known of."""


class Finishes(Observer):
    """Notes when each case is authorised (µs)."""

    def __init__(self) -> None:
        self.at_us: dict[str, int] = {}

    def case_authorised(self, case: Case, t: int) -> None:
        self.at_us[case.barcode] = t


def state_after(spec: Lab, hours: int, seed: int = 7) -> LabState:
    """Return the state of a lab that somebody listens to: benches are numbered for whoever does."""
    env = Environment(MONDAY_US)
    model = LabModel(spec, env, Streams(seed, spec.name), Observer())
    run_until(env, MONDAY_US + hours * HOUR + 7 * MINUTE)  # off every shift change and clock start
    return take_state(model)


def started_from(spec: Lab, state: LabState) -> tuple[LabModel, Finishes]:
    finishes = Finishes()
    env = Environment(state.at_us)
    return LabModel(spec, env, Streams(9, spec.name), finishes, initial=state, cases_per_week=0), finishes


def seen(state: LabState) -> Any:
    """Return a state as plain data, with work begun at its very moment as waiting.

    No log tells who is loading or unloading a machine by hand, so in the restarted lab that person is free and takes
    what waits.
    """
    data = asdict(state)
    _wait_again(data, state.at_us)
    return data


def _wait_again(data: Any, at_us: int) -> None:
    for value in data.values() if isinstance(data, dict) else data if isinstance(data, tuple | list) else ():
        _wait_again(value, at_us)
    if isinstance(data, dict) and data.get("started_us") == at_us:
        data |= {"started_us": None, "unit": None}


class TestRoundTrip:
    @settings(max_examples=16, deadline=None)
    @given(name=st.sampled_from(ROUND_TRIPS), hours=st.integers(1, 24 * 24))
    def test_what_goes_in_is_what_is_there(self, name: str, hours: int) -> None:
        spec = load_lab(LABS / f"{name}.yaml")
        state = state_after(spec, hours)
        model, _ = started_from(spec, state)
        check(model)
        assert seen(take_state(model)) == seen(state)

    def test_every_case_of_a_state_is_finished_in_the_end(self) -> None:
        spec = load_lab(LABS / "medium.yaml")
        state = state_after(spec, 17 * 24 + 11)
        model, finished = started_from(spec, state)
        run_until(model.agenda.env, state.at_us + 60 * DAY)
        check(model)
        assert set(finished.at_us) == {case.barcode for case in state.cases}


def case(place: Place | None = None, *specimens: SpecimenState, barcode: str = "S26-000001") -> CaseState:
    parts = specimens or (SpecimenState(f"{barcode}-A"),)
    return CaseState(barcode, "routine", MONDAY_US - 5 * HOUR, parts, place)


def finishes(spec: Lab, *cases: CaseState, now_us: int = MONDAY_US) -> dict[str, float]:
    state = LabState(now_us, cases)
    model, finished = started_from(spec, state)
    run_until(model.agenda.env, MONDAY_US + 30 * DAY)
    check(model)
    return {barcode: (at_us - MONDAY_US) / HOUR for barcode, at_us in finished.at_us.items()}


class TestWhatIsUnderWay:
    def test_work_half_done_takes_what_remains(self) -> None:
        place = Place("reporting", MONDAY_US - HOUR, MONDAY_US - HOUR // 4, 0)
        assert finishes(pathway(), case(place)) == {"S26-000001": 0.75}

    def test_it_keeps_its_pair_of_hands_from_others(self) -> None:
        busy = case(Place("reporting", MONDAY_US - HOUR, MONDAY_US - HOUR // 4, 0))
        waits = case(Place("reporting", MONDAY_US - 2 * HOUR), barcode="S26-000002")
        assert finishes(pathway(), waits, busy) == {"S26-000001": 0.75, "S26-000002": 1.75}

    def test_those_who_wait_keep_their_order(self) -> None:
        cases = [case(Place("reporting", MONDAY_US - since * HOUR), barcode=f"S26-00000{since}") for since in (1, 3, 2)]
        assert finishes(pathway(), *cases) == {"S26-000003": 1, "S26-000002": 2, "S26-000001": 3}

    def test_work_that_should_be_over_ends_now(self) -> None:
        place = Place("reporting", MONDAY_US - 99 * HOUR, MONDAY_US - 99 * HOUR, 0)
        assert finishes(pathway(), case(place)) == {"S26-000001": 0}

    def test_a_machine_in_mid_run_keeps_its_load_and_its_end(self) -> None:
        inside = Place("processing", MONDAY_US - 2 * HOUR, MONDAY_US - HOUR, 0, "run-1")
        cases = [
            case(inside if at == "case" else None, *parts, barcode=f"S26-00000{number}")
            for number, at, parts in (
                (1, "", (SpecimenState("a", (BlockState("a-1", (), inside, PLAIN),), None, PLAIN),)),
                (2, "", (SpecimenState("b", (BlockState("b-1", (), inside, PLAIN),), None, PLAIN),)),
            )
        ]
        model, _ = started_from(pathway(), LabState(MONDAY_US, tuple(cases)))
        assert model.machines["machine"].busy == 1
        state = take_state(model)
        assert state.cases == tuple(replace(each, attributes=PLAIN) for each in cases)
        run_left, hands = 1, 2 * (1 + 0.5)  # both are cut and labelled before the first is reported
        assert finishes(pathway(), *cases) == {"S26-000001": run_left + hands + 1, "S26-000002": run_left + hands + 2}

    def test_a_long_wait_for_a_batch_is_not_started_anew(self) -> None:
        steps = [machine("processing", "case", close={"max_wait": constant(3)}), hand("reporting", "case")]
        spec = lab(machines={"machine": {"count": 1}}, steps=steps)
        assert finishes(spec, case(Place("processing", MONDAY_US - 2 * HOUR))) == {"S26-000001": 4}

    def test_a_part_that_is_done_waits_for_its_kin(self) -> None:
        done = BlockState("a-1", (SlideState("a-1-1"),), Place("reporting", MONDAY_US - HOUR))
        late = BlockState("a-2", (), Place("microtomy", MONDAY_US - HOUR))
        ends = finishes(pathway(), case(None, SpecimenState("a", (done, late))))
        assert ends["S26-000001"] >= 2.5

    def test_slides_can_be_apart(self) -> None:
        steps = [*PATHWAY[:4], machine("staining", "slide", close={"least": 1}), hand("reporting", "case")]
        spec = lab(staff={"hands": always(1)}, machines={"machine": {"count": 1}}, steps=steps)
        inside = Place("staining", MONDAY_US - HOUR, MONDAY_US - HOUR, 0, "r")
        slides = (SlideState("x1", inside), SlideState("x2", Place("staining", MONDAY_US)), SlideState("x3"))
        state = case(None, SpecimenState("a", (BlockState("a-1", slides),)))
        assert finishes(spec, state) == {"S26-000001": 1 + 2 + 1}

    def test_an_item_said_to_be_in_two_places_is_at_the_earlier(self) -> None:
        slides = (SlideState("x1", Place("labelling", MONDAY_US)), SlideState("x2"))
        block = BlockState("a-1", slides, Place("microtomy", MONDAY_US))
        twice = case(Place("reporting", MONDAY_US - HOUR, MONDAY_US - HOUR, 0), SpecimenState("a", (block,)))
        assert finishes(pathway(), twice) == {"S26-000001": 1 + 0.5 + 1}

    def test_what_is_known_of_a_case_decides_its_way(self) -> None:
        steps = [hand("registration", "case", when={"origin": "external"}), hand("reporting", "case", 0)]
        spec = lab(attributes=ORIGINS, staff={"hands": always(2)}, steps=[hand("reception", "case", 0), *steps])
        known = [
            replace(case(Place("reception", MONDAY_US), barcode=origin), attributes=(("origin", origin),))
            for origin in ("external", "internal")
        ]
        assert finishes(spec, *known) == {"external": 1, "internal": 0}

    def test_given_barcodes_are_kept(self) -> None:
        waiting = Place("labelling", MONDAY_US)
        block = BlockState("odd block", (SlideState("odd slide", waiting),))
        state = LabState(MONDAY_US, (case(None, SpecimenState("odd pot", (block,))),))
        (held,) = take_state(started_from(pathway(), state)[0]).cases
        (block_held,) = held.specimens[0].blocks
        assert (held.specimens[0].barcode, block_held.barcode) == ("odd pot", "odd block")
        assert block_held.slides[0].barcode == "odd slide"


class TestWhatDoesNotFit:
    def test_everything_wrong_is_said(self) -> None:
        wrong = LabState(
            MONDAY_US,
            (
                case(Place("quantum_check", MONDAY_US)),
                case(None, barcode="S26-000002"),
                replace(case(Place("reporting", MONDAY_US), barcode="S26-000003"), priority="whenever"),
            ),
        )
        found = problems(pathway(), wrong)
        assert [text.split(":")[0] for text in found] == ["case S26-000001", "case S26-000002", "case S26-000003"]
        with pytest.raises(StateError, match="quantum_check"):
            started_from(pathway(), wrong)

    def test_new_cases_do_not_take_numbers_that_are_here(self) -> None:
        spec = load_lab(LABS / "large.yaml")
        state = state_after(spec, 40)
        env = Environment(state.at_us)
        model = LabModel(spec, env, Streams(2, spec.name), initial=state)
        run_until(env, state.at_us + DAY)
        check(model)


def test_time_travel_a_forecast_from_the_middle_agrees_with_the_run_itself() -> None:
    """The mean time left of open cases, from the state, is that of the runs the states came from (3.89 SE)."""
    spec = load_lab(LABS / "small.yaml")
    differences = []
    for seed in range(20):
        env, truth = Environment(MONDAY_US), Finishes()
        model = LabModel(spec, env, Streams(seed, spec.name), truth)
        now = MONDAY_US + 16 * DAY + (9 + seed % 8) * HOUR
        run_until(env, now)
        state = take_state(model)
        run_until(env, now + 40 * DAY)
        again_env, guess = Environment(now), Finishes()
        LabModel(spec, again_env, Streams(1000 + seed, spec.name), guess, initial=state)
        run_until(again_env, now + 40 * DAY)
        differences.append(np.mean([guess.at_us[one.barcode] - truth.at_us[one.barcode] for one in state.cases]) / DAY)
    error = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert abs(np.mean(differences)) <= 3.89 * error
