"""The laws that times follow, as figures. Every engine samples them with its own generators: no luck lives here."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """Always the same, in hours."""

    hours: float


@dataclass(frozen=True)
class Uniform:
    """Anything from `low` to `high` hours, equally likely."""

    low: float
    high: float


@dataclass(frozen=True)
class Triangular:
    """From `low` to `high` hours, most often `mode`."""

    low: float
    mode: float
    high: float


@dataclass(frozen=True)
class Exponential:
    """Without memory, `mean` in hours."""

    mean: float


@dataclass(frozen=True)
class Erlang:
    """The sum of so many equal exponential stages, `mean` in hours of all together."""

    mean: float
    stages: int


@dataclass(frozen=True)
class Gamma:
    """Gamma by its mean in hours and its coefficient of variation."""

    mean: float
    cv: float

    @property
    def shape(self) -> float:
        return 1 / self.cv**2

    @property
    def scale(self) -> float:
        return self.mean * self.cv**2


@dataclass(frozen=True)
class Lognormal:
    """Lognormal by its mean in hours and its coefficient of variation."""

    mean: float
    cv: float

    @property
    def mu(self) -> float:
        return math.log(self.mean) - self.sigma**2 / 2

    @property
    def sigma(self) -> float:
        return math.sqrt(math.log1p(self.cv**2))


@dataclass(frozen=True)
class Weibull:
    """Weibull by its shape and its scale in hours."""

    shape: float
    scale: float


@dataclass(frozen=True)
class Recorded:
    """These hours in turn, and again from the first after the last."""

    hours: tuple[float, ...]


Law = Constant | Uniform | Triangular | Exponential | Erlang | Gamma | Lognormal | Weibull | Recorded
