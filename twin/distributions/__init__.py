"""Distributions a lab file may name: how long, or how many; sampled only with a generator that is handed in.

No files, no clocks, no named streams (see `variates`). Durations are whole microseconds.

`units` seconds to days · `base` what every duration can do · `bounded` and `unbounded` families · `tables` of values ·
`compound` sums and mixtures · `counts` how many · `rounding` whole numbers from continuous values.
"""

from twin.distributions.base import Filler, Floats
from twin.distributions.bounded import Constant, Pert, Triangular, Uniform
from twin.distributions.compound import Duration, Mixture, MixturePart, Sum, SumPart
from twin.distributions.counts import Count
from twin.distributions.tables import Discrete, Empirical, Sequence
from twin.distributions.unbounded import Erlang, Exponential, Gamma, Lognormal, Weibull
from twin.distributions.units import DAY, HOUR, LONGEST_US, MICROSECONDS, MINUTE, SECOND, Unit

__all__ = [
    "DAY", "HOUR", "LONGEST_US", "MICROSECONDS", "MINUTE", "SECOND", "Constant", "Count", "Discrete", "Duration",
    "Empirical", "Erlang", "Exponential", "Filler", "Floats", "Gamma", "Lognormal", "Mixture", "MixturePart", "Pert",
    "Sequence", "Sum", "SumPart", "Triangular", "Uniform", "Unit", "Weibull",
]  # fmt: skip
