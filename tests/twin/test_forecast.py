"""A forecast is ordered, repeatable, and says so when a case does not finish; a simulation has intervals."""

import math
from pathlib import Path

import pytest

from tests.twin.micro import MONDAY_US
from tests.twin.test_model import pathway
from tests.twin.test_snapshot import case, state_after
from twin.distributions import DAY, HOUR
from twin.forecast import forecast
from twin.lab import load_lab
from twin.simulate import simulate
from twin.snapshot import LabState, Place
from twin.statistics import estimate, t_975

LABS = Path(__file__).parents[2] / "data" / "labs"


def due(state: LabState, *days: float) -> dict[str, dict[str, int]]:
    """Every case is due so many days after it was received."""
    return {
        one.barcode: {f"{limit:g} d": one.received_us + round(limit * 24 * HOUR) for limit in days}
        for one in state.cases
    }


class TestForecast:
    def test_quantiles_are_ordered_and_probabilities_fall_with_the_target(self) -> None:
        spec = load_lab(LABS / "small.yaml")
        state = state_after(spec, 16 * 24 + 15)
        made = forecast(spec, state, now_us=state.at_us, replications=20, seed=1, due_us=due(state, 3, 7, 10))
        assert [one.barcode for one in made.cases] == [one.barcode for one in state.cases]
        for one in made.cases:
            assert one.p50_us is not None
            assert one.p80_us is not None
            assert one.p95_us is not None
            assert state.at_us <= one.p50_us <= one.p80_us <= one.p95_us
            late = one.breach_probability
            assert 1 >= late["3 d"] >= late["7 d"] >= late["10 d"] >= 0
        assert made.busiest in made.utilisation
        assert all(0 <= share.mean <= 1 for share in made.utilisation.values() if not math.isnan(share.mean))

    def test_the_same_question_has_the_same_answer(self) -> None:
        spec = load_lab(LABS / "specialist.yaml")
        state = state_after(spec, 16 * 24 + 15)
        asked = [forecast(spec, state, now_us=state.at_us, replications=5, seed=1).cases for _ in range(2)]
        assert asked[0] == asked[1]

    def test_what_is_certain_is_forecast_exactly(self) -> None:
        place = Place("reporting", MONDAY_US - HOUR, MONDAY_US - HOUR // 4, 0)
        made = forecast(pathway(), LabState(MONDAY_US, (case(place),)), now_us=MONDAY_US, replications=3, seed=1)
        assert made.cases[0].p50_us == made.cases[0].p95_us == MONDAY_US + 3 * HOUR // 4
        assert made.cases[0].breach_probability == {}

    def test_a_case_that_does_not_finish_has_no_date_and_is_late(self) -> None:
        place = Place("reception", MONDAY_US)
        state = LabState(MONDAY_US, (case(place),))
        made = forecast(
            pathway(), state, now_us=MONDAY_US, replications=3, seed=1, due_us=due(state, 0.01, 7), horizon_days=0.1
        )
        assert made.cases[0].p50_us is None
        assert made.cases[0].breach_probability == {"0.01 d": 1.0, "7 d": 1.0}

    def test_an_empty_lab_has_only_its_load_to_tell(self) -> None:
        made = forecast(load_lab(LABS / "small.yaml"), LabState(MONDAY_US), now_us=MONDAY_US, replications=3, seed=1)
        assert made.cases == ()
        assert made.busiest is not None

    def test_a_stale_state_is_brought_up_to_now(self) -> None:
        spec = load_lab(LABS / "small.yaml")
        state = state_after(spec, 16 * 24 + 10)
        made = forecast(spec, state, now_us=state.at_us + 5 * HOUR, replications=3, seed=1)
        assert all(one.p50_us is None or one.p50_us >= made.made_us for one in made.cases)


class TestSimulation:
    def test_measures_have_intervals_and_balance(self) -> None:
        spec = load_lab(LABS / "small.yaml")
        measures = simulate(spec, weeks=4, replications=4, seed=1).measures
        assert measures["tat_mean_d"].low < measures["tat_mean_d"].mean < measures["tat_mean_d"].high
        assert measures["tat_pct_7d"].mean <= measures["tat_pct_10d"].mean <= measures["tat_pct_21d"].mean <= 100
        assert measures["lab_tat_mean_d"].mean < measures["tat_mean_d"].mean
        assert measures["lab_tat_pct_7d"].mean > measures["tat_pct_7d"].mean
        assert 0 < measures["utilisation.pathologists"].mean < 1
        assert "wait_mean_h.reporting" in measures
        days = 4 * 7
        through = measures["wip_mean"].mean / (measures["arrived"].mean / days)
        assert through == pytest.approx(measures["tat_mean_d"].mean, rel=0.15)

    def test_an_empty_run_measures_nothing_and_does_not_fail(self) -> None:
        measures = simulate(pathway(), weeks=1, replications=2, seed=1, warm_up_weeks=0).measures
        assert measures["finished"].mean == 0
        assert "tat_mean_d" not in measures

    @pytest.mark.parametrize("name", ["large", "medium", "small", "specialist"])
    def test_shipped_labs_are_stable_and_in_the_published_range(self, name: str) -> None:
        measures = simulate(load_lab(LABS / f"{name}.yaml"), weeks=8, replications=5, seed=3).measures
        assert 4 <= measures["tat_mean_d"].mean <= 8
        assert 72 <= measures["tat_pct_7d"].mean <= 94
        assert 88 <= measures["tat_pct_10d"].mean <= 98.5
        assert measures["finished"].mean == pytest.approx(measures["arrived"].mean, rel=0.08)


@pytest.mark.parametrize(
    ("degrees", "value"), [(1, 12.7062), (2, 4.30265), (3, 3.182446), (7, 2.364624), (29, 2.04523)]
)
def test_student_s_t_is_that_of_the_tables(degrees: int, value: float) -> None:
    assert t_975(degrees) == pytest.approx(value, rel=2e-3)


def test_one_replication_has_no_interval() -> None:
    assert math.isnan(estimate([1.0]).low)
    assert estimate([1.0, 2.0, 3.0]).mean == 2
    assert DAY == 24 * HOUR
