"""How many: a whole number, a table of weights, or a family of counts; all drawn through one table. No durations."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Discriminator, Field, RootModel, Tag, model_validator

from twin.distributions.base import Floats, shares, which
from twin.distributions.bounded import in_order
from twin.distributions.rounding import pert_below, rounded, triangular_below

_NEGLIGIBLE = 1e-12
_LARGEST_MEAN = 10_000


class _Family(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        self.check()
        return self

    def check(self) -> None:
        """Raise ValueError, saying what was expected, when the parameters contradict each other."""

    def probabilities(self) -> dict[int, float]:
        """Return every possible count and its probability."""
        raise NotImplementedError


class WeightedCount(_Family):
    """Whole numbers and their weights; only the proportions matter."""

    weights: dict[Annotated[int, Field(ge=0)], Annotated[float, Field(ge=0)]] = Field(
        min_length=1, json_schema_extra={"propertyNames": {"pattern": "^[0-9]+$"}}
    )
    """Each possible count and its weight."""

    def check(self) -> None:
        """Raise ValueError when all weights are zero."""
        shares(np.array(list(self.weights.values())))

    def probabilities(self) -> dict[int, float]:
        """Return the shares of the weights."""
        numbers = sorted(number for number, weight in self.weights.items() if weight > 0)
        return _table(numbers, np.array([self.weights[number] for number in numbers]))


class _Rounded(_Family):
    low: int = Field(ge=0)
    """The fewest."""
    mode: int = Field(ge=0)
    """The likeliest."""
    high: int = Field(ge=0)
    """The most."""

    def check(self) -> None:
        """Raise ValueError unless low ≤ mode ≤ high."""
        in_order(low=self.low, mode=self.mode, high=self.high)


class RoundedPertCount(_Rounded):
    """A rounded beta-PERT value, lambda 4 (the rule of the Addenbrooke's workbook, see `rounding`)."""

    kind: Literal["rounded_pert"]

    def probabilities(self) -> dict[int, float]:
        """Return the exact probabilities from low to high."""
        return rounded(self.low, self.mode, self.high, pert_below)


class RoundedTriangularCount(_Rounded):
    """A triangular value rounded by the same rule."""

    kind: Literal["rounded_triangular"]

    def probabilities(self) -> dict[int, float]:
        """Return the exact probabilities from low to high."""
        return rounded(self.low, self.mode, self.high, triangular_below)


class GeometricCount(_Family):
    """1, 2, 3, … with one more each time at the same chance, by its mean."""

    kind: Literal["geometric"]
    mean: float = Field(ge=1, le=_LARGEST_MEAN)
    """The mean count."""

    def probabilities(self) -> dict[int, float]:
        """Return (1 − p)^(n − 1) p with p = 1 / mean, as far as 10⁻¹² is left."""
        again = 1 - 1 / self.mean
        last = math.ceil(math.log(_NEGLIGIBLE) / math.log(again)) if again > 0 else 1
        return _table(range(1, last + 1), again ** np.arange(float(last)))


class PoissonCount(_Family):
    """0, 1, 2, … events that come independently, by its mean."""

    kind: Literal["poisson"]
    mean: float = Field(gt=0, le=_LARGEST_MEAN)
    """The mean count."""

    def probabilities(self) -> dict[int, float]:
        """Return mean^n e^(−mean) / n!, as far as 10⁻¹² is left."""
        numbers = range(math.ceil(self.mean + 12 * math.sqrt(self.mean) + 40))
        chances = np.exp([n * math.log(self.mean) - self.mean - math.lgamma(n + 1) for n in numbers])
        left = np.cumsum(chances[::-1])[::-1]
        last = int((left > _NEGLIGIBLE).sum())
        return _table(numbers[:last], chances[:last])


def _table(numbers: Sequence[int], weights: Floats) -> dict[int, float]:
    return dict(zip(numbers, cast("list[float]", shares(weights).tolist()), strict=True))


def _form(value: Any) -> str | None:
    if isinstance(value, _Family):
        return getattr(value, "kind", "weights")
    if isinstance(value, dict):
        return "weights" if "weights" in value and "kind" not in value else value.get("kind")
    return "whole number" if isinstance(value, int) and not isinstance(value, bool) else None


Form = Annotated[
    Annotated[int, Field(ge=0), Tag("whole number")]
    | Annotated[WeightedCount, Tag("weights")]
    | Annotated[RoundedPertCount, Tag("rounded_pert")]
    | Annotated[RoundedTriangularCount, Tag("rounded_triangular")]
    | Annotated[GeometricCount, Tag("geometric")]
    | Annotated[PoissonCount, Tag("poisson")],
    Discriminator(
        _form,
        custom_error_type="count",
        custom_error_message=(
            "expected a count: a whole number, {weights: {1: 80, 2: 20}}, or a kind of "
            "rounded_pert, rounded_triangular (low, mode, high), geometric, poisson (mean)"
        ),
    ),
]
"""Everything a count may be written as."""


class Count(RootModel[Form]):
    """How many: a whole number, a table of weights, or a family of counts."""

    model_config = ConfigDict(frozen=True)

    def table(self) -> dict[int, float]:
        """Return every possible count and its probability; of an endless family as far as 10⁻¹² is left."""
        return dict(self._chances)

    def sample(self, rng: np.random.Generator, n: int) -> list[int]:
        """Return `n` counts; no luck is used when only one is possible."""
        if len(self._numbers) == 1:
            return [int(self._numbers[0])] * n
        return cast("list[int]", self._numbers[which(self._bounds, rng, n)].tolist())

    def mean(self) -> float:
        """Return the mean count."""
        return sum(number * chance for number, chance in self._chances.items())

    def least(self) -> int:
        """Return the smallest possible count."""
        return min(self._chances)

    @cached_property
    def _chances(self) -> dict[int, float]:
        return {self.root: 1.0} if isinstance(self.root, int) else self.root.probabilities()

    @cached_property
    def _numbers(self) -> NDArray[np.int64]:
        return np.array(list(self._chances), dtype=np.int64)

    @cached_property
    def _bounds(self) -> Floats:
        return np.cumsum(list(self._chances.values()))
