"""Durations given as a table of values: drawn by weight, smoothed between neighbours, or in turn. No formulas."""

from collections.abc import Iterator
from functools import cached_property
from itertools import cycle, islice
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from twin.distributions.base import AT_LEAST_ONE, Filler, Floats, Lasting, shares, which, whole_us
from twin.distributions.units import MICROSECONDS, Unit

Weight = Annotated[float, Field(ge=0)]


class _Atoms:
    """Values that occur with a probability each; µs."""

    def __init__(self, values: Floats, parts: Floats) -> None:
        self._values = values
        self._shares = parts
        self._bounds = np.cumsum(parts)

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        drawn: Floats = self._values[which(self._bounds, rng, n)]
        return drawn

    def mean(self) -> float:
        return float(self._shares @ self._values)

    def variance(self) -> float:
        return float(self._shares @ (self._values - self.mean()) ** 2)

    def longest(self) -> float:
        return float(self._values.max())

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        longer = self._values > age
        return float(self._values[longer][which(np.cumsum(self._shares[longer]), rng, 1)[0]])


class _Segments:
    """Values spread evenly between neighbours, each stretch weighing as the mean of its two ends; µs."""

    def __init__(self, values: Floats, parts: Floats) -> None:
        order = np.argsort(values, kind="stable")
        self._values = values[order]
        stretches = shares((parts[order][1:] + parts[order][:-1]) / 2)
        self._below = np.concatenate(([0.0], np.cumsum(stretches)))
        self._stretches = stretches

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return self._quantile(rng.random(n))

    def mean(self) -> float:
        return float(self._stretches @ (self._values[1:] + self._values[:-1]) / 2)

    def variance(self) -> float:
        low, high = self._values[:-1] - self.mean(), self._values[1:] - self.mean()
        return float(self._stretches @ (low**2 + low * high + high**2) / 3)

    def longest(self) -> float:
        return float(self._values[-1])

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        passed = self._passed(age)
        return float(self._quantile(np.array([passed + (1 - passed) * rng.random()]))[0])

    def _quantile(self, below: Floats) -> Floats:
        found: Floats = np.interp(below * self._below[-1], self._below, self._values)
        return found

    def _passed(self, age: float) -> float:
        above = int(np.searchsorted(self._values, age, side="right"))
        if above == 0:
            return 0.0
        low, high = self._values[above - 1 : above + 1]
        return float(self._below[above - 1] + self._stretches[above - 1] * (age - low) / (high - low))


class _Table(Lasting):
    unit: Unit = "min"
    """The unit of the values: s, min, h or d."""
    values: tuple[Annotated[float, Field(ge=0)], ...] = Field(json_schema_extra=AT_LEAST_ONE)
    """How long; in the order of use where that counts."""

    def _weights(self) -> tuple[float, ...]:
        return (1.0,) * len(self.values)

    @cached_property
    def _law(self) -> _Atoms | _Segments:
        return _Atoms(*self._kept())

    def _kept(self) -> tuple[Floats, Floats]:
        """Return the values that have a weight, µs, and their shares."""
        values, parts = self._values_us, shares(np.asarray(self._weights(), dtype=float))
        return values[parts > 0], parts[parts > 0]

    @cached_property
    def _values_us(self) -> Floats:
        return np.asarray(whole_us(np.asarray(self.values) * MICROSECONDS[self.unit]), dtype=float)

    def check(self) -> None:
        """Raise ValueError unless there are values, and as many weights, not all zero."""
        if not self.values:
            raise ValueError("expected at least one value")
        if len(self._weights()) != len(self.values):
            raise ValueError(f"expected as many weights as values, got {len(self._weights())} and {len(self.values)}")
        shares(np.asarray(self._weights(), dtype=float))

    def sample_us(self, rng: np.random.Generator, n: int) -> list[int]:
        """Return `n` durations in whole microseconds, never negative."""
        return whole_us(self._law.draw(rng, n))

    def mean_us(self) -> float:
        """Return the mean in microseconds."""
        return self._law.mean()

    def variance_us2(self) -> float:
        """Return the variance in square microseconds."""
        return self._law.variance()

    def longest_us(self) -> float:
        """Return the longest value with a weight, in microseconds."""
        return self._law.longest()

    def remaining_us(self, rng: np.random.Generator, elapsed_us: int) -> int:
        """Return what is left of a duration already under way for `elapsed_us`; 0 when it should be over by now."""
        if elapsed_us >= self.longest_us():
            return 0
        return max(round(self._law.beyond(rng, elapsed_us)) - elapsed_us, 0)


class Discrete(_Table):
    """One of some values, each with a weight."""

    kind: Literal["discrete"]
    weights: tuple[Weight, ...]
    """How often each value comes; only the proportions matter."""

    def _weights(self) -> tuple[float, ...]:
        return self.weights


class Empirical(_Table):
    """Observed values, each with a weight (all equal unless given).

    `smooth` draws between them too: the observed distribution function, joined by straight lines from the lowest value
    to the highest (Law & Kelton). With weights, each stretch weighs as the mean of its two ends.
    """

    kind: Literal["empirical"]
    weights: tuple[Weight, ...] | None = None
    """How often each value comes; left out: all alike."""
    smooth: bool = False
    """Whether values between those observed may come too."""

    def _weights(self) -> tuple[float, ...]:
        return super()._weights() if self.weights is None else self.weights

    @cached_property
    def _law(self) -> _Atoms | _Segments:
        return (_Segments if self.smooth else _Atoms)(*self._kept())

    def check(self) -> None:
        """Raise ValueError unless the weights match and there is something to draw between."""
        super().check()
        if self.smooth and len(self._kept()[0]) < 2:
            raise ValueError("expected at least two values with a weight: smooth draws between them")


class Sequence(_Table):
    """The values in turn, again from the first after the last; a residual takes any that is longer, equally likely."""

    kind: Literal["sequence"]

    def sample_us(self, rng: np.random.Generator, n: int) -> list[int]:
        """Return the first `n` values in turn."""
        return self.filler()(rng, n)

    def filler(self) -> Filler:
        """Return a source that goes on where it stopped."""
        turn: Iterator[int] = cycle([int(value) for value in self._values_us])
        return lambda _, n: list(islice(turn, n))
