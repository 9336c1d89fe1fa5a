"""Every family of duration beside the same law in scipy, in hours: what both say must agree."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from twin.distributions import HOUR, Duration
from twin.variates import Streams

Spec = dict[str, Any]
_DURATION: TypeAdapter[Duration] = TypeAdapter(Duration)


def duration(spec: Spec) -> Duration:
    return _DURATION.validate_python(spec)


def luck(name: str = "x") -> np.random.Generator:
    return Streams(1, "lab").generator(name, "test")


def _pert(low: float, mode: float, high: float) -> Any:
    width = high - low
    return stats.beta(1 + 4 * (mode - low) / width, 1 + 4 * (high - mode) / width, low, width)


def _lognormal(mean: float, cv: float) -> Any:
    sigma = np.sqrt(np.log1p(cv**2))
    return stats.lognorm(sigma, scale=mean * np.exp(-(sigma**2) / 2))


def _known(law: Any, **spec: Any) -> Any:
    name = " ".join(str(value) for value in spec.values())
    return pytest.param({**spec, "unit": "h"}, law, id=name)


BOUNDED = [
    _known(stats.uniform(1, 2), kind="uniform", low=1, high=3),
    _known(stats.triang(0.25, 1, 4), kind="triangular", low=1, mode=2, high=5),
    _known(stats.triang(0, 1, 4), kind="triangular", low=1, mode=1, high=5),
    _known(stats.triang(1, 1, 4), kind="triangular", low=1, mode=5, high=5),
    _known(_pert(1, 1.5, 5), kind="pert", low=1, mode=1.5, high=5),
    _known(_pert(1, 1, 5), kind="pert", low=1, mode=1, high=5),
    _known(_pert(1, 5, 5), kind="pert", low=1, mode=5, high=5),
    _known(
        stats.rv_histogram((np.array([1, 1, 1]), np.array([1, 2, 4, 9])), density=False),
        kind="empirical", values=[4, 1, 9, 2], smooth=True,
    ),
    _known(
        stats.rv_histogram((np.array([2, 3]), np.array([1, 2, 4])), density=False),
        kind="empirical", values=[1, 2, 4, 30], weights=[1, 3, 3, 0], smooth=True,
    ),
]  # fmt: skip
UNBOUNDED = [
    _known(stats.expon(scale=2), kind="exponential", mean=2),
    _known(stats.erlang(3, scale=2 / 3), kind="erlang", mean=2, stages=3),
    _known(stats.gamma(6.25, scale=2 / 6.25), kind="gamma", mean=2, cv=0.4),
    _known(stats.gamma(1 / 9, scale=18), kind="gamma", mean=2, cv=3),
    _known(_lognormal(2, 0.5), kind="lognormal", mean=2, cv=0.5),
    _known(_lognormal(2, 3), kind="lognormal", mean=2, cv=3),
    _known(stats.weibull_min(0.7, scale=2), kind="weibull", shape=0.7, scale=2),
    _known(stats.weibull_min(2.5, scale=2), kind="weibull", shape=2.5, scale=2),
]
CONTINUOUS = [*BOUNDED, *UNBOUNDED]


def misfit(sample: "np.ndarray[Any, Any]", below: Callable[[Any], Any]) -> float:
    """Return the Kolmogorov-Smirnov statistic times √n of hours rounded to whole microseconds."""
    values, times = np.unique(sample, return_counts=True)
    up_to = np.cumsum(times) / len(sample)
    before = np.concatenate(([0.0], up_to[:-1]))
    gaps = up_to - below(values + HALF_US), before - below(np.maximum(values - HALF_US, 0))
    return float(np.max(np.abs(gaps)) * np.sqrt(len(sample)))


HALF_US = 0.5 / HOUR
LARGEST_MISFIT = 2.23
"""Passed once in ten thousand when the sample is of the law."""


def z_of_mean(sample: "np.ndarray[Any, Any]", mean: float) -> float:
    """Return by how many standard errors a sample's mean is off."""
    return float((sample.mean() - mean) / (sample.std() / np.sqrt(len(sample))))


def z_of_variance(sample: "np.ndarray[Any, Any]", variance: float) -> float:
    """Return by how many standard errors a sample's variance is off."""
    squares = (sample - sample.mean()) ** 2
    return float((squares.mean() - variance) / (squares.std() / np.sqrt(len(sample))))
