"""When a figure of the simulator is accepted. Judges numbers only: knows no lab, runs nothing, prints nothing.

A mean over replications is accepted when it lies within 3.89 of its standard errors of the oracle (a right simulator
fails that once in ten thousand) and when its 95 % interval is narrow enough (a sloppy run would pass the first test).

Where measures of the same runs with a known mean are given as controls, what they were off by is taken out by
regression (Lavenberg and Welch 1981, Management Science 27:322), which narrows the interval. Nothing can hide behind
that: the controls and the plain mean must lie within 3.89 standard errors of what is known of them, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.statistics import t_975

LIMIT = 3.89
FEWEST = 20
"""Fewer replications say too little of their own scatter."""
_SAME = 1e-9

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Control:
    """A measure of the same replications whose mean is known."""

    name: str
    values: Sequence[float]
    mean: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the table. `relation` says how the mean must stand to `expected`: "=", "≤", "≈" or "exact"."""

    id: str
    what: str
    measure: str
    expected: float | None
    relation: str = "="
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    half_width_pct: float | None = None
    z: float | None = None
    replications: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Estimated:
    """A mean, its standard error and the degrees of freedom behind that."""

    mean: float
    error: float
    freedom: int

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval."""
        return t_975(self.freedom) * self.error

    def off_by(self, expected: float) -> float:
        """Return how many standard errors the mean is above what is expected."""
        difference = self.mean - expected
        if abs(difference) <= _SAME * abs(expected):
            return 0.0
        return difference / self.error if self.error else math.copysign(math.inf, difference)


def plain(values: Sequence[float]) -> Estimated:
    """Return the mean of independent values."""
    known = np.asarray(values, dtype=float)
    return Estimated(float(known.mean()), float(known.std(ddof=1)) / math.sqrt(len(known)), len(known) - 1)


def controlled(values: Sequence[float], controls: Sequence[Control]) -> Estimated:
    """Return the mean of independent values freed by regression from what the controls were off by."""
    measured = np.asarray(values, dtype=float)
    off = np.column_stack([np.asarray(control.values, dtype=float) - control.mean for control in controls])
    design = np.column_stack([np.ones(len(measured)), off])
    solution = np.linalg.lstsq(design, measured, rcond=None)[0]
    freedom = len(measured) - design.shape[1]
    variance = float(((measured - design @ solution) ** 2).sum()) / freedom
    spread = float(np.linalg.pinv(design.T @ design)[0, 0])
    return Estimated(float(solution[0]), math.sqrt(variance * spread), freedom)


def judge(
    head: tuple[str, str, str],
    values: Sequence[float],
    expected: float,
    precision: float,
    controls: Sequence[Control] = (),
) -> Verdict:
    """Judge replications of a measure against an oracle; `head` is the id, the system and the measure's name."""
    lacking = _lacking(values)
    if lacking:
        return Verdict(*head, expected, replications=len(values), reasons=(lacking,))
    found = controlled(values, controls) if controls else plain(values)
    share = found.half_width / abs(expected)
    return Verdict(
        *head,
        expected,
        "=",
        found.mean,
        found.mean - found.half_width,
        found.mean + found.half_width,
        100 * share,
        found.off_by(expected),
        len(values),
        tuple(_against(values, found, expected, precision, controls)),
    )


def judge_bound(head: tuple[str, str, str], values: Sequence[float], bound: float) -> Verdict:
    """Judge replications of a measure that theory only bounds from above: it must lie clearly below."""
    lacking = _lacking(values)
    if lacking:
        return Verdict(*head, bound, "≤", replications=len(values), reasons=(lacking,))
    found = plain(values)
    z = found.off_by(bound)
    reasons = () if z <= -LIMIT else (f"not clearly below the bound: {z:+.1f} standard errors from it",)
    low, high = found.mean - found.half_width, found.mean + found.half_width
    return Verdict(*head, bound, "≤", found.mean, low, high, None, z, len(values), reasons)


def judge_agreement(head: tuple[str, str, str], values: Sequence[float], mean: float, error: float) -> Verdict:
    """Judge replications of a measure against a mean that somebody else has estimated, with its standard error."""
    lacking = _lacking(values)
    if lacking:
        return Verdict(*head, mean, "≈", replications=len(values), reasons=(lacking,))
    own = plain(values)
    both = Estimated(own.mean, math.hypot(own.error, error), own.freedom)
    z = both.off_by(mean)
    reasons = () if abs(z) <= LIMIT else (f"apart by {z:+.1f} standard errors of both",)
    share = 100 * both.half_width / abs(mean)
    low, high = own.mean - own.half_width, own.mean + own.half_width
    return Verdict(*head, mean, "≈", own.mean, low, high, share, z, len(values), reasons)


def _against(
    values: Sequence[float], found: Estimated, expected: float, precision: float, controls: Sequence[Control]
) -> list[str]:
    reasons = [] if _near(found, expected) else [f"off by {found.off_by(expected):+.1f} standard errors"]
    if found.half_width > precision * abs(expected):
        share = found.half_width / abs(expected)
        reasons.append(f"interval too wide: ± {share:.1%} of the oracle, at most {precision:.1%}")
    if controls and not _near(plain(values), expected):
        reasons.append(f"without controls off by {plain(values).off_by(expected):+.1f} standard errors")
    for control in controls:
        estimated = plain(control.values)
        if not _near(estimated, control.mean):
            reasons.append(f"control {control.name} off by {estimated.off_by(control.mean):+.1f} standard errors")
    return reasons


def _near(found: Estimated, expected: float) -> bool:
    return abs(found.off_by(expected)) <= LIMIT


def _lacking(values: Sequence[float]) -> str:
    """Say what is missing to judge at all; empty when nothing is."""
    missing = sum(math.isnan(value) for value in values)
    if missing:
        return f"{missing} of {len(values)} replications have no such measure"
    return "" if len(values) >= FEWEST else f"only {len(values)} replications, at least {FEWEST} are needed"
