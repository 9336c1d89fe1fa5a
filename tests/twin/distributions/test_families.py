"""A family has the mean, variance and shape its formula says, and work under way has what the formula leaves of it."""

from typing import Any

import numpy as np
import pytest

from tests.twin.distributions.known import (
    CONTINUOUS,
    LARGEST_MISFIT,
    UNBOUNDED,
    Spec,
    duration,
    luck,
    misfit,
    z_of_mean,
    z_of_variance,
)
from twin.distributions import HOUR


@pytest.mark.parametrize(("spec", "law"), CONTINUOUS)
def test_mean_and_variance_are_those_of_the_formula(spec: Spec, law: Any) -> None:
    assert duration(spec).mean_us() / HOUR == pytest.approx(law.mean(), rel=1e-9)
    assert duration(spec).variance_us2() / HOUR**2 == pytest.approx(law.var(), rel=1e-9)
    assert duration(spec).longest_us() / HOUR == pytest.approx(law.support()[1])


@pytest.mark.parametrize(("spec", "law"), CONTINUOUS)
def test_what_is_drawn_has_the_mean_variance_and_shape_of_the_law(spec: Spec, law: Any) -> None:
    sample = np.array(duration(spec).sample_us(luck(), 40_000)) / HOUR
    assert abs(z_of_mean(sample, law.mean())) <= 4
    assert abs(z_of_variance(sample, law.var())) <= 4
    assert misfit(sample, law.cdf) <= LARGEST_MISFIT


@pytest.mark.parametrize("longer", [0.9, 0.5, 0.1, 1e-3])
@pytest.mark.parametrize(("spec", "law"), CONTINUOUS)
def test_what_is_left_follows_the_age(spec: Spec, law: Any, longer: float) -> None:
    _left_as_the_law_says(spec, law, longer)


@pytest.mark.parametrize(("spec", "law"), UNBOUNDED)
def test_what_is_left_is_exact_for_work_long_overdue(spec: Spec, law: Any) -> None:
    _left_as_the_law_says(spec, law, longer=1e-12)


def _left_as_the_law_says(spec: Spec, law: Any, longer: float) -> None:
    age_us = round(law.isf(longer) * HOUR)
    age, rng, work = age_us / HOUR, luck(f"left {longer}"), duration(spec)
    left = np.array([work.remaining_us(rng, age_us) for _ in range(1_000)]) / HOUR
    assert misfit(left, lambda x: 1 - law.sf(age + x) / law.sf(age)) <= LARGEST_MISFIT


@pytest.mark.parametrize(("age", "oracle"), [(1, 1.145697), (2, 0.918325), (4, 0.934338)])
def test_the_residual_life_of_a_lognormal(age: int, oracle: float) -> None:
    rng, work = luck(), duration({"kind": "lognormal", "mean": 2, "cv": 0.5, "unit": "h"})
    left = np.array([work.remaining_us(rng, age * HOUR) for _ in range(5_000)]) / HOUR
    assert abs(z_of_mean(left, oracle)) <= 3.89


def test_a_constant_has_its_rest_left() -> None:
    work = duration({"kind": "constant", "value": 2, "unit": "h"})
    assert work.sample_us(luck(), 2) == [2 * HOUR, 2 * HOUR]
    assert (work.mean_us(), work.variance_us2(), work.longest_us()) == (2 * HOUR, 0, 2 * HOUR)
    assert [work.remaining_us(luck(), age * HOUR) for age in (0, 1, 2, 3)] == [2 * HOUR, HOUR, 0, 0]
