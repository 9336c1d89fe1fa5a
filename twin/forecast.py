"""When open cases will be finished, and what will be busy: replications of the twin from a live state.

Pure: the moment, the seed and the state are handed in; it neither reads the log nor stores its answer.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from simpy import Environment

from twin.calendars import Timetable
from twin.distributions import DAY
from twin.engine.agenda import CAPACITY, EndOfRunError, Signal, run_until
from twin.items import Case
from twin.lab import Lab
from twin.model import LabModel
from twin.observe import Observer
from twin.snapshot import LabState
from twin.statistics import Estimate, estimate
from twin.utilisation import Reading, read
from twin.variates import Streams

UTILISATION_DAYS = 7


@dataclass(frozen=True, slots=True)
class CaseForecast:
    """When a case will be authorised (µs since 1970 UTC); None: not within the horizon in that share of runs."""

    barcode: str
    p50_us: int | None
    p80_us: int | None
    p95_us: int | None
    breach_probability: Mapping[str, float]
    """Probability, for each target that counts the case, of finishing after it is due."""


@dataclass(frozen=True, slots=True)
class LabForecast:
    """A lab's open cases and its load over the next seven days, as seen at one moment from one state."""

    lab: str
    made_us: int
    state_us: int
    replications: int
    seed: int
    horizon_days: float
    cases: tuple[CaseForecast, ...]
    utilisation: dict[str, Estimate]
    busiest: str | None


def forecast(
    lab: Lab,
    state: LabState,
    *,
    now_us: int,
    replications: int = 30,
    seed: int,
    due_us: Mapping[str, Mapping[str, int]] | None = None,
    horizon_days: float = 28,
    cases_per_week: float | None = None,
) -> LabForecast:
    """Forecast every open case of a lab; the same arguments give the same answer.

    ``due_us`` says, by barcode and name of target, when a case is due (µs UTC); one that is not in it is never late.
    """
    due_us = due_us or {}
    timetable = Timetable(lab)
    runs = [
        _replicate(lab, state, now_us, Streams(seed, lab.name, number), timetable, horizon_days, cases_per_week)
        for number in range(replications)
    ]
    finishes = [run.finishes for run in runs]
    utilisation = _utilisation([run.utilisation for run in runs])
    return LabForecast(
        lab=lab.name,
        made_us=now_us,
        state_us=state.at_us,
        replications=replications,
        seed=seed,
        horizon_days=horizon_days,
        cases=tuple(_case(case.barcode, finishes, due_us.get(case.barcode, {})) for case in state.cases),
        utilisation=utilisation,
        busiest=_busiest(utilisation),
    )


class _Watch(Observer):
    """Notes when the cases of the state finish, and ends the run once all have and the load is measured."""

    __slots__ = ("_is_measured", "_open", "finishes")

    def __init__(self, cases: int) -> None:
        self._open = cases
        self._is_measured = False
        self.finishes: dict[str, int] = {}

    def measured(self) -> None:
        self._is_measured = True
        self._end_if_done()

    def case_authorised(self, case: Case, t: int) -> None:
        if case.is_initial:
            self.finishes[case.barcode] = t
            self._open -= 1
            self._end_if_done()

    def case_lost(self, case: Case, t: int) -> None:  # noqa: ARG002 - it will never be finished
        if case.is_initial:
            self._open -= 1
            self._end_if_done()

    def _end_if_done(self) -> None:
        if self._is_measured and self._open <= 0:
            raise EndOfRunError


@dataclass(frozen=True, slots=True)
class _Outcome:
    finishes: dict[str, int]
    utilisation: dict[str, float]


def _replicate(
    lab: Lab,
    state: LabState,
    now_us: int,
    streams: Streams,
    timetable: Timetable,
    horizon_days: float,
    cases_per_week: float | None,
) -> _Outcome:
    env = Environment(now_us)
    watch = _Watch(len(state.cases))
    model = LabModel(lab, env, streams, watch, initial=state, cases_per_week=cases_per_week, timetable=timetable)
    begin = read(model)
    end = _read_later(model, watch, now_us + UTILISATION_DAYS * DAY)
    run_until(env, now_us + round(horizon_days * DAY))
    return _Outcome(watch.finishes, (end[0] if end else read(model)).since(begin))


def _read_later(model: LabModel, watch: _Watch, at_us: int) -> list[Reading]:
    readings: list[Reading] = []

    def take(_: Any) -> None:
        readings.append(read(model))
        watch.measured()

    model.agenda.at(at_us, CAPACITY, [take], Signal())
    return readings


def _case(barcode: str, runs: Sequence[dict[str, int]], due_us: Mapping[str, int]) -> CaseForecast:
    ends = np.sort([run.get(barcode, math.inf) for run in runs])
    late = {target: float(np.mean(ends > due)) for target, due in due_us.items()}
    return CaseForecast(barcode, _quantile(ends, 0.5), _quantile(ends, 0.8), _quantile(ends, 0.95), late)


def _quantile(ordered: np.ndarray[Any, np.dtype[np.float64]], share: float) -> int | None:
    """Return the smallest value that at least this share does not exceed: exact even when some never end."""
    value = float(ordered[math.ceil(share * len(ordered)) - 1])
    return None if math.isinf(value) else int(value)


def _utilisation(runs: Sequence[dict[str, float]]) -> dict[str, Estimate]:
    return {name: estimate([run[name] for run in runs]) for name in runs[0]} if runs else {}


def _busiest(utilisation: dict[str, Estimate]) -> str | None:
    means = Counter({name: value.mean for name, value in utilisation.items() if not math.isnan(value.mean)})
    return max(means, key=lambda name: means[name]) if means else None
