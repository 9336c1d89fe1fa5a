"""What every duration can do, and how one does it that is stated in a unit of its own. No family lives here."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from twin.distributions.units import LONGEST_US, MICROSECONDS, Unit

Floats = NDArray[np.float64]
Filler = Callable[[np.random.Generator, int], list[int]]
"""Returns the next so many durations, whole microseconds, with the luck it is handed."""


class Lasting(BaseModel):
    """How long something takes: drawn, conditioned on its age, and described by its moments."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        self.check()
        if not self.mean_us() <= LONGEST_US:
            raise ValueError("expected a mean of at most 1000 years: is the unit right?")
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy that is checked again, and keeps nothing that was worked out from the old parameters."""
        del deep
        return self.model_validate({**dict(self), **(update or {})})

    def check(self) -> None:
        """Raise ValueError, saying what was expected, when the parameters contradict each other."""

    def sample_us(self, rng: np.random.Generator, n: int) -> list[int]:
        """Return `n` durations in whole microseconds, never negative."""
        raise NotImplementedError

    def mean_us(self) -> float:
        """Return the mean in microseconds, before rounding to whole ones."""
        raise NotImplementedError

    def variance_us2(self) -> float:
        """Return the variance in square microseconds, before rounding to whole ones."""
        raise NotImplementedError

    def longest_us(self) -> float:
        """Return the longest possible duration in microseconds; infinite when there is no bound."""
        return math.inf

    def remaining_us(self, rng: np.random.Generator, elapsed_us: int) -> int:
        """Return what is left of a duration already under way for `elapsed_us`; 0 when it should be over by now."""
        raise NotImplementedError

    def filler(self) -> Filler:
        """Return a fresh source of durations; it may remember what it has given, as a sequence does."""
        return self.sample_us


class InUnit(Lasting):
    """A duration whose parameters are in `unit`, minutes unless given; a family says the rest in that unit."""

    unit: Unit = "min"
    """The unit of its parameters: s, min, h or d."""

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` durations in the distribution's own unit."""
        raise NotImplementedError

    def mean_value(self) -> float:
        """Return the mean in the distribution's own unit."""
        raise NotImplementedError

    def variance_value(self) -> float:
        """Return the variance in the square of the distribution's own unit."""
        raise NotImplementedError

    def longest_value(self) -> float:
        """Return the longest possible duration in the distribution's own unit; infinite when there is no bound."""
        return math.inf

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        """Return one duration known to exceed `age`, which is above 0 and below the longest; in the own unit."""
        raise NotImplementedError

    def sample_us(self, rng: np.random.Generator, n: int) -> list[int]:
        """Return `n` durations in whole microseconds, never negative."""
        return whole_us(self.draw(rng, n) * MICROSECONDS[self.unit])

    def mean_us(self) -> float:
        """Return the mean in microseconds, before rounding to whole ones."""
        return self.mean_value() * MICROSECONDS[self.unit]

    def variance_us2(self) -> float:
        """Return the variance in square microseconds, before rounding to whole ones."""
        return self.variance_value() * MICROSECONDS[self.unit] ** 2

    def longest_us(self) -> float:
        """Return the longest possible duration in microseconds; infinite when there is no bound."""
        return self.longest_value() * MICROSECONDS[self.unit]

    def remaining_us(self, rng: np.random.Generator, elapsed_us: int) -> int:
        """Return what is left of a duration already under way for `elapsed_us`; 0 when it should be over by now."""
        if elapsed_us <= 0:
            return self.sample_us(rng, 1)[0] - elapsed_us
        age = elapsed_us / MICROSECONDS[self.unit]
        if age >= self.longest_value():
            return 0
        return max(round(self.beyond(rng, age) * MICROSECONDS[self.unit]) - elapsed_us, 0)


def whole_us(values_us: Floats) -> list[int]:
    """Return durations rounded to whole microseconds, none negative and none over a thousand years."""
    rounded = np.clip(np.rint(values_us), 0, LONGEST_US)
    return cast("list[int]", rounded.astype(np.int64).tolist())


AT_LEAST_ONE: dict[str, JsonValue] = {"minItems": 1}
"""For the JSON Schema of a list; the checks say it in their own words."""


def shares(weights: Floats) -> Floats:
    """Return weights as shares of one; raise ValueError when there is nothing to share."""
    if not 0 < weights.sum() < math.inf:
        raise ValueError("expected at least one weight above zero")
    divided: Floats = weights / weights.sum()
    return divided


def which(bounds: Floats, rng: np.random.Generator, n: int) -> NDArray[np.intp]:
    """Return `n` indices drawn by shares whose running sums are `bounds`: as `rng.choice`, without its checks."""
    found: NDArray[np.intp] = np.searchsorted(bounds, rng.random(n) * bounds[-1], side="right")
    return found
