"""Measures a customer through M/M/5: idiomatic SimPy, our kernel alone, and our lab file, in turns.

python -m benchmarks.twin.mm5 [--customers 50000] [--rounds 8]
"""

import argparse
import json
import random
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import simpy

from benchmarks.twin.measuring import ROOT, agreement, cpu, ratio, spread
from benchmarks.twin.ours import run_lab
from twin.engine.agenda import ARRIVAL, RELEASE, Agenda, Entry, Signal, run_until
from twin.engine.staff import StaffPool
from twin.lab import load_lab
from twin.variates import Streams, draws

SERVERS, LOAD = 5, 0.8
MINUTE = 60_000_000
MINUTES_A_WEEK = 7 * 24 * 60
Run = tuple[float, int]
"""Mean wait in mean services, and customers."""


def idiomatic(seed: int, customers: int) -> Run:
    """Run a process and a request for each customer."""
    luck = random.Random(seed)
    env = simpy.Environment()
    servers = simpy.Resource(env, SERVERS)
    waits: list[float] = []

    def customer() -> Iterator[Any]:
        came = env.now
        with servers.request() as request:
            yield request
            waits.append(env.now - came)
            yield env.timeout(luck.expovariate(1.0))

    def source() -> Iterator[Any]:
        for _ in range(customers):
            yield env.timeout(luck.expovariate(SERVERS * LOAD))
            env.process(customer())

    env.process(source())
    env.run()
    return statistics.fmean(waits), customers


class Customer(Entry):
    __slots__ = ("came",)

    def __init__(self, came: int) -> None:
        self.came = came


def kernel(seed: int, customers: int) -> Run:
    """Run our queue and staff without a laboratory around them."""
    env = simpy.Environment(0)
    agenda = Agenda(env)
    pool = StaffPool(agenda, "servers", SERVERS)
    streams = Streams(seed, "bench")
    gap = draws(streams.generator("m", "gap"), _exponential(MINUTE / SERVERS / LOAD))
    service = draws(streams.generator("m", "service"), _exponential(MINUTE))
    waited = came = 0

    def come(signal: Signal) -> None:
        nonlocal came
        came += 1
        if came < customers:
            agenda.at(agenda.now + gap(), ARRIVAL, on_arrival, signal)
        pool.request(0, begin, Customer(agenda.now))

    def begin(customer: Customer) -> None:
        nonlocal waited
        now = agenda.now
        waited += now - customer.came
        agenda.at(now + service(), RELEASE, on_end, customer)

    def end(customer: Customer) -> None:
        pool.release(customer)

    on_arrival, on_end = [come], [end]
    agenda.at(gap(), ARRIVAL, on_arrival, Signal())
    run_until(env, 10**18)
    return waited / customers / MINUTE, customers


def _exponential(mean_us: float) -> Callable[[np.random.Generator, int], list[int]]:
    return lambda rng, n: rng.exponential(mean_us, n).astype(np.int64).tolist()


def lab_file(seed: int, customers: int) -> Run:
    """Run mm5.yaml as any laboratory is run, checks and summary included."""
    weeks = customers / (SERVERS * LOAD * MINUTES_A_WEEK)
    measures = run_lab(load_lab(ROOT / "benchmarks" / "twin" / "mm5.yaml"), seed, weeks=weeks)
    return measures["wait_mean_h.service"] * 60, round(measures["arrived"])


def measure(customers: int, rounds: int) -> dict[str, Any]:
    """Return CPU µs a customer and the mean waits of all three."""
    ways: dict[str, Callable[[int, int], Run]] = {"idiomatic": idiomatic, "kernel": kernel, "lab_file": lab_file}
    us: dict[str, list[float]] = {name: [] for name in ways}
    waits: dict[str, list[float]] = {name: [] for name in ways}
    for seed in range(1, rounds + 1):
        for name, way in ways.items():
            (wait, came), seconds = cpu(lambda way=way, seed=seed: way(seed, customers))
            us[name].append(seconds / came * 1e6)
            waits[name].append(wait)
    return {
        **{f"{name}_us_per_customer": spread(values) for name, values in us.items()},
        **{f"ratio_{name}": ratio(us["idiomatic"], us[name]) for name in ("kernel", "lab_file")},
        **{f"mean_wait_{name}": agreement(waits["idiomatic"], waits[name]) for name in ("kernel", "lab_file")},
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=8)
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.customers, chosen.rounds)))


if __name__ == "__main__":
    main()
