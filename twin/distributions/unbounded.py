"""Families of duration without a highest value: exponential, Erlang, gamma, lognormal, Weibull. No tables.

A residual never waits for a rare draw: it inverts the survival function, or draws from an exponential tail that covers
the density and keeps what their ratio says. So it is exact in the tail, where work that has long been overdue is found.
"""

import math
from statistics import NormalDist
from typing import Literal

import numpy as np
from pydantic import Field

from twin.distributions.base import Floats, InUnit

_NORMAL = NormalDist()


class Exponential(InUnit):
    """Memoryless, by its mean."""

    kind: Literal["exponential"]
    mean: float = Field(gt=0)
    """The mean."""

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` exponential values."""
        return rng.exponential(self.mean, n)

    def mean_value(self) -> float:
        """Return the mean."""
        return self.mean

    def variance_value(self) -> float:
        """Return the mean squared."""
        return self.mean**2

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        """Return the age and a fresh draw: an exponential does not age."""
        return age + rng.exponential(self.mean)


class _Gamma(InUnit):
    mean: float = Field(gt=0)
    """The mean."""

    def _shape(self) -> float:
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` gamma values."""
        return rng.gamma(self._shape(), self.mean / self._shape(), n)

    def mean_value(self) -> float:
        """Return the mean."""
        return self.mean

    def variance_value(self) -> float:
        """Return mean² / shape."""
        return self.mean**2 / self._shape()

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        """Return a longer value by rejection; at least one try in seven is kept, whatever the age."""
        scale = self.mean / self._shape()
        find = _beyond_of_low_shape if self._shape() < 1 else _beyond_of_high_shape
        return max(age, scale * find(rng, self._shape(), age / scale))


class Erlang(_Gamma):
    """The sum of so many equal exponential stages, by its mean."""

    kind: Literal["erlang"]
    stages: int = Field(ge=1)
    """How many exponential stages follow each other."""

    def _shape(self) -> float:
        return float(self.stages)


class Gamma(_Gamma):
    """Right-skewed, by its mean and coefficient of variation (standard deviation / mean)."""

    kind: Literal["gamma"]
    cv: float = Field(gt=0)
    """The standard deviation divided by the mean."""

    def _shape(self) -> float:
        return 1 / self.cv**2


class Lognormal(InUnit):
    """Right-skewed, by its mean and coefficient of variation (standard deviation / mean)."""

    kind: Literal["lognormal"]
    mean: float = Field(gt=0)
    """The mean."""
    cv: float = Field(gt=0)
    """The standard deviation divided by the mean."""

    @property
    def _sigma(self) -> float:
        return math.sqrt(math.log1p(self.cv**2))

    @property
    def _mu(self) -> float:
        return math.log(self.mean) - self._sigma**2 / 2

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` lognormal values."""
        return rng.lognormal(self._mu, self._sigma, n)

    def mean_value(self) -> float:
        """Return the mean."""
        return self.mean

    def variance_value(self) -> float:
        """Return (mean × cv)²."""
        return (self.mean * self.cv) ** 2

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        """Return a longer value: the exponential of a normal value known to exceed the age's logarithm."""
        z = _normal_beyond(rng, (math.log(age) - self._mu) / self._sigma)
        return max(age, math.exp(self._mu + self._sigma * z))


class Weibull(InUnit):
    """Ages faster (shape above 1) or slower (below 1) with time, by shape and scale."""

    kind: Literal["weibull"]
    shape: float = Field(ge=0.1)
    """Below 1 the older lasts longer, above 1 it is the sooner over; 1 is exponential."""
    scale: float = Field(gt=0)
    """What 63.2 % stay below."""

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` Weibull values."""
        return self.scale * rng.weibull(self.shape, n)

    def mean_value(self) -> float:
        """Return scale Γ(1 + 1/shape)."""
        return self.scale * math.gamma(1 + 1 / self.shape)

    def variance_value(self) -> float:
        """Return scale² (Γ(1 + 2/shape) − Γ(1 + 1/shape)²)."""
        return self.scale**2 * max(math.gamma(1 + 2 / self.shape) - math.gamma(1 + 1 / self.shape) ** 2, 0.0)

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        """Return a longer value: (value / scale)^shape is exponential and does not age."""
        aged = math.exp(min(self.shape * math.log(age / self.scale), _LARGEST_EXPONENT))
        return max(age, self.scale * math.pow(aged + rng.exponential(), 1 / self.shape))


_LARGEST_EXPONENT = 700.0
_INVERTED_BELOW = 1.0


def _normal_beyond(rng: np.random.Generator, age: float) -> float:
    """Return one standard normal value known to exceed `age`.

    Up to 1 by inversion; above by rejection from a Rayleigh tail (Marsaglia, Technometrics 6, 1964), which keeps at
    least two in three.
    """
    if age < _INVERTED_BELOW:
        chance = 0.5 * math.erfc(age / math.sqrt(2)) * (1.0 - rng.random())
        return max(age, -_NORMAL.inv_cdf(chance)) if chance < 1 else age
    while True:
        value = math.sqrt(age**2 + 2 * rng.exponential())
        if rng.random() * value < age:
            return value


def _beyond_of_high_shape(rng: np.random.Generator, shape: float, age: float) -> float:
    """Return one gamma value of scale 1 and shape ≥ 1 known to exceed `age`.

    Plain rejection up to a standard deviation over the mode; above, the density's logarithm lies under its tangent at
    the age, so an exponential tail covers it.
    """
    if age < shape - 1 + math.sqrt(shape):
        while True:
            value = rng.gamma(shape)
            if value > age:
                return value
    slope = 1 - (shape - 1) / age
    while True:
        excess = rng.exponential() / slope
        if rng.random() < math.exp((shape - 1) * (math.log1p(excess / age) - excess / age)):
            return age + excess


def _beyond_of_low_shape(rng: np.random.Generator, shape: float, age: float) -> float:
    """Return one gamma value of scale 1 and shape < 1 known to exceed `age`.

    Covered by the power of the density up to 1 and by its exponential above.
    """
    start, corner = age**shape, max(age, 1.0)
    near = (corner**shape - start) / shape
    far = corner ** (shape - 1) * math.exp(-corner)
    while True:
        if rng.random() * (near + far) < near:
            value = math.pow(start + rng.random() * (corner**shape - start), 1 / shape)
            kept = math.exp(-value)
        else:
            value = corner + rng.exponential()
            kept = math.pow(value / corner, shape - 1)
        if rng.random() < kept:
            return value
