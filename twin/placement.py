"""Puts a state into a model: every item where it is, work half done with what remains of it, machines with their load.

Decides nothing about the future except what is left of work under way. A person who is loading or unloading a machine
by hand at that moment is not part of a state: they start free, and the handling is done again from its beginning. Nor
is a carrier on the way back. What is on one carrier is one journey; where the carrier is not known, what set out from
one step at the same moment.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

import numpy as np

from twin.case_maker import CaseMaker
from twin.distributions import Duration, Sum
from twin.engine.agenda import Agenda
from twin.engine.batches import Batch
from twin.items import Block, Case, Item, Slides, Specimen
from twin.kinds import Kinds
from twin.lab import Lab, Transport
from twin.pathway import Pathway
from twin.record import Record
from twin.settle import Part, places, settled
from twin.snapshot import BlockState, CaseState, LabState, Place, SpecimenState
from twin.stations import BatchStation, CarriedStation, HandStation, Station
from twin.variates import Streams

_TRIES = 64


class Placeable(Protocol):
    """The parts of a model that a state is put into."""

    lab: Lab
    agenda: Agenda
    streams: Streams
    maker: CaseMaker
    kinds: Kinds
    pathway: Pathway
    stations: list[Station]
    record: Record
    open_cases: dict[Case, None]

    def make_blocks(self, specimen: Specimen) -> Sequence[Item]:
        """Make the blocks that a specimen's plan says."""


class StateError(ValueError):
    """A state that cannot be put into this lab, with everything that is wrong in it."""


def problems(lab: Lab, state: LabState) -> list[str]:
    """Return a sentence for everything in a state that this lab cannot hold; empty when it fits."""
    steps = {step.name for step in lab.steps}
    found = []
    for case in state.cases:
        if case.priority not in lab.priorities:
            found.append(f"case {case.barcode}: priority {case.priority!r} is none of {', '.join(lab.priorities)}")
        spots = list(places(case))
        if not spots:
            found.append(f"case {case.barcode}: neither it nor any part of it is anywhere")
        found += [
            f"case {case.barcode}: {place.step!r} is no step of {lab.name}"
            for place in spots
            if place.step not in steps
        ]
    return found


def place(model: Placeable, state: LabState) -> int:
    """Put all cases of a state into a fresh model and return how many; raise `StateError` when they do not fit.

    Where a state has both an item and parts of it somewhere, the earliest step counts (see `settle`).
    """
    wrong = problems(model.lab, state)
    if wrong:
        raise StateError("; ".join(wrong))
    _Placement(model).put(state)
    model.record.found(len(state.cases))
    model.maker.number = max([model.maker.number, *(_number(case.barcode) + 1 for case in state.cases)])
    return len(state.cases)


class _Placement:
    def __init__(self, model: Placeable) -> None:
        self._model = model
        self._found: list[tuple[Item, int, Place]] = []
        self._steps: dict[str, int] = {step.name: index for index, step in enumerate(model.lab.steps)}
        self._luck: dict[str, np.random.Generator] = {}

    def put(self, state: LabState) -> None:
        for case in state.cases:
            self._case(settled(case, self._steps))
        at_work = [found for found in self._found if found[2].started_us is not None]
        self._resume_hands([found for found in at_work if self._is_at(found[1], HandStation)])
        self._resume_runs([found for found in at_work if self._is_at(found[1], BatchStation)])
        self._resume_journeys([found for found in at_work if self._is_at(found[1], CarriedStation)])
        waiting = [found for found in self._found if found[2].started_us is None]
        for item, index, spot in sorted(waiting, key=lambda found: found[2].since_us):
            self._wait(item, index, spot)

    def _case(self, state: CaseState) -> None:
        model = self._model
        case = model.maker.known(state.barcode, state.priority, state.received_us, state.attributes)
        case.is_initial, case.looks, case.reported_us = True, state.looks, state.reported_us
        model.open_cases[case] = None
        for index, specimen in enumerate(state.specimens):
            self._specimen(case, index, specimen)
        if not case.specimens and model.maker.has_parts:
            model.maker.add_specimen(case, 0)
        case.pending = sum(_is_active(specimen) for specimen in state.specimens)
        self._locate(case, state.place)

    def _specimen(self, case: Case, index: int, state: SpecimenState) -> None:
        specimen = self._model.maker.add_specimen(case, index, state.barcode, state.attributes)
        for number, block in enumerate(state.blocks):
            self._block(specimen, number, block)
        specimen.pending = sum(_is_active(block) for block in state.blocks)
        self._locate(specimen, state.place)

    def _block(self, specimen: Specimen, index: int, state: BlockState) -> None:
        maker = self._model.maker
        kind = maker.block_kind(specimen.kind, state.attributes)
        block = Block(specimen, index, kind, maker.slides(kind), state.barcode)
        specimen.blocks.append(block)
        block.slides = len(state.slides)
        block.slide_barcodes = {number: slide.barcode for number, slide in enumerate(state.slides)}
        places = [(slide.place, number) for number, slide in enumerate(state.slides) if slide.place]
        block.pending = len(places)
        for spot, numbers in _together(places):
            self._locate(Slides(block, block.kind, numbers), spot)
        self._locate(block, state.place)

    def _locate(self, item: Item, spot: Place | None) -> None:
        if spot is None:
            return
        index = self._steps[spot.step]
        if self._model.pathway.levels[index] <= item.level:
            self._found.append((item, index, spot))
            return
        children = self._children(item)
        item.pending = sum(child.quantity for child in children)
        for child in children:
            self._locate(child, spot)

    def _children(self, item: Item) -> Sequence[Item]:
        if isinstance(item, Case):
            return item.specimens
        if isinstance(item, Specimen):
            return item.blocks or self._model.make_blocks(item)
        if isinstance(item, Block) and not item.parts:
            item.slides = item.slides or item.due
            Slides(item, item.kind, range(item.slides))
        return item.parts if isinstance(item, Block) else ()

    def _is_at(self, index: int, station: type[Station]) -> bool:
        return isinstance(self._model.stations[index], station)

    def _resume_hands(self, found: list[tuple[Item, int, Place]]) -> None:
        for item, index, spot in found:
            station = self._model.stations[index]
            if isinstance(station, HandStation) and spot.started_us is not None:
                item.arrived_us = spot.since_us
                station.resume(item, spot.started_us, spot.unit, self._left_by_hand(item, index, spot.started_us))

    def _resume_runs(self, found: list[tuple[Item, int, Place]]) -> None:
        def run(entry: tuple[Item, int, Place]) -> tuple[int, str, int, int]:
            spot = entry[2]
            loose = spot.run is None
            return entry[1], spot.run or "", spot.unit or 0, (spot.started_us or 0) if loose else 0

        for _, members in groupby(sorted(found, key=run), key=run):
            self._resume_run(list(members))

    def _resume_run(self, members: list[tuple[Item, int, Place]]) -> None:
        index, spot = members[0][1:]
        station = self._model.stations[index]
        if not isinstance(station, BatchStation):
            return
        started = min(member[2].started_us or 0 for member in members)
        most_urgent = min((item for item, _, _ in members), key=lambda item: item.rank)
        batch = Batch(station.runs_by_kind[most_urgent.kind].index, spot.since_us)
        for item, _, at in members:
            item.arrived_us, item.run = at.since_us, at.run
            batch.add(item, item.quantity)
        station.resume(batch, started, spot.unit, self._left_in_run(index, batch.programme, started))

    def _resume_journeys(self, found: list[tuple[Item, int, Place]]) -> None:
        def journey(entry: tuple[Item, int, Place]) -> tuple[int, int, int]:
            _, index, spot = entry
            return (index, -1, spot.started_us or 0) if spot.unit is None else (index, spot.unit, 0)

        for _, members in groupby(sorted(found, key=journey), key=journey):
            self._resume_journey(list(members))

    def _resume_journey(self, members: list[tuple[Item, int, Place]]) -> None:
        index, spot = members[0][1:]
        station = self._model.stations[index]
        transport = self._model.lab.steps[index].transport
        if not isinstance(station, CarriedStation) or transport is None:
            return
        started = min(member[2].started_us or 0 for member in members)
        delivery = Batch(0, spot.since_us)
        for item, _, at in sorted(members, key=lambda member: member[2].since_us):
            item.arrived_us = at.since_us
            delivery.add(item, item.quantity)
        elapsed = self._model.agenda.now - started
        left = _whole_way(transport).remaining_us(self._rng(station.name), elapsed)
        station.resume(delivery, started, spot.unit, left)

    def _wait(self, item: Item, index: int, spot: Place) -> None:
        model = self._model
        item.arrived_us = spot.since_us
        if model.pathway.levels[index] == item.level:
            model.stations[index].queue(item)
        else:
            model.pathway.join(item, index)
            item.arrived_us = spot.since_us

    def _left_by_hand(self, item: Item, index: int, started_us: int) -> int:
        step = self._model.lab.steps[index]
        ruled = step.repeat_duration if step.repeat_duration and item.case.looks else step.duration
        if ruled is None:
            return 0
        duration = ruled.of(self._model.kinds.attributes(item.kind))
        elapsed = self._model.agenda.now - started_us
        if item.quantity > 1:
            return _left_of_many(duration, self._rng(step.name), item.quantity, elapsed)
        return duration.remaining_us(self._rng(step.name), elapsed)

    def _left_in_run(self, index: int, programme: int, started_us: int) -> int:
        step = self._model.lab.steps[index]
        if step.batch is None:
            return 0
        run = step.batch.programmes[programme].run
        return run.remaining_us(self._rng(step.name), self._model.agenda.now - started_us)

    def _rng(self, step: str) -> np.random.Generator:
        if step not in self._luck:
            self._luck[step] = self._model.streams.generator(step, "remaining")
        return self._luck[step]


def _whole_way(transport: Transport) -> Duration:
    parts = [part for part in (transport.load, transport.there, transport.unload) if part is not None]
    return Sum.model_validate({"kind": "sum", "parts": [{"duration": part} for part in parts]})


def _number(barcode: str) -> int:
    """Return the number a case barcode ends with, so that new cases go on from there; 0 when it has none."""
    digits = barcode[len(barcode.rstrip("0123456789")) :]
    return int(digits) if 0 < len(digits) <= 9 else 0


def _left_of_many(duration: Duration, rng: np.random.Generator, n: int, elapsed_us: int) -> int:
    """Return what is left of `n` pieces of work done one after the other, by trying; 0 when it should be over."""
    for _ in range(_TRIES):
        whole = sum(duration.sample_us(rng, n))
        if whole > elapsed_us:
            return whole - elapsed_us
    return 0


def _together(places: list[tuple[Place, int]]) -> list[tuple[Place, list[int]]]:
    grouped: dict[Place, list[int]] = {}
    for spot, number in places:
        grouped.setdefault(spot, []).append(number)
    return list(grouped.items())


def _is_active(state: CaseState | Part) -> bool:
    return next(places(state), None) is not None
