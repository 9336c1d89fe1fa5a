"""A lab as a running simulation: stations joined to a pathway, and items sent along it. Luck only from its streams."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
from simpy import Environment

from twin.arrivals import CaseMaker, arrival_times
from twin.calendars import Timetable, most_people
from twin.distributions import HOUR, Duration
from twin.engine.agenda import ARRIVAL, Agenda, Signal
from twin.engine.batches import Collector
from twin.engine.machines import MachineGroup
from twin.engine.staff import StaffPool
from twin.items import AWAY, Block, Case, Item, Slides, Specimen
from twin.lab import LEVELS, PRIORITIES, Handling, Lab, Programme, Rework, Step
from twin.observe import SILENT, Observer
from twin.placement import place
from twin.snapshot import LabState
from twin.stations import Advance, BatchStation, HandStation, Making, Run, Station
from twin.variates import Draws, Streams

RANKS: dict[str, int] = {priority: rank for rank, priority in enumerate(PRIORITIES)}
"""Rank of each priority: lower is served first."""


class LabModel:
    """One lab at work in a SimPy environment whose clock counts µs since 1970 UTC.

    `initial` is a live state to start from, `cases_per_week` overrides the file's load, `timetable` may be shared by
    models of the same lab.
    """

    def __init__(
        self,
        lab: Lab,
        env: Environment,
        streams: Streams,
        observer: Observer = SILENT,
        *,
        initial: LabState | None = None,
        cases_per_week: float | None = None,
        first_case_number: int = 1,
        timetable: Timetable | None = None,
    ) -> None:
        self.lab = lab
        self.agenda = Agenda(env)
        self.started_us = self.agenda.now
        self.streams = streams
        self.observer = observer
        self.timetable = timetable or Timetable(lab)
        self.open_cases: dict[str, Case] = {}
        self.received = self.finished = 0
        self.maker = CaseMaker(lab, streams, self.timetable, first_case_number)
        self.levels = [LEVELS.index(step.per) for step in lab.steps]
        self.pools = {name: self._pool(name) for name in lab.staff}
        self.machines = {name: self._machines(name) for name in lab.machines}
        self.stations: list[Station] = [self._station(index, step) for index, step in enumerate(lab.steps)]
        self._rework = _ReworkLuck(lab, streams)
        self._arrivals = self._arrival_stream(lab.demand.cases_per_week if cases_per_week is None else cases_per_week)
        self._on_arrival = [self._receive]
        self._await_arrival(Signal())
        self.initial = 0 if initial is None else place(self, initial)

    def admit(self, case: Case) -> None:
        """Take in a case that comes from outside."""
        self.received += 1
        self.open_cases[case.barcode] = case
        self.observer.case_received(case, self.agenda.now)
        self.advance(case, 0)

    def advance(self, item: Item, index: int) -> None:
        """Send an item on to a step, or to the first after it that it needs."""
        while item.skips >> index & 1:
            index += 1
        if index >= len(self.stations):
            self._leave(item)
        elif self.levels[index] == item.level:
            self.stations[index].arrive(item)
        elif self.levels[index] > item.level:
            self._scatter(item, index)
        else:
            self.join(item, index)

    def after_reporting(self, case: Case, index: int) -> None:
        """Let the pathologist ask for more slides, or send the report on."""
        case.looks += 1
        rule = self._rework.rule()
        if rule is None or not case.blocks:
            case.reported_us = self.agenda.now
            self.observer.case_reported(case, case.reader, self.agenda.now)
            self.advance(case, index)
        else:
            self._send_back(case, rule)

    def marks(self) -> None:
        """Bring the time integrals of all resources up to now."""
        for pool in self.pools.values():
            pool.mark()
        for group in self.machines.values():
            group.mark()

    def _scatter(self, item: Item, index: int) -> None:
        children = list(_children(item))
        item.step = AWAY
        item.pending = sum(child.quantity for child in children)
        for child in children:
            self.advance(child, index)

    def join(self, item: Item, index: int) -> None:
        """Let an item wait for its kin before a step on their parent; the last to come sends the parent on."""
        item.step = index
        item.started_us = None
        item.arrived_us = self.agenda.now
        parent = _parent(item)
        parent.pending -= item.quantity
        if parent.pending == 0:
            self._gather(parent)
            self.advance(parent, index)

    def _gather(self, parent: Item) -> None:
        for child in _children(parent):
            child.step = AWAY
        if isinstance(parent, Block):
            parent.parts = []

    def _leave(self, item: Item) -> None:
        if item.level:
            self.join(item, len(self.stations))
            return
        case = item.case
        self.finished += 1
        del self.open_cases[case.barcode]
        case.step = AWAY
        self.observer.case_authorised(case, self.agenda.now)

    def _send_back(self, case: Case, rule: Rework) -> None:
        blocks = case.blocks
        block = blocks[self._rework.which(len(blocks))]
        block.due = self._rework.slides(rule)
        self.observer.work_requested(rule.kind, block, block.due, self.agenda.now)
        case.step = block.specimen.step = AWAY
        case.pending = block.specimen.pending = 1
        self.advance(block, self.lab.step_index(rule.return_to))

    def _arrival_stream(self, cases_per_week: float) -> Iterator[int]:
        rng = self.streams.generator("demand", "arrivals")
        return arrival_times(rng, self.timetable, cases_per_week, self.agenda.now)

    def _await_arrival(self, signal: Signal) -> None:
        moment = next(self._arrivals, None)
        if moment is not None:
            self.agenda.at(moment, ARRIVAL, self._on_arrival, signal)

    def _receive(self, signal: Signal) -> None:
        self._await_arrival(signal)
        self.admit(self.maker.new_case(self.agenda.now, self.open_cases))

    def _pool(self, name: str) -> StaffPool:
        now = self.agenda.now
        changes = self.timetable.capacity_changes(name, now)
        return StaffPool(self.agenda, name, self.timetable.capacity(name, now), changes)

    def _machines(self, name: str) -> MachineGroup:
        spec = self.lab.machines[name]
        group = MachineGroup(self.agenda, name, spec.count)
        group.on_failure = self.observer.machine_failed
        group.on_repair = self.observer.machine_repaired
        if spec.failures:
            for unit in range(spec.count):
                group.fails(unit, self._lives(name, unit))
        return group

    def _lives(self, name: str, unit: int) -> Iterator[tuple[int, int]]:
        failures = self.lab.machines[name].failures
        if failures is None:
            return
        rng = self.streams.generator(name, f"failures of unit {unit}")
        while True:
            working = rng.exponential(failures.mean_hours_between * HOUR)
            yield int(working), failures.repair.sample_us(rng, 1)[0]

    def _station(self, index: int, step: Step) -> Station:
        advance: Advance = self.after_reporting if step.name == "reporting" else self.advance
        if step.batch is not None:
            return self._batch_station(index, step, advance)
        pool = self.pools[step.staff] if step.staff else None
        return HandStation(
            self.agenda,
            self._observer_of(step),
            step.name,
            index,
            pool=pool,
            machine=self.machines[step.machine] if step.machine else None,
            duration=self._draws(step.name, "duration", step.duration),
            repeat=self._draws(step.name, "repeat", step.repeat_duration) if step.repeat_duration else None,
            per_slide=step.per == "slide",
            benches=most_people(self.lab.staff[step.staff]) if step.staff else 0,
            making=self._making(step),
            advance=advance,
        )

    def _observer_of(self, step: Step) -> Observer:
        return _Reporting(self.observer) if step.name == "reporting" else self.observer

    def _making(self, step: Step) -> Making | None:
        if step.makes == "block":
            return self.make_blocks
        return _make_slides if step.makes == "slide" else None

    def make_blocks(self, specimen: Specimen) -> Sequence[Item]:
        """Bring to light the blocks that a specimen's plan holds."""
        for index, slides in enumerate(specimen.plan):
            block = Block(specimen, index, slides)
            block.skips = specimen.block_skips
            specimen.blocks.append(block)
        return specimen.blocks

    def _batch_station(self, index: int, step: Step, advance: Advance) -> BatchStation:
        batch = step.batch
        assert batch is not None  # noqa: S101 - the caller looked
        station = BatchStation(
            self.agenda,
            self.observer,
            step.name,
            index,
            machine=self.machines[batch.machine],
            load=self._handling(step, "load", batch.load),
            unload=self._handling(step, "unload", batch.unload),
            attended=batch.attended,
            advance=advance,
        )
        station.runs = [self._run(station, number, spec) for number, spec in enumerate(batch.programmes)]
        station.by_rank = [
            next(run for run, spec in zip(station.runs, batch.programmes, strict=True) if priority in spec.priorities)
            for priority in PRIORITIES
        ]
        return station

    def _run(self, station: BatchStation, number: int, spec: Programme) -> Run:
        run = Run(number, self._draws(station.name, f"run {spec.name}", spec.run))
        wait = spec.close.max_wait
        run.collector = Collector(
            self.agenda,
            station.submit,
            spec.size,
            programme=number,
            closes_full=spec.close.full,
            closes_any=spec.close.any,
            max_wait=self._draws(station.name, f"wait {spec.name}", wait) if wait else None,
            clock=self.timetable.clock_times(spec.close.at, spec.close.days, self.agenda.now),
            top_up=spec.top_up,
        )
        return run

    def _handling(self, step: Step, purpose: str, handling: Handling | None) -> tuple[StaffPool, Draws] | None:
        if handling is None:
            return None
        return self.pools[handling.staff], self._draws(step.name, purpose, handling.duration)

    def _draws(self, step: str, purpose: str, duration: Duration | None) -> Draws:
        if duration is None:
            raise ValueError(f"{step} has no {purpose}")
        return Draws(self.streams.generator(step, purpose), duration.sample_us)


class _Reporting(Observer):
    """Tells of an assignment when a pathologist first takes a case."""

    __slots__ = ("_observer",)

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def step_started(self, work: Item, step: str, unit: int, t: int) -> None:
        if not work.case.looks:
            self._observer.case_assigned(work.case, unit, t)
        self._observer.step_started(work, step, unit, t)

    def step_completed(self, work: Item, step: str, unit: int, t: int, children: Sequence[Item]) -> None:
        work.case.reader = unit
        self._observer.step_completed(work, step, unit, t, children)


class _ReworkLuck:
    """What the pathologist asks for at each look."""

    def __init__(self, lab: Lab, streams: Streams) -> None:
        self._rules = lab.rework
        self._bounds = list(accumulate(rule.probability for rule in lab.rework))
        self._rng: np.random.Generator | None = streams.generator("reporting", "rework") if lab.rework else None

    def rule(self) -> Rework | None:
        """Return a rule, or None when the case can be reported."""
        if self._rng is None:
            return None
        luck = self._rng.random()
        return next((rule for rule, bound in zip(self._rules, self._bounds, strict=True) if luck < bound), None)

    def which(self, blocks: int) -> int:
        """Return the index of the block concerned."""
        return 0 if self._rng is None else int(self._rng.integers(blocks))

    def slides(self, rule: Rework) -> int:
        """Return how many new slides."""
        return 1 if self._rng is None else rule.slides.sample(self._rng, 1)[0]


def _make_slides(block: Block) -> Sequence[Item]:
    first = block.slides
    block.slides += block.due
    slides = Slides(block, range(first, block.slides))
    slides.skips = block.skips
    block.due = 0
    return (slides,)


def _children(item: Item) -> Sequence[Item]:
    if isinstance(item, Case):
        return item.specimens
    if isinstance(item, Specimen):
        return item.blocks
    return item.parts if isinstance(item, Block) else ()


def _parent(item: Item) -> Item:
    if isinstance(item, Slides):
        return item.block
    return item.specimen if isinstance(item, Block) else item.case
