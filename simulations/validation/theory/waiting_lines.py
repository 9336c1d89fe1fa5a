"""One station with a line before it: Erlang's, Pollaczek and Khinchine's, Kingman's. One class of customers only.

Rates are per unit of time, waits in that unit; loads and shares are fractions of one.
"""

import math
from dataclasses import dataclass

import numpy as np

from simulations.validation.theory.chains import Floats, birth_and_death


@dataclass(frozen=True, slots=True)
class MMc:
    """The M/M/c queue: Poisson arrivals, exponential service, endless room, first come first served."""

    arrival_rate: float
    service_rate: float
    servers: int = 1

    def __post_init__(self) -> None:
        if self.load >= 1:
            raise ValueError(f"an M/M/{self.servers} queue with a load of {self.load:g} never settles")

    @property
    def load(self) -> float:
        """Share of the servers at work."""
        return self.arrival_rate / (self.servers * self.service_rate)

    @property
    def wait_probability(self) -> float:
        """Chance that a customer waits (Erlang C), from Erlang B: C = B / (1 - load (1 - B))."""
        lost = erlang_b(self.servers, self.arrival_rate / self.service_rate)
        return lost / (1 - self.load * (1 - lost))

    @property
    def mean_wait(self) -> float:
        """Mean wait before service, of all customers."""
        return self.wait_probability / self._spare_rate

    @property
    def mean_queue(self) -> float:
        """Mean number that waits, by Little's law."""
        return self.arrival_rate * self.mean_wait

    @property
    def mean_present(self) -> float:
        """Mean number that waits or is served."""
        return self.mean_queue + self.arrival_rate / self.service_rate

    def wait_quantile(self, share: float) -> float:
        """Return the wait that `share` of the customers do not exceed: P(W > t) = C exp(-(c mu - lambda) t)."""
        return max(0.0, math.log(self.wait_probability / (1 - share)) / self._spare_rate)

    def state_probabilities(self, states: int) -> Floats:
        """Return the chance of 0, 1, … `states` - 1 customers present."""
        offered = self.arrival_rate / self.service_rate
        weights = [offered**n / math.factorial(n) for n in range(self.servers)]
        at_capacity = offered**self.servers / math.factorial(self.servers)
        total = sum(weights) + at_capacity / (1 - self.load)
        tail = [at_capacity * self.load**n for n in range(max(states - self.servers, 0))]
        return np.array([*weights, *tail][:states]) / total

    @property
    def _spare_rate(self) -> float:
        return self.servers * self.service_rate - self.arrival_rate


@dataclass(frozen=True, slots=True)
class MMcK:
    """The M/M/c/K queue: as M/M/c, but who finds `places` customers there, served ones included, is lost."""

    arrival_rate: float
    service_rate: float
    servers: int
    places: int

    @property
    def state_probabilities(self) -> Floats:
        """Chance of 0, 1, … `places` customers present."""
        deaths = [min(n, self.servers) * self.service_rate for n in range(1, self.places + 1)]
        return birth_and_death([self.arrival_rate] * self.places, deaths)

    @property
    def loss_probability(self) -> float:
        """Chance that a customer finds every place taken: arrivals see time averages."""
        return float(self.state_probabilities[-1])

    @property
    def mean_present(self) -> float:
        """Mean number of customers present."""
        return float(self.state_probabilities @ np.arange(self.places + 1))


def erlang_b(servers: int, offered: float) -> float:
    """Return the share lost of `offered` erlangs on `servers` servers without room to wait (Erlang 1917).

    By the recursion B(n) = a B(n-1) / (n + a B(n-1)). It holds for any service time of the same mean.
    """
    lost = 1.0
    for server in range(1, servers + 1):
        lost = offered * lost / (server + offered * lost)
    return lost


def pollaczek_khinchine(arrival_rate: float, mean: float, cv: float) -> float:
    """Return the mean wait in M/G/1 for service of this mean and coefficient of variation."""
    load = arrival_rate * mean
    return load * mean * (1 + cv**2) / (2 * (1 - load))


def kingman_bound(arrival_rate: float, arrival_cv: float, mean: float, cv: float) -> float:
    """Return Kingman's upper bound (1962) on the mean wait in G/G/1, from the variances of gap and service."""
    load = arrival_rate * mean
    variances = (arrival_cv / arrival_rate) ** 2 + (cv * mean) ** 2
    return arrival_rate * variances / (2 * (1 - load))


def shared_processor_sojourn(arrival_rate: float, service_rate: float) -> float:
    """Return the mean sojourn in M/M/1 where all present are served at once, sharing the server equally."""
    return 1 / (service_rate - arrival_rate)


@dataclass(frozen=True, slots=True)
class ErlangA:
    """The M/M/c+M queue (Palm 1957): who has waited an exponential patience without being served gives up."""

    arrival_rate: float
    service_rate: float
    patience_rate: float
    servers: int

    @property
    def wait_probability(self) -> float:
        """Chance that a customer finds all servers at work."""
        return float(self._probabilities[self.servers :].sum())

    @property
    def mean_queue(self) -> float:
        """Mean number that waits."""
        waiting = np.maximum(np.arange(self._states + 1) - self.servers, 0)
        return float(self._probabilities @ waiting)

    @property
    def mean_wait(self) -> float:
        """Mean time in the line, of those served and those who gave up."""
        return self.mean_queue / self.arrival_rate

    @property
    def abandonment(self) -> float:
        """Share of customers who give up: each of those who wait does so at the patience rate."""
        return self.patience_rate * self.mean_queue / self.arrival_rate

    @property
    def mean_wait_of_served(self) -> float:
        """Mean wait of those who are served in the end.

        Whoever finds k waiting is served after k + 1 departures from the line, the i-th of rate c mu + i theta, unless
        patience ends first: E[V exp(-theta V)] is minus the derivative of that product of transforms at theta.
        """
        served = waited = 0.0
        for state, chance in enumerate(self._probabilities):
            if state < self.servers:
                served += chance
                continue
            rates = self.servers * self.service_rate + self.patience_rate * np.arange(state - self.servers + 1)
            survives = float(np.prod(rates / (rates + self.patience_rate)))
            served += chance * survives
            waited += chance * survives * float((1 / (rates + self.patience_rate)).sum())
        return waited / served

    @property
    def _states(self) -> int:
        return self.servers + 60 + int(20 * self.arrival_rate / self.patience_rate)

    @property
    def _probabilities(self) -> Floats:
        counts = np.arange(1, self._states + 1)
        served = np.minimum(counts, self.servers) * self.service_rate
        impatient = np.maximum(counts - self.servers, 0) * self.patience_rate
        return birth_and_death([self.arrival_rate] * self._states, list(served + impatient))
