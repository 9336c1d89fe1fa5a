"""A lab run for some weeks, several times over, and its measures with 95 % intervals. No files, no command line."""

import math
from dataclasses import dataclass

import numpy as np
from simpy import Environment

from twin.calendars import Timetable
from twin.checks import check
from twin.distributions import DAY, HOUR
from twin.engine.agenda import run_until
from twin.lab import PRIORITIES, Lab
from twin.model import LabModel
from twin.recorder import Recorder
from twin.statistics import Estimate, estimate
from twin.utilisation import read
from twin.variates import Streams

WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """Measures of a lab over replications, by name: see `docs/lab-files.md`."""

    lab: str
    weeks: float
    warm_up_weeks: float
    replications: int
    seed: int
    measures: dict[str, Estimate]


def simulate(
    lab: Lab,
    *,
    start_us: int,
    weeks: float,
    replications: int,
    seed: int,
    warm_up_weeks: float = 3,
    cases_per_week: float | None = None,
) -> SimulationResult:
    """Run a lab from empty at `start_us` (µs UTC), forget the warm-up, and measure the weeks after it."""
    timetable = Timetable(lab)
    runs = [
        replicate(lab, start_us, weeks, warm_up_weeks, Streams(seed, lab.name, number), timetable, cases_per_week)
        for number in range(replications)
    ]
    names = sorted({name for run in runs for name in run})
    measures = {name: estimate([run.get(name, math.nan) for run in runs]) for name in names}
    return SimulationResult(lab.name, weeks, warm_up_weeks, replications, seed, measures)


def replicate(
    lab: Lab,
    start_us: int,
    weeks: float,
    warm_up_weeks: float,
    streams: Streams,
    timetable: Timetable | None = None,
    cases_per_week: float | None = None,
) -> dict[str, float]:
    """Run one replication, check it against the laws every run must obey, and return its measures."""
    env = Environment(start_us)
    recorder = Recorder(start_us)
    model = LabModel(lab, env, streams, recorder, cases_per_week=cases_per_week, timetable=timetable)
    measured_from = start_us + round(warm_up_weeks * WEEK)
    run_until(env, measured_from)
    recorder.restart(measured_from)
    begin = read(model)
    end_us = measured_from + round(weeks * WEEK)
    run_until(env, end_us)
    check(model, recorder, measured_from)
    busy = {f"utilisation.{name}": share for name, share in read(model).since(begin).items()}
    return {**turnaround(recorder), **flow(recorder, measured_from, end_us), **waits(recorder), **busy}


def turnaround(recorder: Recorder) -> dict[str, float]:
    """Return the calendar turnaround of finished cases in days; ``lab_…`` ends where reporting begins to be waited for.

    ``lab_tat_pct_7d`` and its like are percent of finished cases within so many days.
    """
    days = np.array([finish.turnaround_us / DAY for finish in recorder.finishes])
    if not days.size:
        return {}
    measures = {
        "tat_mean_d": float(days.mean()),
        "tat_p50_d": float(np.percentile(days, 50)),
        "tat_p90_d": float(np.percentile(days, 90)),
        "within_7_d": float((days <= 7).mean()),
        "within_10_d": float((days <= 10).mean()),
    }
    lab_days = np.array([finish.lab_turnaround_us / DAY for finish in recorder.finishes])
    measures["lab_tat_mean_d"] = float(lab_days.mean())
    for limit in (7, 10, 14, 21):
        measures[f"lab_tat_pct_{limit}d"] = float(100 * (lab_days <= limit).mean())
    for priority in PRIORITIES:
        own = [finish.turnaround_us / DAY for finish in recorder.finishes if finish.priority == priority]
        if own:
            measures[f"tat_mean_d.{priority}"] = float(np.mean(own))
    return measures


def flow(recorder: Recorder, from_us: int, to_us: int) -> dict[str, float]:
    """Return cases received and finished, and the mean number in progress."""
    return {
        "arrived": float(recorder.received),
        "finished": float(len(recorder.finishes)),
        "wip_mean": recorder.wip_us(to_us) / (to_us - from_us),
    }


def waits(recorder: Recorder) -> dict[str, float]:
    """Return the mean wait before each step, hours, per item (per slide where slides are handled)."""
    return {f"wait_mean_h.{step}": total / recorder.wait_count[step] / HOUR for step, total in recorder.wait_us.items()}
