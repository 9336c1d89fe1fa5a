"""Families of duration between a lowest and a highest value: constant, uniform, triangular, PERT. No tables.

A residual inverts the survival function, or draws from a simpler tail and keeps what the density's ratio says: both are
exact however near the highest value the age is.
"""

import math
from typing import Literal

import numpy as np
from pydantic import Field

from twin.distributions.base import Floats, InUnit


class Constant(InUnit):
    """Always the same."""

    kind: Literal["constant"]
    value: float = Field(ge=0)
    """How long, always."""

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return the value `n` times."""
        del rng
        return np.full(n, self.value)

    def mean_value(self) -> float:
        """Return the value."""
        return self.value

    def variance_value(self) -> float:
        """Return 0."""
        return 0.0

    def longest_value(self) -> float:
        """Return the value."""
        return self.value

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        """Return the value."""
        del rng, age
        return self.value


class Uniform(InUnit):
    """Equally likely between low and high."""

    kind: Literal["uniform"]
    low: float = Field(ge=0)
    """The shortest."""
    high: float = Field(ge=0)
    """The longest."""

    def check(self) -> None:
        """Raise ValueError unless low ≤ high."""
        in_order(low=self.low, high=self.high)

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` uniform values."""
        return rng.uniform(self.low, self.high, n)

    def mean_value(self) -> float:
        """Return the midpoint."""
        return (self.low + self.high) / 2

    def variance_value(self) -> float:
        """Return width² / 12."""
        return (self.high - self.low) ** 2 / 12

    def longest_value(self) -> float:
        """Return high."""
        return self.high

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        """Return a value between the age and the top."""
        return rng.uniform(max(age, self.low), self.high)


class _ThreePoints(InUnit):
    low: float = Field(ge=0)
    """The shortest."""
    mode: float = Field(ge=0)
    """The likeliest."""
    high: float = Field(ge=0)
    """The longest."""

    def check(self) -> None:
        """Raise ValueError unless low ≤ mode ≤ high."""
        in_order(low=self.low, mode=self.mode, high=self.high)

    def longest_value(self) -> float:
        """Return high."""
        return self.high


class Triangular(_ThreePoints):
    """Density rises in a straight line from low to the mode and falls to high."""

    kind: Literal["triangular"]

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` triangular values."""
        if self.low == self.high:
            return np.full(n, self.low)
        return rng.triangular(self.low, self.mode, self.high, n)

    def mean_value(self) -> float:
        """Return (low + mode + high) / 3."""
        return (self.low + self.mode + self.high) / 3

    def variance_value(self) -> float:
        """Return the variance: the mean of the three squared distances between the corners, divided by 12."""
        rise, fall, width = self.mode - self.low, self.high - self.mode, self.high - self.low
        return (rise**2 + fall**2 + width**2) / 36

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        """Return a longer value by inverting the survival function."""
        if self.low == self.high:
            return self.high
        luck = 1.0 - rng.random()
        if age >= self.mode:
            return self.high - (self.high - age) * math.sqrt(luck)
        width, rise, fall = self.high - self.low, self.mode - self.low, self.high - self.mode
        survival = luck * (1 - (age - self.low) ** 2 / width / rise) if age > self.low else luck
        if survival <= fall / width:
            return self.high - math.sqrt(survival * width * fall)
        return max(age, self.low + math.sqrt((1 - survival) * width * rise))


class Pert(_ThreePoints):
    """Beta-PERT from optimistic, most likely and pessimistic, lambda 4 (as in the Addenbrooke's workbook)."""

    kind: Literal["pert"]

    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        """Return `n` PERT values."""
        if self.low == self.high:
            return np.full(n, self.low)
        up, down = pert_powers(self.low, self.mode, self.high)
        return self.low + (self.high - self.low) * rng.beta(1 + up, 1 + down, n)

    def mean_value(self) -> float:
        """Return (low + 4 mode + high) / 6."""
        return (self.low + 4 * self.mode + self.high) / 6

    def variance_value(self) -> float:
        """Return (mean − low)(high − mean) / 7."""
        return (self.mean_value() - self.low) * (self.high - self.mean_value()) / 7

    def beyond(self, rng: np.random.Generator, age: float) -> float:
        """Return a longer value, exactly: the falling factor of the density inverted, the rising one by rejection.

        At least one try in ten is kept, whatever the age.
        """
        if self.low == self.high:
            return self.high
        up, down = pert_powers(self.low, self.mode, self.high)
        width = self.high - self.low
        room = (self.high - max(age, self.low)) / width
        while True:
            top = room * math.exp(-rng.exponential() / (1 + down))
            if rng.random() < (1 - top) ** up:
                return self.high - width * top


def pert_powers(low: float, mode: float, high: float) -> tuple[float, float]:
    """Return the powers of (x − low) and (high − x) in the PERT density with lambda 4; low must be below high."""
    return 4 * (mode - low) / (high - low), 4 * (high - mode) / (high - low)


def in_order(**named: float) -> None:
    """Raise ValueError naming the parameters when one is above the next."""
    if list(named.values()) != sorted(named.values()):
        given = ", ".join(f"{name} {value:g}" for name, value in named.items())
        raise ValueError(f"expected {' ≤ '.join(named)}, got {given}")
