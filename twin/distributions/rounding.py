"""Probabilities of whole numbers that come from rounding a continuous value, as the Addenbrooke's workbook does.

The rule: mode + X without its fraction, where X lies between low − mode − ½ and high − mode + ½ and is likeliest at 0.
So the mode takes everything within one of it, and the ends half as much width as the others.
"""

import math
from collections.abc import Callable

import numpy as np

from twin.distributions.bounded import pert_powers

_TERMS = 80
Cumulative = Callable[[float, float, float], float]
"""The probability of lying below the last of (low, high, x), when 0 is the likeliest value."""


def rounded(low: int, mode: int, high: int, cumulative: Cumulative) -> dict[int, float]:
    """Return the probability of every whole number from low to high."""
    bottom, top = low - mode - 0.5, high - mode + 0.5
    edges = [bottom, *range(low - mode, 0), *range(1, high - mode + 1), top]
    below = np.array([cumulative(bottom, top, edge) for edge in edges])
    chances = np.diff(below).tolist()
    return dict(zip(range(low, high + 1), chances, strict=True))


def pert_below(low: float, high: float, x: float) -> float:
    """Return the beta-PERT distribution function (lambda 4, mode 0), from the beta function's power series."""
    up, down = pert_powers(low, 0.0, high)
    share = (x - low) / (high - low)
    if share <= 0.5:
        return _beta_below(share, 1 + up, 1 + down)
    return 1 - _beta_below(1 - share, 1 + down, 1 + up)


def triangular_below(low: float, high: float, x: float) -> float:
    """Return the triangular distribution function with its peak at 0."""
    if x <= 0:
        return (x - low) ** 2 / (high - low) / -low
    return 1 - (high - x) ** 2 / (high - low) / high


def _beta_below(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function for x ≤ ½: x^a / B(a, b) × Σ (1 − b)ₙ xⁿ / (n! (a + n))."""
    if x <= 0:
        return 0.0
    n = np.arange(1, _TERMS)
    terms = np.concatenate(([1.0], np.cumprod((n - b) / n * x)))
    total = float(np.sum(terms / (a + np.arange(_TERMS))))
    return total * math.exp(a * math.log(x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b))
