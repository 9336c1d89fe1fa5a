"""Distributions a lab file may name: how long, or how many; sampled only with a generator that is handed in.

No files, no clocks, no named streams (see `variates`). Durations are whole microseconds.
"""

import math
from functools import cached_property
from statistics import NormalDist
from typing import Annotated, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Unit = Literal["s", "min", "h", "d"]
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MICROSECONDS: dict[Unit, int] = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
"""Microseconds in each unit a lab file may use."""

_NORMAL = NormalDist()
_REJECTION_DRAWS = 1024

Floats = NDArray[np.float64]


class _Duration(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    unit: Unit = "min"

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` durations in the distribution's own unit."""
        raise NotImplementedError

    def mean_value(self) -> float:
        """Return the mean in the distribution's own unit."""
        raise NotImplementedError

    def beyond(self, rng: np.random.Generator, age: float) -> float | None:
        """Return one duration known to exceed `age`, or None when none can; by rejection unless overridden."""
        draws = self.draw(rng, _REJECTION_DRAWS)
        longer = draws[draws > age]
        return float(longer[0]) if longer.size else None

    def sample_us(self, rng: np.random.Generator, n: int) -> list[int]:
        """Return `n` durations in whole microseconds, never negative."""
        rounded = np.maximum(np.rint(self.draw(rng, n) * MICROSECONDS[self.unit]), 0)
        return cast("list[int]", rounded.astype(np.int64).tolist())

    def mean_us(self) -> float:
        """Return the mean in microseconds."""
        return self.mean_value() * MICROSECONDS[self.unit]

    def remaining_us(self, rng: np.random.Generator, elapsed_us: int) -> int:
        """Return what is left of a duration already under way for `elapsed_us`; 0 when it should be over by now."""
        scale = MICROSECONDS[self.unit]
        whole = self.beyond(rng, max(elapsed_us, 0) / scale)
        return 0 if whole is None else max(round(whole * scale) - elapsed_us, 0)


def _which(shares: Floats, rng: np.random.Generator, n: int) -> NDArray[np.intp]:
    """Return `n` indices drawn by their shares: as `rng.choice`, without its checks."""
    bounds = np.cumsum(shares)
    found: NDArray[np.intp] = np.searchsorted(bounds, rng.random(n) * bounds[-1], side="right")
    return found


class Constant(_Duration):
    """Always the same."""

    kind: Literal["constant"]
    value: float = Field(ge=0)

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return the value `n` times."""
        del rng
        return np.full(n, self.value)

    def mean_value(self) -> float:
        """Return the value."""
        return self.value


class Uniform(_Duration):
    """Equally likely between low and high."""

    kind: Literal["uniform"]
    low: float = Field(ge=0)
    high: float = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> "Uniform":
        if self.high < self.low:
            raise ValueError("low must not exceed high")
        return self

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` uniform values."""
        return rng.uniform(self.low, self.high, n)

    def mean_value(self) -> float:
        """Return the midpoint."""
        return (self.low + self.high) / 2

    def beyond(self, rng: np.random.Generator, age: float) -> float | None:
        """Return a value between the age and the top."""
        return float(rng.uniform(max(age, self.low), self.high)) if age < self.high else None


class Exponential(_Duration):
    """Memoryless, by its mean."""

    kind: Literal["exponential"]
    mean: float = Field(gt=0)

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` exponential values."""
        return rng.exponential(self.mean, n)

    def mean_value(self) -> float:
        """Return the mean."""
        return self.mean

    def beyond(self, rng: np.random.Generator, age: float) -> float | None:
        """Return the age and a fresh draw: an exponential does not age."""
        return age + float(rng.exponential(self.mean))


class Pert(_Duration):
    """Beta-PERT from optimistic, most likely and pessimistic, lambda 4 (as in the Addenbrooke's workbook)."""

    kind: Literal["pert"]
    low: float = Field(ge=0)
    mode: float = Field(ge=0)
    high: float = Field(ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> "Pert":
        if not self.low <= self.mode <= self.high:
            raise ValueError("low, mode and high must be in this order")
        return self

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` PERT values."""
        width = self.high - self.low
        if width == 0:
            return np.full(n, self.low)
        up, down = 4 * (self.mode - self.low) / width, 4 * (self.high - self.mode) / width
        return self.low + width * rng.beta(1 + up, 1 + down, n)

    def mean_value(self) -> float:
        """Return (low + 4 mode + high) / 6."""
        return (self.low + 4 * self.mode + self.high) / 6

    def beyond(self, rng: np.random.Generator, age: float) -> float | None:
        """Return a longer value; past what sampling finds, one between the age and the top."""
        if age >= self.high:
            return None
        found = super().beyond(rng, age)
        return float(rng.uniform(age, self.high)) if found is None else found


class Lognormal(_Duration):
    """Right-skewed, by its mean and coefficient of variation (standard deviation / mean)."""

    kind: Literal["lognormal"]
    mean: float = Field(gt=0)
    cv: float = Field(gt=0)

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

    def beyond(self, rng: np.random.Generator, age: float) -> float | None:
        """Return a longer value by inverting the survival function, which stays exact in the tail."""
        if age <= 0:
            return float(self.draw(rng, 1)[0])
        survival = 0.5 * math.erfc((math.log(age) - self._mu) / self._sigma / math.sqrt(2))
        chance = survival * (1.0 - float(rng.random()))
        if chance <= 0:
            return None
        return max(age, math.exp(self._mu - self._sigma * _NORMAL.inv_cdf(chance))) if chance < 1 else age


class Empirical(_Duration):
    """Observed values, each with a weight (all equal unless given)."""

    kind: Literal["empirical"]
    values: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)
    weights: tuple[Annotated[float, Field(ge=0)], ...] | None = None

    @model_validator(mode="after")
    def _matching(self) -> "Empirical":
        if self.weights is not None and (len(self.weights) != len(self.values) or sum(self.weights) <= 0):
            raise ValueError("weights must be as many as values and not all zero")
        return self

    @cached_property
    def _shares(self) -> Floats:
        weights = np.ones(len(self.values)) if self.weights is None else np.asarray(self.weights, dtype=float)
        shares: Floats = weights / weights.sum()
        return shares

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` of the observed values."""
        drawn: Floats = np.asarray(self.values, dtype=float)[_which(self._shares, rng, n)]
        return drawn

    def mean_value(self) -> float:
        """Return the weighted mean."""
        return float(np.dot(self._shares, self.values))

    def beyond(self, rng: np.random.Generator, age: float) -> float | None:
        """Return one of the observed values above the age."""
        values, shares = np.asarray(self.values, dtype=float), self._shares
        longer = (values > age) & (shares > 0)
        if not longer.any():
            return None
        return float(rng.choice(values[longer], p=shares[longer] / shares[longer].sum()))


Duration = Annotated[
    Constant | Uniform | Exponential | Pert | Lognormal | Empirical,
    Field(discriminator="kind"),
]
"""Any duration a lab file may state, told apart by `kind`."""


class Count(BaseModel):
    """How many: a table of whole numbers ≥ 1 and their weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    weights: dict[Annotated[int, Field(ge=1)], Annotated[float, Field(ge=0)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _possible(self) -> "Count":
        if sum(self.weights.values()) <= 0:
            raise ValueError("the weights must not all be zero")
        return self

    @cached_property
    def _shares(self) -> Floats:
        weights = np.asarray(list(self.weights.values()), dtype=float)
        shares: Floats = weights / weights.sum()
        return shares

    def sample(self, rng: np.random.Generator, n: int) -> list[int]:
        """Return `n` counts."""
        return cast("list[int]", np.asarray(list(self.weights))[_which(self._shares, rng, n)].tolist())

    def mean(self) -> float:
        """Return the mean count."""
        return float(np.dot(self._shares, list(self.weights)))
