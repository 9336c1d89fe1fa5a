"""Tiny labs and kernels whose every moment can be worked out by hand. Hours are whole multiples of 3.6e9 µs."""

from collections.abc import Iterable, Sequence
from typing import Any

from simpy import Environment

from twin.distributions import HOUR
from twin.engine.agenda import ARRIVAL, RELEASE, Agenda, Entry, Signal
from twin.engine.machines import MachineGroup
from twin.engine.staff import StaffPool
from twin.lab import Lab

MONDAY_US = 1_788_739_200_000_000
"""2026-09-07 00:00 UTC; 01:00 in London."""

FLAT = {day: [1.0] * 24 for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def constant(hours: float) -> dict[str, Any]:
    return {"kind": "constant", "value": hours, "unit": "h"}


def always(people: int) -> dict[str, Any]:
    return {"people": people}


def document(**changes: Any) -> dict[str, Any]:
    """A lab of one step: one pair of hands, all day, one hour a case, nobody comes."""
    base = {
        "name": "micro",
        "title": "Micro",
        "synthetic": True,
        "timezone": "UTC",
        "demand": {"streams": [{"cases_per_week": 0}]},
        "staff": {"hands": always(1)},
        "steps": [{"name": "reporting", "per": "case", "staff": "hands", "duration": constant(1)}],
    }
    return {**base, **changes}


def lab(**changes: Any) -> Lab:
    return Lab.model_validate(document(**changes))


class Job(Entry):
    """A customer: comes, is served once, leaves."""

    __slots__ = ("came", "ended", "name", "rank", "started", "takes")

    def __init__(self, name: str, came: float, takes: float, rank: int = 0) -> None:
        self.name = name
        self.came, self.takes, self.rank = came, takes, rank
        self.started = self.ended = -1.0


class Bench:
    """One pool, and a machine group if wanted, serving jobs at stated times in hours from zero."""

    def __init__(self, people: int, changes: Iterable[tuple[float, int]] = (), machines: int = 0) -> None:
        self.env = Environment(0)
        self.agenda = Agenda(self.env)
        steps = iter([(round(at * HOUR), capacity) for at, capacity in changes])
        self.pool = StaffPool(self.agenda, "hands", people, steps)
        self.group = MachineGroup(self.agenda, "machine", machines) if machines else None

    def serve(self, jobs: Sequence[Job], until: float = 1000) -> Sequence[Job]:
        for job in jobs:
            self.agenda.at(round(job.came * HOUR), ARRIVAL, [self._come], job)
        self.env.run(until=round(until * HOUR))
        return jobs

    def _come(self, job: Job) -> None:
        self.pool.request(job.rank, self._begin, job, self.group)

    def _begin(self, job: Job) -> None:
        job.started = self.agenda.now / HOUR
        unit = self.group.take(job) if self.group else 0
        end = self.agenda.now + round(job.takes * HOUR)

        def finish(_: Any) -> None:
            job.ended = self.agenda.now / HOUR
            if self.group:
                self.group.release(unit)
            self.pool.release()

        self.agenda.at(end, RELEASE, [finish], Signal())
