"""Durations made of others: several added up, or one of several. What a single duration is stands elsewhere."""

from collections.abc import Sequence as Ordered
from functools import cached_property
from typing import Annotated, Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from twin.distributions.base import AT_LEAST_ONE, Filler, Floats, Lasting, shares, which
from twin.distributions.bounded import Constant, Pert, Triangular, Uniform
from twin.distributions.tables import Discrete, Empirical, Sequence
from twin.distributions.unbounded import Erlang, Exponential, Gamma, Lognormal, Weibull

_FIRST_TRIES = 64
_MOST_TRIES = 8192


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
    duration: "Duration"
    """How long it takes, in a unit of its own."""


class SumPart(_Part):
    """A duration that is added, always or with a probability."""

    probability: float = Field(default=1.0, ge=0, le=1)
    """How often it is there."""


class MixturePart(_Part):
    """A duration that is chosen by weight."""

    weight: float = Field(ge=0)
    """How often it is chosen; only the proportions matter."""


class _Compound(Lasting):
    def _chances(self) -> list[tuple["Duration", float]]:
        """Return each part's duration and how likely it is."""
        raise NotImplementedError

    def _fill(self, fillers: Ordered[Filler], rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        raise NotImplementedError

    def sample_us(self, rng: np.random.Generator, n: int) -> list[int]:
        """Return `n` durations in whole microseconds, never negative."""
        return self.filler()(rng, n)

    def filler(self) -> Filler:
        """Return a fresh source that draws each part from a fresh source of its own."""
        fillers = [duration.filler() for duration, _ in self._chances()]
        return lambda rng, n: cast("list[int]", self._fill(fillers, rng, n).tolist())

    def remaining_us(self, rng: np.random.Generator, elapsed_us: int) -> int:
        """Return what is left of a duration already under way for `elapsed_us`; 0 when it should be over by now.

        Exact by rejection while about one draw in a thousand is longer; beyond, what is left of the part that has most
        left.
        """
        if elapsed_us >= self.longest_us():
            return 0
        tries = _FIRST_TRIES
        while tries <= _MOST_TRIES:
            drawn = np.asarray(self.sample_us(rng, tries))
            longer = drawn[drawn > elapsed_us]
            if longer.size:
                return int(rng.choice(longer)) - elapsed_us
            tries *= 2
        return max(duration.remaining_us(rng, elapsed_us) for duration, chance in self._chances() if chance > 0)


class Sum(_Compound):
    """Several durations one after the other, each there with its probability, independently."""

    kind: Literal["sum"]
    parts: tuple[SumPart, ...] = Field(json_schema_extra=AT_LEAST_ONE)
    """What is added up."""

    def check(self) -> None:
        """Raise ValueError when there is no part."""
        if not self.parts:
            raise ValueError("expected at least one part")

    def mean_us(self) -> float:
        """Return the sum of probability × mean."""
        return sum(part.probability * part.duration.mean_us() for part in self.parts)

    def variance_us2(self) -> float:
        """Return the sum of the parts' variances: p (variance + mean²) − (p mean)² each."""
        return sum(
            part.probability * part.duration.variance_us2()
            + part.probability * (1 - part.probability) * part.duration.mean_us() ** 2
            for part in self.parts
        )

    def longest_us(self) -> float:
        """Return the sum of the longest of all parts that may be there."""
        return sum(duration.longest_us() for duration, chance in self._chances() if chance > 0)

    def _chances(self) -> list[tuple["Duration", float]]:
        return [(part.duration, part.probability) for part in self.parts]

    def _fill(self, fillers: Ordered[Filler], rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        total = np.zeros(n, dtype=np.int64)
        for part, fill in zip(self.parts, fillers, strict=True):
            there = np.full(n, True) if part.probability == 1 else rng.random(n) < part.probability
            total[there] += np.asarray(fill(rng, int(there.sum())), dtype=np.int64)
        return total


class Mixture(_Compound):
    """One of several durations, chosen by weight."""

    kind: Literal["mixture"]
    parts: tuple[MixturePart, ...] = Field(json_schema_extra=AT_LEAST_ONE)
    """What is chosen from."""

    def check(self) -> None:
        """Raise ValueError when no part has a weight."""
        shares(np.array([part.weight for part in self.parts]))

    @cached_property
    def _shares(self) -> Floats:
        return shares(np.array([part.weight for part in self.parts]))

    def mean_us(self) -> float:
        """Return the weighted mean of the means."""
        return float(self._shares @ [part.duration.mean_us() for part in self.parts])

    def variance_us2(self) -> float:
        """Return the mean of the parts' variances plus the variance of their means."""
        within = [part.duration.variance_us2() for part in self.parts]
        between = [(part.duration.mean_us() - self.mean_us()) ** 2 for part in self.parts]
        return float(self._shares @ within + self._shares @ between)

    def longest_us(self) -> float:
        """Return the longest of all parts that have a weight."""
        return max(duration.longest_us() for duration, chance in self._chances() if chance > 0)

    def _chances(self) -> list[tuple["Duration", float]]:
        return [(part.duration, part.weight) for part in self.parts]

    def _fill(self, fillers: Ordered[Filler], rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        chosen = which(np.cumsum(self._shares), rng, n)
        drawn = np.zeros(n, dtype=np.int64)
        for number, fill in enumerate(fillers):
            own = chosen == number
            drawn[own] = fill(rng, int(own.sum()))
        return drawn


def _has_kind(value: Any) -> Any:
    if isinstance(value, Lasting) or (isinstance(value, dict) and value.get("kind") in KINDS):
        return value
    example = "{kind: constant, value: 5, unit: min}"
    raise ValueError(f"expected a duration such as {example}, its kind one of {', '.join(KINDS)}")


Duration = Annotated[
    Constant | Uniform | Exponential | Erlang | Gamma | Lognormal | Weibull | Pert | Triangular
    | Discrete | Empirical | Sequence | Sum | Mixture,
    Field(discriminator="kind", title="Duration"),
    BeforeValidator(_has_kind),
]  # fmt: skip
"""Any duration a lab file may state, told apart by `kind`."""

for _model in (_Part, SumPart, MixturePart, Sum, Mixture):
    _model.model_rebuild()

_FAMILIES = get_args(get_args(Duration)[0])
KINDS: tuple[str, ...] = tuple(get_args(family.model_fields["kind"].annotation)[0] for family in _FAMILIES)
"""Every kind of duration."""
