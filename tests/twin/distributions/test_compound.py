"""A sum adds the parts that happen to be there; a mixture is one of its parts; both know what is left of them."""

import numpy as np
import pytest
from scipy import stats

from tests.twin.distributions.known import LARGEST_MISFIT, duration, luck, misfit, z_of_mean, z_of_variance
from twin.distributions import HOUR, MINUTE

EXPONENTIAL = {"kind": "exponential", "mean": 1, "unit": "h"}
ERLANG = duration({"kind": "sum", "parts": [{"duration": EXPONENTIAL}] * 3})
BOOKING = duration(
    {
        "kind": "sum",
        "parts": [
            {"probability": 0.05, "duration": {"kind": "pert", "low": 5, "mode": 10, "high": 15}},
            {"duration": {"kind": "pert", "low": 60, "mode": 120, "high": 240, "unit": "s"}},
        ],
    }
)
TWO_WAYS = duration(
    {
        "kind": "mixture",
        "parts": [
            {"weight": 3, "duration": EXPONENTIAL},
            {"weight": 1, "duration": {"kind": "uniform", "low": 120, "high": 600}},
        ],
    }
)


def test_the_sum_of_equal_exponentials_is_an_erlang() -> None:
    sample = np.array(ERLANG.sample_us(luck(), 40_000)) / HOUR
    assert misfit(sample, stats.erlang(3).cdf) <= LARGEST_MISFIT
    assert ERLANG.mean_us() == 3 * HOUR
    assert ERLANG.variance_us2() == pytest.approx(3 * HOUR**2)


@pytest.mark.parametrize(
    ("work", "mean", "variance"),
    [
        (BOOKING, 0.05 * 10 + 13 / 6, 0.05 * 25 / 7 + 0.05 * 0.95 * 100 + 7 / 6 * 11 / 6 / 7),
        (TWO_WAYS, 135, 0.75 * 60**2 + 0.25 * 480**2 / 12 + 0.75 * 75**2 + 0.25 * 225**2),
    ],
)
def test_moments_of_what_is_made_of_parts(work: object, mean: float, variance: float) -> None:
    made = duration(work.model_dump())  # type: ignore[attr-defined]
    assert made.mean_us() / MINUTE == pytest.approx(mean)
    assert made.variance_us2() / MINUTE**2 == pytest.approx(variance)
    sample = np.array(made.sample_us(luck(), 40_000)) / MINUTE
    assert abs(z_of_mean(sample, mean)) <= 4
    assert abs(z_of_variance(sample, variance)) <= 4


def test_a_part_is_there_as_often_as_its_probability_says() -> None:
    sample = np.array(BOOKING.sample_us(luck(), 40_000)) / MINUTE
    assert abs(z_of_mean(sample > 5, 0.05)) <= 4
    assert BOOKING.longest_us() == 19 * MINUTE


@pytest.mark.parametrize("age", [1, 4, 8])
def test_what_is_left_of_a_sum_follows_the_age(age: int) -> None:
    rng, law = luck(str(age)), stats.erlang(3)
    left = np.array([ERLANG.remaining_us(rng, age * HOUR) for _ in range(1_000)]) / HOUR
    assert misfit(left, lambda x: 1 - law.sf(age + x) / law.sf(age)) <= LARGEST_MISFIT


@pytest.mark.parametrize("age", [1, 5, 9.5])
def test_what_is_left_of_a_mixture_tells_which_part_it_must_have_been(age: float) -> None:
    def longer(x: float) -> float:
        return 0.75 * stats.expon.sf(x) + 0.25 * stats.uniform(2, 8).sf(x)

    rng = luck(str(age))
    left = np.array([TWO_WAYS.remaining_us(rng, round(age * HOUR)) for _ in range(1_000)]) / HOUR
    assert misfit(left, lambda x: 1 - longer(age + x) / longer(age)) <= LARGEST_MISFIT


def test_what_no_sampling_finds_is_left_to_the_part_that_has_most_left() -> None:
    rng = luck()
    left = np.array([TWO_WAYS.remaining_us(rng, 40 * HOUR) for _ in range(200)]) / HOUR
    assert abs(z_of_mean(left, 1)) <= 4
    assert BOOKING.remaining_us(rng, 19 * MINUTE) == 0


def test_a_sequence_goes_on_in_turn_inside_a_sum_and_a_mixture() -> None:
    turn = {"kind": "sequence", "values": [1, 2]}
    added = duration({"kind": "sum", "parts": [{"duration": turn}, {"duration": {"kind": "constant", "value": 10}}]})
    chosen = duration({"kind": "mixture", "parts": [{"weight": 1, "duration": turn}]})
    rng = luck()
    for made, expected in ((added, [11, 12, 11, 12]), (chosen, [1, 2, 1, 2])):
        fill = made.filler()
        assert fill(rng, 1) + fill(rng, 3) == [MINUTE * value for value in expected]
