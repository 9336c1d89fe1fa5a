"""What is not yet settled: lines that empty, lines that fill, and work that has been in hand for a while."""

import math

import numpy as np

from simulations.validation.theory.chains import after


def drain_time(count: int, service_rate: float, servers: int) -> float:
    """Return the mean time in which `servers` exponential servers finish `count` pieces when nothing more comes."""
    return sum(1 / (min(left, servers) * service_rate) for left in range(count, 0, -1))


def mm1_time_to_empty(arrival_rate: float, service_rate: float, count: int) -> float:
    """Return the mean time until an M/M/1 queue that begins with `count` customers is first empty."""
    return count / (service_rate - arrival_rate)


def mm1_mean_present(arrival_rate: float, service_rate: float, time: float, *, count: int = 0) -> float:
    """Return the mean number in an M/M/1 queue at a time after it began with `count` customers."""
    states = count + 50 + int(arrival_rate * time + 10 * math.sqrt(arrival_rate * time + 1))
    rates = np.diag(np.full(states - 1, arrival_rate), 1) + np.diag(np.full(states - 1, service_rate), -1)
    start = np.zeros(states)
    start[count] = 1.0
    return float(after(rates, start, time) @ np.arange(states))


def lognormal_residual(mean: float, cv: float, age: float) -> float:
    """Return the mean of what is left of a lognormal duration of this mean and cv that has lasted `age` so far.

    E[X; X > a] = mean Phi((m + s^2 - ln a) / s) and P(X > a) = Phi((m - ln a) / s), with m and s of the logarithm.
    """
    variance = math.log1p(cv**2)
    spread = math.sqrt(variance)
    centre = math.log(mean) - variance / 2
    longer = _normal((centre - math.log(age)) / spread)
    return mean * _normal((centre + variance - math.log(age)) / spread) / longer - age


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
