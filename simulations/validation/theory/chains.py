"""Markov chains in continuous time, solved exactly: the last resort where theory has no formula. No queues by name."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
LONGEST = 500.0
"""So many expected jumps at a time: with more, the chance of no jump is too small a number."""


def birth_and_death(births: Sequence[float], deaths: Sequence[float]) -> Floats:
    """Return the stationary probabilities of states 0 … n, given the n rates upwards and the n rates downwards."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(births) - np.log(deaths))])
    weights = np.exp(logs - logs.max())
    chances: Floats = weights / weights.sum()
    return chances


def stationary(rates: Floats) -> Floats:
    """Return the stationary probabilities of an irreducible chain from its matrix of rates, `rates[from, to]`."""
    generator = _generator(rates)
    size = len(generator)
    equations = np.vstack([generator.T[:-1], np.ones(size)])
    right = np.zeros(size)
    right[-1] = 1.0
    solved: Floats = np.linalg.solve(equations, right)
    return solved


def after(rates: Floats, start: Floats, time: float) -> Floats:
    """Return the probabilities at `time` of a chain that begins with `start`, by uniformisation (Jensen 1953)."""
    generator = _generator(rates)
    pace = float(-generator.diagonal().min())
    step = np.eye(len(generator)) + generator / pace
    steps = pace * time
    if steps > LONGEST:
        return after(rates, after(rates, start, time / 2), time / 2)
    reached, total, weight = start, np.zeros(len(start)), math.exp(-steps)
    for jumps in range(1, round(steps + 12 * math.sqrt(steps + 1)) + 12):
        total = total + weight * reached
        reached = reached @ step
        weight *= steps / jumps
    chances: Floats = total / total.sum()
    return chances


def _generator(rates: Floats) -> Floats:
    generator: Floats = np.array(rates, dtype=float)
    np.fill_diagonal(generator, 0.0)
    np.fill_diagonal(generator, -generator.sum(axis=1))
    return generator
