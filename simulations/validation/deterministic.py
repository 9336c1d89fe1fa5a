"""Worked examples: small laboratories without luck, whose every moment can be said beforehand, to the microsecond.

Most are worked examples of other simulators' tests, recomputed by hand; the lab files in `cases/` name them.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from simpy import Environment

from simulations.validation.verdicts import Verdict
from twin.calendars import Timetable
from twin.checks import BrokenLawError
from twin.distributions import HOUR
from twin.lab import load_lab
from twin.model import LabModel
from twin.simulate import run_and_measure
from twin.variates import Streams

CASES = Path(__file__).parent / "cases"
HOURS_A_WEEK = 168


@dataclass(frozen=True, slots=True)
class Visited:
    """What the visits to one step must be, in the order they end, in hours after the start; None: not looked at."""

    step: str
    came: str | None = None
    started: str | None = None
    ended: str | None = None
    waited: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One worked example, run for so many hours. `measures` are those of the whole run that must come out as said."""

    id: str
    what: str
    file: str
    hours: float
    visited: tuple[Visited, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The lab file."""
        return CASES / f"{self.file}.yaml"


def _served(**moments: str) -> tuple[Visited, ...]:
    return (Visited("serve", **moments),)


INTERRUPTED = {"restart": "13 19", "resume": "13 17", "resample": "13 16"}
SHIFT_END = {"restart": "19", "resume": "15", "resample": "29"}
SLOTS = "1 1 1 2 2 3 3 3 4"
SLOTS_LATE = "1.05 1.05 1.05 2.05 2.05 3.05 3.05 3.05 4.05"

CASES_IN_ORDER = (
    Case("D1", "first come, first served", "first-come", 10, _served(
        started="1 2.5 4 5.5 7", ended="2.5 4 5.5 7 8.5")),
    Case("D2", "last come, first served", "last-come", 9.05, _served(
        came="1 2 4 5 7", ended="2.6 4.2 5.8 7.4 9")),
    Case("D3", "arrivals in pairs", "pairs", 31, _served(
        started="5 7 10 12 15 17 20 22 25 27", waited="0 2 0 2 3 5 7 9 7 9")),
    Case("D4", "the urgent interrupts nobody", "urgent-waits", 20, _served(
        started="1.5 6.5 11.5", ended="6.5 11.5 15.5")),
    Case("D4", "the urgent interrupts", "urgent-interrupts", 20, _served(
        came="1.5 7.5 5", ended="6.5 11.5 16.5")),
    *(Case("D5", f"interrupted work: {how}", f"interrupted-{how}", 20, _served(came="3 1", ended=ended))
      for how, ended in INTERRUPTED.items()),
    *(Case("D6", f"the shift ends: {how}", f"shift-end-{how}", 40, _served(came="1", ended=ended))
      for how, ended in SHIFT_END.items()),
    Case("D8", "a machine starts on the hour", "slots", 5, (Visited("process", started=SLOTS),)),
    Case("D8", "the same, three minutes past", "slots-late", 5, (Visited("process", started=SLOTS_LATE),)),
    Case("D9", "starts in a cycle", "slots-repeated", 18, (
        Visited("process", started="1.5 4.4 4.4 4.4 5.9 8.8 8.8 17.6"),)),
    Case("D13", "the impatient leave", "reneging", 47, _served(
        came="14 7 28 21 35", waited="3 0 3 0 0", ended="17 18 31 32 46"), {"lost": 2, "finished": 3}),
    Case("D15", "share of time at work", "busy-one", 14, measures={"utilisation.server": 0.5}),
    Case("D15", "share of three people's time", "busy-three", 20, measures={"utilisation.server": 4 / 15}),
    Case("D15", "share of time that people are there", "busy-shifts", 23, measures={"utilisation.server": 21 / 37}),
    Case("D17", "blocked past the shift's end", "blocking", 13.15, (
        Visited("one", started="1 2 4.1 7.1 10.1"),
        Visited("two", started="1.1 4.1 7.1 10.1", ended="4.1 7.1 10.1 13.1"))),
    Case("D18", "36 seconds in shifts of three minutes", "exact-time", 10, _served(
        started=" ".join(f"{3 * shift}.5{piece}" for shift in range(4) for piece in range(5)))),
    Case("D19", "release goes before seize", "release-first", 10.5, _served(
        started="0 1 2 3 4 5 6 7 8 9", waited="0 0 0 0 0 0 0 0 0 0"), {"finished": 10, "lost": 0}),
    Case("D19", "and so it does at two stations", "release-first-twice", 41, (
        Visited("one", started="10 20 30", waited="0 0 0"), Visited("two", ended="20 30 40", waited="0 0 0"))),
    Case("D20", "every second customer is lost", "lost", 101, _served(
        ended=" ".join(f"{1 + 2 * number + 1.5}" for number in range(50))),
        {"finished": 50, "lost": 50, "utilisation.server": 75 / 101}),
    Case("D22", "nobody before the earliest start", "fixation", 15, _served(
        started="4.31 6.21 6.93 8.83 9.55 11.45 12.17 14.07")),
)  # fmt: skip


def judge_case(case: Case) -> Verdict:
    """Run a worked example and return whether everything came out as said."""
    reasons = tuple(_differences(case))
    return Verdict(case.id, case.what, case.file, None, "exact", replications=1, reasons=reasons[:1])


def _differences(case: Case) -> Iterator[str]:
    lab = load_lab(case.path)
    timetable = Timetable(lab)
    clock = Environment(timetable.start_us)
    model = LabModel(lab, clock, Streams(0, lab.name), timetable=timetable, keeps_visits=True)
    try:
        measures = run_and_measure(model, weeks=case.hours / HOURS_A_WEEK, warm_up_weeks=0)
    except BrokenLawError as error:
        yield str(error)
        return
    for visited in case.visited:
        yield from _moments_that_differ(model, visited)
    for name, expected in case.measures.items():
        if not math.isclose(measures.get(name, math.nan), expected, rel_tol=1e-12):
            yield f"{name} is {measures.get(name)}, not {expected:.6g}"


def _moments_that_differ(model: LabModel, visited: Visited) -> Iterator[str]:
    station = next(station for station in model.stations if station.name == visited.step)
    visits, start = station.visits, model.started_us
    if visits is None:
        raise ValueError(f"{visited.step} keeps no visits")
    found = {
        "came": (visits.arrived_us - start).tolist(),
        "started": (visits.started_us - start).tolist(),
        "ended": (visits.ended_us - start).tolist(),
        "waited": (visits.started_us - visits.arrived_us).tolist(),
    }
    for what, moments in found.items():
        said = getattr(visited, what)
        expected = None if said is None else [round(Decimal(hours) * HOUR) for hours in said.split()]
        if expected is not None and moments != expected:
            yield f"{visited.step} {what} {_hours(moments)}, not {said}"


def _hours(moments: list[int]) -> str:
    return " ".join(f"{Decimal(moment) / HOUR:g}" for moment in moments) or "never"
