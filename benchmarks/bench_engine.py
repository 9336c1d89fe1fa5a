"""CPU of one customer through M/M/5: our callbacks on SimPy's queue beside idiomatic SimPy, in turns, in one run.

Usage: python benchmarks/bench_engine.py [customers] [rounds]
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from twin.calendars import Timetable, to_us
from twin.distributions import DAY
from twin.engine.agenda import ARRIVAL, RELEASE, Agenda, Entry, Signal, run_until
from twin.engine.staff import StaffPool
from twin.forecast import forecast
from twin.lab import load_lab
from twin.model import LabModel
from twin.snapshot import take_state
from twin.variates import Streams, draws

SERVERS, LOAD, MEAN_US = 5, 0.8, 1_000_000
LABS = Path(__file__).parents[1] / "data" / "labs"


def idiomatic(customers: int) -> float:
    """Return the mean wait in mean services: a process and a request for each customer."""
    luck = random.Random(1)
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
    return statistics.fmean(waits)


class Customer(Entry):
    __slots__ = ("came",)

    def __init__(self, came: int) -> None:
        self.came = came


def ours(customers: int) -> float:
    """Return the same mean wait from our engine."""
    env = simpy.Environment(0)
    agenda = Agenda(env)
    pool = StaffPool(agenda, "servers", SERVERS)
    streams = Streams(1, "bench")
    gap = draws(streams.generator("m", "gap"), _exponential(MEAN_US / SERVERS / LOAD))
    service = draws(streams.generator("m", "service"), _exponential(MEAN_US))
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

    def end(_: Customer) -> None:
        pool.release()

    on_arrival, on_end = [come], [end]
    agenda.at(gap(), ARRIVAL, on_arrival, Signal())
    run_until(env, 10**18)
    return waited / customers / MEAN_US


def _exponential(mean_us: float) -> Callable[[np.random.Generator, int], list[int]]:
    return lambda rng, n: rng.exponential(mean_us, n).astype(np.int64).tolist()


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds a piece of work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def lab_week() -> tuple[float, float, float]:
    """Return CPU seconds and events of one week of the large lab, and CPU seconds of its forecast."""
    lab = load_lab(LABS / "large.yaml")
    start = to_us(datetime(2026, 9, 7, tzinfo=UTC))
    env = simpy.Environment(start)
    model = LabModel(lab, env, Streams(1, lab.name), timetable=Timetable(lab))
    run_until(env, start + 21 * DAY)
    state, events, received = take_state(model), next(env._eid), model.record.received
    spent = cpu(lambda: run_until(env, start + 91 * DAY)) / 10
    per_case = (next(env._eid) - events) / (model.record.received - received)
    return spent, per_case, cpu(lambda: forecast(lab, state, now_us=state.at_us, replications=30, seed=1))


def main() -> None:
    """Measure in turns and print one JSON document."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    times: dict[str, list[float]] = {"simpy": [], "ours": []}
    for _ in range(rounds):
        times["simpy"].append(cpu(lambda: idiomatic(customers)) / customers * 1e6)
        times["ours"].append(cpu(lambda: ours(customers)) / customers * 1e6)
    simpy_us, ours_us = (statistics.median(times[name]) for name in ("simpy", "ours"))
    week_s, events, forecast_s = lab_week()
    print(
        json.dumps(
            {
                "simpy_us_per_customer": round(simpy_us, 2),
                "ours_us_per_customer": round(ours_us, 2),
                "ratio": round(simpy_us / ours_us, 2),
                "mean_wait": {"simpy": round(idiomatic(customers), 3), "ours": round(ours(customers), 3)},
                "large_lab_week_cpu_s": round(week_s, 4),
                "large_lab_events_per_case": round(events, 1),
                "large_lab_forecast_30_cpu_s": round(forecast_s, 2),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
