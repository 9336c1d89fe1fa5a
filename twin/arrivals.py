"""When cases come and what is in them: a Poisson stream along the week's profile. Draws only from streams handed in."""

from collections.abc import Container, Iterator

import numpy as np

from twin.calendars import WEEK_HOURS, Timetable
from twin.distributions import HOUR, Floats
from twin.items import Case, Specimen
from twin.lab import PRIORITIES, Lab
from twin.variates import Draws, Streams

_GAPS = 128


def arrival_times(
    rng: np.random.Generator, timetable: Timetable, cases_per_week: float, after_us: int
) -> Iterator[int]:
    """Yield, for ever, the later moments (µs) of a Poisson stream whose rate is constant within each hour.

    By inversion of the cumulative rate, so that a heavier load under the same luck is the same stream, faster.
    """
    if cases_per_week <= 0:
        return
    start = after_us // HOUR * HOUR
    edges, cumulative = _week(timetable, start, 0.0)
    reached = float(np.interp(after_us, edges, cumulative))
    while True:
        targets = reached + np.cumsum(rng.exponential(1.0, _GAPS)) / cases_per_week
        reached = float(targets[-1])
        while reached > cumulative[-1]:
            more, further = _week(timetable, int(edges[-1]), float(cumulative[-1]))
            edges, cumulative = np.append(edges, more[1:]), np.append(cumulative, further[1:])
        yield from np.maximum(np.interp(targets, cumulative, edges).astype(np.int64), after_us + 1).tolist()


def _week(timetable: Timetable, start: int, base: float) -> tuple[Floats, Floats]:
    edges = start + HOUR * np.arange(WEEK_HOURS + 1, dtype=np.float64)
    shares = np.concatenate(([0.0], timetable.hourly_shares(start)))
    return edges, base + np.cumsum(shares)


class CaseMaker:
    """Makes new cases: their priority, specimens, and all that cut-up and microtomy will bring to light."""

    __slots__ = ("_blocks", "_optional", "_prefix", "_priority", "_slides", "_specimens", "_timetable", "number")

    def __init__(self, lab: Lab, streams: Streams, timetable: Timetable, first_case_number: int) -> None:
        demand = lab.demand
        weights = np.array([demand.priorities.get(priority, 0.0) for priority in PRIORITIES])
        shares = weights / weights.sum()
        self._timetable = timetable
        self._prefix = lab.accession_prefix
        self.number = first_case_number
        self._priority = Draws(
            streams.generator("demand", "priority"), lambda rng, n: rng.choice(len(shares), n, p=shares).tolist()
        )
        self._specimens = Draws(streams.generator("demand", "specimens"), demand.specimens_per_case.sample)
        self._blocks = Draws(streams.generator("demand", "blocks"), demand.blocks_per_specimen.sample)
        self._slides = Draws(streams.generator("demand", "slides"), demand.slides_per_block.sample)
        self._optional = [
            (index, step.per, _coin(streams, step.name, step.probability))
            for index, step in enumerate(lab.steps)
            if step.probability < 1
        ]

    def new_case(self, t: int, taken: Container[str] = ()) -> Case:
        """Return the next case, received at `t`, with its specimens; numbers already taken are passed by."""
        rank = self._priority()
        year = self._timetable.local_date(t).year % 100
        while (barcode := f"{self._prefix}{year:02d}-{self.number:06d}") in taken:
            self.number += 1
        self.number += 1
        case = Case(barcode, PRIORITIES[rank], rank, t)
        for index in range(self._specimens()):
            self.add_specimen(case, index)
        case.skips = self.skips("case")
        return case

    def add_specimen(self, case: Case, index: int, barcode: str | None = None) -> Specimen:
        """Add a specimen with a plan that cut-up will find, and decide which optional steps it passes by."""
        specimen = Specimen(case, index, self.plan(), barcode)
        specimen.skips = self.skips("specimen")
        specimen.block_skips = self.skips("block", "slide")
        case.specimens.append(specimen)
        return specimen

    def plan(self) -> list[int]:
        """Return the slides to come of each block of a specimen."""
        return [self._slides() for _ in range(self._blocks())]

    def slides(self) -> int:
        """Return the slides to come of one block."""
        return self._slides()

    def skips(self, *levels: str) -> int:
        """Return a bit mask of the optional steps per such items that are left out."""
        return sum(1 << index for index, level, is_left_out in self._optional if level in levels and is_left_out())


def _coin(streams: Streams, step: str, probability: float) -> Draws:
    return Draws(
        streams.generator(step, "needed"), lambda rng, n: (rng.random(n) >= probability).astype(np.int64).tolist()
    )
