"""The six-step line as SimPy's documentation teaches it: the model to compare with. Nothing of histotwin may come in.

A process for each specimen, a `PriorityResource` for each staff group, a `Store` before the batch machine, hours as
floats, `random` for luck. Nobody is interrupted: who goes off duty asks for a person before all specimens and keeps
them, so that what was started is finished. The figures are those of the lab files beside this module.
"""

import math
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import simpy

PRIORITIES = ("urgent", "cancer", "routine")
WEIGHTS = (9, 26, 65)
OFF_DUTY = -1
"""Before every class of specimen."""
BATCH = 60
MINUTE = 1 / 60
WEEK_H = 7 * 24
STEPS = ("reception", "cut_up", "embedding", "microtomy", "reporting")
"""The steps by hand."""
Shifts = tuple[int, int, int]
"""People present from 07:00, from 15:00 and from 23:00."""
Process = Iterator[Any]


@dataclass(frozen=True)
class Load:
    """What comes and who is there: people by step on so many days of the week, from Monday on."""

    per_hour: float
    run_h: float
    days: int
    shifts: dict[str, Shifts]

    def present(self, step: str) -> list[int]:
        """Return the people present in each hour of the week, from Monday 00:00."""
        morning, evening, night = self.shifts[step]
        day = [night] * 7 + [morning] * 8 + [evening] * 8 + [night]
        return day * self.days + [0] * (24 * (7 - self.days))


ROUND_THE_CLOCK = Load(
    12.0,
    3.75,
    7,
    {
        "reception": (2, 2, 1),
        "cut_up": (4, 2, 1),
        "embedding": (2, 1, 1),
        "microtomy": (4, 3, 1),
        "reporting": (8, 6, 0),
    },
)
WEEKDAYS = Load(
    12.0,
    3.75,
    5,
    {
        "reception": (4, 3, 0),
        "cut_up": (6, 4, 0),
        "embedding": (4, 2, 0),
        "microtomy": (7, 4, 0),
        "reporting": (14, 6, 0),
    },
)


def _together(departments: int) -> Load:
    """Return so many departments of the weekdays' line under one roof, with a processor so many times as fast."""
    shifts = {step: tuple(departments * people for people in shift) for step, shift in WEEKDAYS.shifts.items()}
    return Load(departments * WEEKDAYS.per_hour, WEEKDAYS.run_h / departments, WEEKDAYS.days, shifts)


HUB, REGION = _together(4), _together(10)


@dataclass
class Staff:
    """The people of one step and what is recorded of them."""

    people: simpy.PriorityResource
    present: list[int]
    duration: Callable[[], float]
    busy_h: float = 0.0
    over_h: float = 0.0
    waits_h: list[float] = field(default_factory=list)


class Line:
    """Reception, cut-up, processing, embedding, microtomy and reporting, one item a specimen."""

    def __init__(self, seed: int, load: Load) -> None:
        self.env = simpy.Environment()
        self.load = load
        self.luck = random.Random(seed)
        triangular = self.luck.triangular
        self.staff = {
            "reception": self._staff(load.present("reception"), lambda: triangular(3, 10.75, 5) * MINUTE),
            "cut_up": self._staff(load.present("cut_up"), self._lognormal(8.75, 0.8)),
            "embedding": self._staff(load.present("embedding"), lambda: triangular(2, 9, 4) * MINUTE),
            "microtomy": self._staff(load.present("microtomy"), self._lognormal(10, 0.6)),
            "reporting": self._staff(load.present("reporting"), self._lognormal(17.5, 0.8)),
        }
        self.processor_inbox = simpy.Store(self.env)
        self.machine_h = 0.0
        self.turnaround_h: dict[str, list[float]] = {priority: [] for priority in PRIORITIES}
        self.arrived = 0
        self.env.process(self.processor())
        self.env.process(self.requests())

    def requests(self) -> Process:
        """Send in specimens for ever."""
        while True:
            yield self.env.timeout(self.luck.expovariate(self.load.per_hour))
            rank = self.luck.choices((0, 1, 2), WEIGHTS)[0]
            self.arrived += 1
            self.env.process(self.specimen(rank))

    def specimen(self, rank: int) -> Process:
        """Live the life of one specimen."""
        came = self.env.now
        yield from self.work("reception", rank)
        yield from self.work("cut_up", rank)
        processed = self.env.event()
        yield self.processor_inbox.put(processed)
        yield processed
        yield from self.work("embedding", rank)
        yield from self.work("microtomy", rank)
        yield from self.work("reporting", rank)
        self.turnaround_h[PRIORITIES[rank]].append(self.env.now - came)

    def work(self, step: str, rank: int) -> Process:
        """Wait for a person, and be worked on."""
        came = self.env.now
        staff = self.staff[step]
        with staff.people.request(priority=rank) as turn:
            yield turn
            staff.waits_h.append(self.env.now - came)
            hours = staff.duration()
            staff.busy_h += hours
            yield self.env.timeout(hours)

    def processor(self) -> Process:
        """Run the machine whenever a batch is full."""
        while True:
            batch = []
            while len(batch) < BATCH:
                batch.append((yield self.processor_inbox.get()))
            yield self.env.timeout(self.load.run_h)
            self.machine_h += self.load.run_h
            for processed in batch:
                processed.succeed()

    def off_duty(self, staff: Staff, person: int) -> Process:
        """Take a person away whenever the roster has fewer, once the work in hand is done."""
        for leaves_h, returns_h in absences(staff.present, person):
            yield self.env.timeout(leaves_h - self.env.now)
            with staff.people.request(priority=OFF_DUTY) as off:
                yield off
                staff.over_h += self.env.now - leaves_h
                yield self.env.timeout(returns_h - self.env.now)

    def _staff(self, present: list[int], duration: Callable[[], float]) -> Staff:
        staff = Staff(simpy.PriorityResource(self.env, max(present)), present, duration)
        for person in range(min(present), max(present)):
            self.env.process(self.off_duty(staff, person))
        return staff

    def _lognormal(self, mean_min: float, cv: float) -> Callable[[], float]:
        sigma = math.sqrt(math.log(1 + cv * cv))
        mu, draw = math.log(mean_min) - sigma * sigma / 2, self.luck.lognormvariate
        return lambda: draw(mu, sigma) * MINUTE


def absences(present: list[int], person: int) -> Iterator[tuple[int, int]]:
    """Yield the hours from which and to which a person (from 0) is away, week after week."""
    left: int | None = None
    for hour in count():
        is_away = present[hour % WEEK_H] <= person
        if is_away and left is None:
            left = hour
        elif not is_away and left is not None:
            yield left, hour
            left = None


def run(seed: int, weeks: float, load: Load) -> dict[str, float]:
    """Run the line from empty on a Monday at 00:00 and return its measures, named as histotwin names them."""
    line = Line(seed, load)
    line.env.run(until=weeks * WEEK_H)
    return {"arrived": line.arrived, **_turnaround(line), **_steps(line, weeks * WEEK_H)}


def _turnaround(line: Line) -> dict[str, float]:
    everybody = [hours / 24 for one in line.turnaround_h.values() for hours in one]
    measures = {f"tat_mean_d.{name}": statistics.fmean(one) / 24 for name, one in line.turnaround_h.items()}
    cuts = statistics.quantiles(everybody, n=20)
    measures |= {"finished": len(everybody), "tat_mean_d": statistics.fmean(everybody)}
    return measures | {"tat_p50_d": cuts[9], "tat_p90_d": cuts[17], "tat_p95_d": cuts[18]}


def _steps(line: Line, hours: float) -> dict[str, float]:
    measures = {"utilisation.processor": line.machine_h / hours}
    for step in STEPS:
        staff = line.staff[step]
        present = statistics.fmean(staff.present) * hours
        measures[f"utilisation.{step}"] = (staff.busy_h - staff.over_h) / present
        measures[f"wait_mean_h.{step}"] = statistics.fmean(staff.waits_h)
    return measures
