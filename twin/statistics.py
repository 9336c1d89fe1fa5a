"""Intervals over replications: Student's t, without scipy. Knows nothing of labs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over replications with its 95 % confidence interval; the bounds are NaN for a single replication."""

    mean: float
    low: float
    high: float


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean and 95 % t-interval of independent values; NaN values (nothing to measure) are left out."""
    known = np.array([value for value in values if not math.isnan(value)])
    if not known.size:
        return Estimate(math.nan, math.nan, math.nan)
    mean = float(known.mean())
    if known.size < 2:
        return Estimate(mean, math.nan, math.nan)
    half = t_975(known.size - 1) * float(known.std(ddof=1)) / math.sqrt(known.size)
    return Estimate(mean, mean - half, mean + half)


_EXACT = {1: 12.7062, 2: 4.30265}


def t_975(degrees: int) -> float:
    """Return Student's 97.5 % quantile: tabled for 1 and 2 degrees, else Hill's expansion, good to 0.1 %."""
    if degrees in _EXACT:
        return _EXACT[degrees]
    z = 1.959963984540054
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + g1 / degrees + g2 / degrees**2 + g3 / degrees**3 + g4 / degrees**4
