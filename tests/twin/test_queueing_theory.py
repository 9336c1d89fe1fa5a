"""The engine agrees with queueing theory: fixed seeds, 20 replications, within 3.89 standard errors.

Oracles: M/M/1, M/M/3 (Erlang C) and Cobham's non-pre-emptive priorities.
"""

from collections.abc import Callable

import numpy as np
import pytest
from simpy import Environment

from twin.engine.agenda import ARRIVAL, RELEASE, Agenda, Entry, Signal, run_until
from twin.engine.staff import StaffPool
from twin.variates import Streams, draws

TICK = 1_000_000
REPLICATIONS = 20
CUSTOMERS = 6_000
WARM_UP = 600


class Customer(Entry):
    __slots__ = ("came", "number", "rank", "wait")

    def __init__(self, number: int, rank: int, came: int) -> None:
        self.number, self.rank, self.came = number, rank, came
        self.wait = -1


def waits(rate: float, servers: int, replication: int, share_high: float = 0.0) -> list[Customer]:
    """Serve customers of mean service 1 and return them in order of arrival."""
    env = Environment(0)
    agenda = Agenda(env)
    pool = StaffPool(agenda, "servers", servers)
    streams = Streams(20261121, "theory", replication)
    gap = draws(streams.generator("a", "gap"), _exponential(1 / rate))
    service = draws(streams.generator("a", "service"), _exponential(1.0))
    rank = draws(streams.generator("a", "rank"), lambda rng, n: (rng.random(n) >= share_high).astype(int).tolist())
    customers: list[Customer] = []

    def come(signal: Signal) -> None:
        if len(customers) < CUSTOMERS:
            agenda.at(agenda.now + gap(), ARRIVAL, [come], signal)
        customer = Customer(len(customers), rank(), agenda.now)
        customers.append(customer)
        pool.request(customer.rank, begin, customer)

    def begin(customer: Customer) -> None:
        customer.wait = agenda.now - customer.came
        agenda.at(agenda.now + service(), RELEASE, [lambda _: pool.release()], customer)

    agenda.at(gap(), ARRIVAL, [come], Signal())
    run_until(env, 10**18)
    return customers[WARM_UP:]


def _exponential(mean: float) -> Callable[[np.random.Generator, int], list[int]]:
    return lambda rng, n: np.rint(rng.exponential(mean * TICK, n)).astype(np.int64).tolist()


def agrees(means: list[float], oracle: float) -> bool:
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    return bool(abs(np.mean(means) - oracle) <= 3.89 * error)


@pytest.mark.parametrize(
    ("rate", "servers", "oracle"), [(0.5, 1, 1.0), (0.7, 1, 0.7 / 0.3), (1.8, 3, 0.295621), (2.4, 3, 1.078652)]
)
def test_the_mean_wait_is_that_of_theory(rate: float, servers: int, oracle: float) -> None:
    means = [
        float(np.mean([customer.wait for customer in waits(rate, servers, number)])) / TICK
        for number in range(REPLICATIONS)
    ]
    assert agrees(means, oracle)


def test_priorities_share_the_wait_as_cobham_says() -> None:
    runs = [waits(2.4, 3, number, share_high=0.25) for number in range(REPLICATIONS)]
    for rank, oracle in ((0, 0.269663), (1, 1.348315)):
        means = [float(np.mean([customer.wait for customer in run if customer.rank == rank])) / TICK for run in runs]
        assert agrees(means, oracle)


def test_a_wrong_oracle_is_refused() -> None:
    means = [float(np.mean([customer.wait for customer in waits(1.8, 3, number)])) / TICK for number in range(10)]
    assert not agrees(means, 0.4)
