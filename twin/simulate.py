"""A lab run for some weeks, several times over, and its measures with 95 % intervals. No files, no command line."""

import gc
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from simpy import Environment

from twin.calendars import Timetable
from twin.checks import check
from twin.distributions import DAY
from twin.engine.agenda import run_until
from twin.lab import Lab
from twin.measures import measures
from twin.model import LabModel
from twin.stations import HandStation
from twin.statistics import Estimate, estimate
from twin.utilisation import Reading, read
from twin.variates import Streams

WEEK = 7 * DAY
_LARGE = 5_000
"""Cases of a run after which its memory is given back at once."""

Afterwards = Callable[[LabModel, Reading], None]
"""What is to be done with a finished run: its model, and the reading taken at the end of its warm-up."""


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """Measures of a lab over replications, by name: see `docs/lab-files`."""

    lab: str
    weeks: float
    warm_up_weeks: float
    replications: int
    seed: int
    measures: dict[str, Estimate]


def simulate(
    lab: Lab,
    *,
    seed: int,
    weeks: float | None = None,
    warm_up_weeks: float | None = None,
    replications: int | None = None,
    start_us: int | None = None,
    cases_per_week: float | None = None,
) -> SimulationResult:
    """Run a lab, forget the warm-up, and measure the weeks after it; what is not said stands in the lab's `run`."""
    weeks = lab.run.weeks if weeks is None else weeks
    warm_up_weeks = lab.run.warm_up_weeks if warm_up_weeks is None else warm_up_weeks
    replications = replications or lab.run.replications
    timetable = Timetable(lab)
    runs = [
        replicate(
            lab, Streams(seed, lab.name, number), weeks=weeks, warm_up_weeks=warm_up_weeks, start_us=start_us,
            cases_per_week=cases_per_week, timetable=timetable,
        )
        for number in range(replications)
    ]  # fmt: skip
    return SimulationResult(lab.name, weeks, warm_up_weeks, replications, seed, estimates(runs))


def estimates(runs: list[dict[str, float]]) -> dict[str, Estimate]:
    """Return each measure's mean over replications with its 95 % interval; one that a run lacks is left out there.

    A number present that a run never saw took no time in it.
    """
    names = sorted({name for run in runs for name in run})
    missing = {name: 0.0 if name.startswith("state_pct.") else math.nan for name in names}
    return {name: estimate([run.get(name, missing[name]) for run in runs]) for name in names}


def replicate(
    lab: Lab,
    streams: Streams,
    *,
    weeks: float | None = None,
    warm_up_weeks: float | None = None,
    start_us: int | None = None,
    cases_per_week: float | None = None,
    timetable: Timetable | None = None,
    afterwards: Afterwards | None = None,
) -> dict[str, float]:
    """Run one replication, check it against the laws every run must obey, and return its measures.

    ``afterwards`` is shown the finished model and the reading taken at the end of its warm-up.
    """
    timetable = timetable or Timetable(lab)
    start = timetable.start_us if start_us is None else start_us
    model = LabModel(
        lab, Environment(start), streams, cases_per_week=cases_per_week, timetable=timetable, keeps_visits=True
    )
    warm_up = lab.run.warm_up_weeks if warm_up_weeks is None else warm_up_weeks
    length = lab.run.weeks if weeks is None else weeks
    found = run_and_measure(model, weeks=length, warm_up_weeks=warm_up, afterwards=afterwards)
    is_large = model.record.received > _LARGE
    del model
    if is_large:
        gc.collect()  # a model is a web of cycles: many in a row must not wait for the collector's turn
    return found


def run_and_measure(
    model: LabModel, *, weeks: float, warm_up_weeks: float, afterwards: Afterwards | None = None
) -> dict[str, float]:
    """Run a fresh model through its warm-up and the weeks after it, check it, and return its measures."""
    measured_from = model.started_us + round(warm_up_weeks * WEEK)
    with _undisturbed():
        _run(model, measured_from)
        restart(model)
        begin = read(model)
        _run(model, measured_from + round(weeks * WEEK))
    check(model)
    if afterwards is not None:
        afterwards(model, begin)
    return measures(model, begin)


def _run(model: LabModel, until_us: int) -> None:
    """Run week by week, and pack what was noted of each."""
    while model.agenda.now < until_us:
        run_until(model.agenda.env, min(model.agenda.now + WEEK, until_us))
        for station in model.stations:
            if station.visits is not None:
                station.visits.fold()


def restart(model: LabModel) -> None:
    """Forget what was recorded so far, but not the work in progress: the warm-up is over."""
    model.record.restart(model.agenda.now)
    for station in model.stations:
        if station.visits is not None:
            station.visits.clear()
        if isinstance(station, HandStation) and station.gate is not None:
            station.gate.restart()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the collector of cycles out of a run: its records break their cycles themselves when a case leaves."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
