"""Runs systems many times over in processes, through the same door as `histotwin simulate`. Judges nothing."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from simulations.validation.oracle import Length
from twin.calendars import Timetable
from twin.checks import BrokenLawError
from twin.lab import load_lab
from twin.simulate import replicate
from twin.variates import Streams

HOURS_A_WEEK = 168
PARTS = 10
"""A system is run in so many tasks, so that none is too short for its way to another process."""

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class System:
    """A lab file and how it is watched, from the replication of number `first` on.

    `luck` names the luck, so that systems can share it; else the lab's own name does.
    """

    path: Path
    length: Length
    luck: str | None = None
    first: int = 0


@dataclass(frozen=True, slots=True)
class Runs:
    """The measures of every replication, in order; `broken` says which law of nature a run broke, if one did."""

    kpis: tuple[dict[str, float], ...]
    broken: str | None = None

    def __add__(self, more: "Runs") -> "Runs":
        """Return these replications and those after them."""
        return Runs(self.kpis + more.kpis, self.broken or more.broken)


def watch(systems: Sequence[System], *, seed: int, jobs: int, tell: Tell) -> dict[System, Runs]:
    """Run every system's replications and return what was measured."""
    wanted = list(dict.fromkeys(systems))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        tasks = {system: list(_tasks(pool, system, seed)) for system in wanted}
        total = sum(len(parts) for parts in tasks.values())
        runs: dict[System, Runs] = {}
        done = 0
        for system, parts in tasks.items():
            runs[system] = sum((part.result() for part in parts), Runs(()))
            done += len(parts)
            tell(done, total)
    return runs


def run_part(system: System, seed: int, first: int, last: int) -> Runs:
    """Run the replications from `first` up to, not including, `last`; stop at a broken law."""
    lab = load_lab(system.path)
    timetable = Timetable(lab)
    kpis: list[dict[str, float]] = []
    for number in range(first, last):
        try:
            kpis.append(
                replicate(
                    lab,
                    Streams(seed, system.luck or lab.name, number),
                    weeks=system.length.hours / HOURS_A_WEEK,
                    warm_up_weeks=system.length.warm_up_hours / HOURS_A_WEEK,
                    timetable=timetable,
                )
            )
        except BrokenLawError as error:
            return Runs(tuple(kpis), str(error))
    return Runs(tuple(kpis))


def _tasks(pool: ProcessPoolExecutor, system: System, seed: int) -> Iterator[Future[Runs]]:
    count = system.length.replications
    size = max(1, count // PARTS)
    for start in range(0, count, size):
        first, last = system.first + start, system.first + min(start + size, count)
        yield pool.submit(run_part, system, seed, first, last)
