"""The figures of many cases: what closed, how fast, and within which target; what is open, how old, and already late.

Formulas: the mean is arithmetic; P50, P90 and P95 are numpy's ``linear`` percentiles (Hyndman & Fan 1996, type 7);
percent within = 100 × stopped no later than due / counted, on closed cases only, as RCPath KPI 6.4 is reported;
breach so far is counted on open ones apart, so that a backlog cannot hide in a good percentage. A case that stopped
before it started, by clocks that contradict each other, is in no duration and in no percentage: it is counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tracking.clock import DAY_US, HOUR_US
from tracking.registry import ClockStart, ClockStop, Target
from tracking.turnaround.calendar import LabCalendar
from tracking.turnaround.clocks import CaseTimes, contradict, start_us, stop_us
from tracking.turnaround.targets import counts, define


@dataclass(frozen=True, slots=True)
class Spread:
    """How long some cases took, hours; all ``None`` when there are none."""

    count: int
    mean_h: float | None = None
    p50_h: float | None = None
    p90_h: float | None = None
    p95_h: float | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """How one target was kept by closed cases, and how many open ones are past it already.

    ``contradicting``: cases it would count, were it known how long they took.
    """

    name: str
    definition: str
    percentile: float
    days: float
    clock: str
    counted: int
    within: int
    percent: float | None
    is_met: bool | None
    open_counted: int
    open_late: int
    contradicting: int


@dataclass(frozen=True, slots=True)
class OpenAges:
    """How old the cases still open are, hours; one whose clock starts only after now is 0 hours old."""

    count: int
    mean_h: float | None = None
    p50_h: float | None = None
    oldest_h: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """All figures of a set of cases with the definitions they follow.

    ``contradicting``: closed cases whose clocks contradict each other, which ``closed`` leaves out.
    """

    closed: Spread
    contradicting: int
    targets: tuple[Within, ...]
    open: OpenAges
    definition: str


def measure(
    cases: Sequence[CaseTimes],
    targets: Sequence[Target],
    calendar: LabCalendar,
    now_us: int,
    *,
    start: ClockStart = "received",
    stop: ClockStop = "authorised",
) -> Measurement:
    """Return the figures of ``cases`` at ``now_us``, closed and open ones apart."""
    closed = [case for case in cases if stop_us(case, stop) is not None]
    still_open = [case for case in cases if stop_us(case, stop) is None]
    return Measurement(
        closed=spread(elapsed_us(closed, start, stop)),
        contradicting=sum(contradict(case, start, stop) for case in closed),
        targets=tuple(within(target, cases, calendar, now_us) for target in targets),
        open=_ages(still_open, start, now_us),
        definition=f"Elapsed time from {start} to {stop}, every day counted; cases by the day they were {stop}.",
    )


def elapsed_us(cases: Sequence[CaseTimes], start: ClockStart, stop: ClockStop) -> npt.NDArray[np.int64]:
    """Return the calendar time of each case whose two moments are known, microseconds.

    Cases whose clocks contradict each other are left out.
    """
    pairs = [(start_us(case, start), stop_us(case, stop)) for case in cases]
    took = [last - first for first, last in pairs if first is not None and last is not None and first <= last]
    return np.array(took, np.int64)


def spread(times_us: npt.NDArray[np.int64]) -> Spread:
    """Return count, mean and percentiles of some durations."""
    if not len(times_us):
        return Spread(0)
    p50, p90, p95 = np.percentile(times_us, (50, 90, 95)) / HOUR_US
    return Spread(len(times_us), float(times_us.mean()) / HOUR_US, float(p50), float(p90), float(p95))


def within(target: Target, cases: Sequence[CaseTimes], calendar: LabCalendar, now_us: int) -> Within:
    """Return how many of the cases that a target counts kept it; those with contradicting clocks are counted apart."""
    asked = [case for case in cases if counts(target, case)]
    counted = [case for case in asked if not contradict(case, target.start, target.stop)]
    closed = [case for case in counted if stop_us(case, target.stop) is not None]
    still_open = [case for case in counted if stop_us(case, target.stop) is None]
    kept = int((_taken_us(target, closed, calendar, now_us) <= target.days * DAY_US).sum())
    late = int((_taken_us(target, still_open, calendar, now_us) > target.days * DAY_US).sum())
    percent = 100 * kept / len(closed) if closed else None
    return Within(
        target.name, define(target), target.percentile, target.days, target.clock, len(closed), kept, percent,
        None if percent is None else percent >= target.percentile, len(still_open), late,
        len(asked) - len(counted),
    )  # fmt: skip


def _taken_us(target: Target, cases: Sequence[CaseTimes], calendar: LabCalendar, now_us: int) -> npt.NDArray[np.int64]:
    starts = np.array([start_us(case, target.start) or 0 for case in cases], np.int64)
    stops = np.array([_or(stop_us(case, target.stop), now_us) for case in cases], np.int64)
    return calendar.working_us_of(starts, stops) if target.clock == "working" else np.maximum(stops - starts, 0)


def _ages(cases: Sequence[CaseTimes], start: ClockStart, now_us: int) -> OpenAges:
    starts = [begun for case in cases if (begun := start_us(case, start)) is not None]
    if not starts:
        return OpenAges(len(cases))
    ages = np.maximum(now_us - np.array(starts, np.int64), 0) / HOUR_US
    return OpenAges(len(cases), float(ages.mean()), float(np.median(ages)), float(ages.max()))


def _or(moment_us: int | None, otherwise_us: int) -> int:
    return otherwise_us if moment_us is None else moment_us
