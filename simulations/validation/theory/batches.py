"""Machines that take many at once: bulk service without late joining, and the time a batch takes to fill."""

from dataclasses import dataclass

import numpy as np

from simulations.validation.theory.chains import Floats, stationary


@dataclass(frozen=True, slots=True)
class BulkService:
    """The M/M[a,b]/1 queue: a free machine starts when `least` wait and takes up to `most`; nobody joins it later."""

    arrival_rate: float
    service_rate: float
    least: int
    most: int
    states: int = 400
    """Numbers waiting that are told apart; the chance of more must be negligible."""

    def __post_init__(self) -> None:
        if self.arrival_rate >= self.most * self.service_rate:
            raise ValueError(f"runs of at most {self.most} cannot keep up with {self.arrival_rate:g} arrivals")

    @property
    def mean_wait(self) -> float:
        """Mean wait until the run starts, by Little's law."""
        idle, busy = self._probabilities()
        waiting = float(idle @ np.arange(self.least) + busy @ np.arange(self.states))
        return waiting / self.arrival_rate

    @property
    def busy(self) -> float:
        """Share of time that the machine runs."""
        return float(self._probabilities()[1].sum())

    def _probabilities(self) -> tuple[Floats, Floats]:
        """Chances by number waiting: idle with 0 … least - 1, then at work with 0 … states - 1."""
        idle = self.least
        rates = np.zeros((idle + self.states, idle + self.states))
        for waiting in range(idle):
            fuller = waiting + 1 if waiting + 1 < idle else idle
            rates[waiting, fuller] = self.arrival_rate
        for waiting in range(self.states):
            own = idle + waiting
            if waiting + 1 < self.states:
                rates[own, own + 1] = self.arrival_rate
            goes_on = idle + waiting - min(waiting, self.most)
            rates[own, goes_on if waiting >= self.least else waiting] += self.service_rate
        chances = stationary(rates)
        return chances[:idle], chances[idle:]


def mean_fill_delay(arrival_rate: float, size: int) -> float:
    """Return the mean time a piece waits for its batch to fill, from Poisson arrivals: (K - 1) / (2 lambda)."""
    return (size - 1) / (2 * arrival_rate)
