"""A lab as a running simulation: cases come, go along the pathway and leave. Luck only from its streams.

How it is put together from a lab file is in `building`.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import numpy as np
from simpy import Environment

from twin.arrivals import moments
from twin.building import Builder
from twin.calendars import Timetable
from twin.case_maker import CaseMaker
from twin.engine.agenda import ARRIVAL, Agenda, Signal
from twin.items import AWAY, Block, Case, Item, Specimen
from twin.kinds import Kinds
from twin.lab import Lab, Rework, Stream
from twin.observe import Observer
from twin.pathway import Pathway
from twin.placement import place
from twin.record import Record
from twin.snapshot import LabState
from twin.start import initial_state
from twin.stations.terms import Onward
from twin.variates import Streams, draws


class LabModel:
    """One lab at work in a SimPy environment whose clock counts µs since 1970 UTC; several may share one.

    `initial` is a live state to start from (otherwise what the file says is there), `cases_per_week` overrides the
    file's load, `timetable` may be shared by models of the same lab, `keeps_visits` records every visit to every step.
    """

    def __init__(
        self,
        lab: Lab,
        env: Environment,
        streams: Streams,
        observer: Observer | None = None,
        *,
        initial: LabState | None = None,
        cases_per_week: float | None = None,
        first_case_number: int = 1,
        timetable: Timetable | None = None,
        keeps_visits: bool = False,
    ) -> None:
        self.lab = lab
        self.agenda = Agenda(env)
        self._env = env
        self.started_us = self.agenda.now
        self.streams = streams
        self.observer = observer
        self.timetable = timetable or Timetable(lab)
        self.record = Record(self.started_us)
        self.open_cases: dict[Case, None] = {}
        self.kinds = Kinds()
        self.maker = CaseMaker(lab, self.kinds, streams, self.timetable, first_case_number)
        self.pathway = Pathway(lab, self.kinds, self.leave)
        builder = Builder(self, keeps_visits=keeps_visits)
        self.pools, self.staff, self.machines = builder.pools, builder.staff, builder.machines
        self.stations = builder.stations
        self._rework = _ReworkLuck(lab, streams)
        self._take_in = self.pathway.way(0, 0)
        self._open_streams(cases_per_week)
        state = initial if initial is not None else initial_state(lab, self.started_us)
        self.initial = place(self, state) if state is not None else 0

    def admit(self, case: Case) -> None:
        """Take in a case that comes from outside."""
        now: int = self._env._now  # type: ignore[assignment]
        self.open_cases[case] = None
        self.record.came(now)
        if self.observer is not None:
            self.observer.case_received(case, now)
        self._take_in[case.kind](case)

    def leave(self, case: Case) -> None:
        """Let a finished case go."""
        now: int = self._env._now  # type: ignore[assignment]
        del self.open_cases[case]
        self.record.left(case, now)
        case.step = AWAY
        if self.observer is not None:
            self.observer.case_authorised(case, now)
        case.scatter()

    def lose(self, case: Case) -> None:
        """Let a case go unfinished: refused at a step that was full, or tired of waiting there."""
        del self.open_cases[case]
        self.record.gave_up(case, self.agenda.now)
        case.step = AWAY
        if self.observer is not None:
            self.observer.case_lost(case, self.agenda.now)
        case.scatter()

    def reported_or_sent_back(self, onward: Onward) -> Onward:
        """Return what takes a case on from reporting: more slides may be asked for first."""

        def after_reporting(case: Case) -> None:
            case.looks += 1
            rule = self._rework.rule()
            if rule is not None and case.parts and case.blocks:
                self._send_back(case, rule)
                return
            case.reported_us = self.agenda.now
            if self.observer is not None:
                self.observer.case_reported(case, case.reader, self.agenda.now)
            onward(case)

        return after_reporting

    def marks(self) -> None:
        """Bring the time integrals of all resources up to now."""
        for pool in self.pools.values():
            pool.mark()
        for group in self.machines.values():
            group.mark()

    def make_blocks(self, specimen: Specimen) -> Sequence[Item]:
        """Bring to light the blocks that a specimen's plan holds."""
        self.record.blocks += len(specimen.plan)
        specimen.parts = [Block(specimen, index, kind, slides) for index, (kind, slides) in enumerate(specimen.plan)]
        return specimen.parts

    def cut_slides(self, block: Block) -> Sequence[Item]:
        """Cut the slides that are due from a block."""
        self.record.slides += block.due
        return (block.cut(),)

    def _send_back(self, case: Case, rule: Rework) -> None:
        blocks = case.blocks
        block = blocks[self._rework.which(len(blocks))]
        block.due = self._rework.slides(rule)
        block.kind = self.kinds.plus(block.kind, "work", rule.kind)
        if self.observer is not None:
            self.observer.work_requested(rule.kind, block, block.due, self.agenda.now)
        case.step = block.specimen.step = AWAY
        case.pending = block.specimen.pending = 1
        self.pathway.way(block.level, self.lab.step_index(rule.return_to))[block.kind](block)

    def _open_streams(self, cases_per_week: float | None) -> None:
        weekly = self.lab.demand.cases_per_week
        factor = 1.0 if cases_per_week is None or not weekly else cases_per_week / weekly
        for stream in self.lab.demand.streams:
            rng = self.streams.generator("demand", f"arrivals {stream.name}")
            _Door(self, stream, moments(stream, rng, self.timetable, self.started_us, factor))


class _Door:
    """Lets the cases of one stream in at their moments."""

    __slots__ = ("_admit", "_agenda", "_env", "_make", "_moments", "_open", "_size")

    def __init__(self, model: LabModel, stream: Stream, times: Iterator[int]) -> None:
        self._agenda = model.agenda
        self._env = model.agenda.env
        self._admit = model.admit
        self._make = model.maker.source(stream)
        self._moments = times
        self._size: Callable[[], int] | None = None
        if stream.size.table() != {1: 1.0}:
            luck = model.streams.generator("demand", f"size {stream.name}")
            self._size = draws(luck, stream.size.sample)
        self._open = [self._let_in]
        self._await(Signal())

    def _await(self, signal: Signal) -> None:
        moment = next(self._moments, None)
        if moment is not None:
            self._agenda.at(moment, ARRIVAL, self._open, signal)

    def _let_in(self, signal: Signal) -> None:
        self._await(signal)
        now: int = self._env._now  # type: ignore[assignment]
        if self._size is None:
            self._admit(self._make(now))
            return
        for _ in range(self._size()):
            self._admit(self._make(now))


class _ReworkLuck:
    """What the pathologist asks for at each look: each question has a stream of its own."""

    def __init__(self, lab: Lab, streams: Streams) -> None:
        self._rules = lab.rework
        self._bounds = list(accumulate(rule.probability for rule in lab.rework))
        self._asks = _uniforms(streams.generator("reporting", "rework"))
        self._which = _uniforms(streams.generator("reporting", "block to return"))
        self._slides = {
            rule.kind: draws(streams.generator("reporting", f"slides {rule.kind}"), rule.slides.sample)
            for rule in lab.rework
        }

    def rule(self) -> Rework | None:
        """Return a rule, or None when the case can be reported."""
        if not self._rules:
            return None
        index = bisect_right(self._bounds, self._asks())
        return self._rules[index] if index < len(self._rules) else None

    def which(self, blocks: int) -> int:
        """Return the index of the block concerned."""
        return int(self._which() * blocks)

    def slides(self, rule: Rework) -> int:
        """Return how many new slides."""
        return self._slides[rule.kind]()


def _uniforms(rng: np.random.Generator) -> Callable[[], float]:
    return draws(rng, lambda luck, n: luck.random(n).tolist())
