"""Makes the steps of a model where items go together, in a machine or carried, from its lab file. Runs nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from twin import slots
from twin.distributions import Duration
from twin.engine.batches import UNLIMITED, Collector, Filling
from twin.engine.machines import MachineGroup
from twin.engine.slots import SlotCollector
from twin.kinds import ByKind
from twin.lab import Batch, Day, Handling, Programme, Step, Transport, fits
from twin.stations.carried import CarriedStation, Carrying
from twin.stations.in_machine import BatchStation, Hands, Run
from twin.stations.terms import Draw, Staff
from twin.stations.visits import Visits
from twin.variates import draws

if TYPE_CHECKING:
    from twin.model import LabModel


def fixed_rank(served_as: str, priorities: Sequence[str]) -> int | None:
    """Return the rank of a request that does not depend on who asks, lower served first; None for `own`."""
    fixed = {"own": None, "first": -1, "last": len(priorities)}
    return fixed[served_as] if served_as in fixed else priorities.index(served_as)


class Batching:
    """Makes the stations of one model where items go together, from the people and machines it has."""

    def __init__(self, model: "LabModel", staff: Mapping[str, Staff], machines: Mapping[str, MachineGroup]) -> None:
        self._model = model
        self._staff = staff
        self._machines = machines

    def in_machine(self, index: int, step: Step, batch: Batch, visits: Visits | None) -> BatchStation:
        """Return the station of a step in machines."""
        station = BatchStation(self._model.agenda, self._model.observer, step.name, index, visits)
        programmes = batch.programmes
        station.runs = [self._run(station, number, batch, one) for number, one in enumerate(programmes)]

        def of(kind: int) -> Run:
            attributes = self._model.kinds.attributes(kind)
            pairs = zip(station.runs, programmes, strict=True)
            return next(run for run, programme in pairs if fits(programme.when, attributes))

        station.runs_by_kind = ByKind(of)
        return station

    def carried(self, index: int, step: Step, transport: Transport, visits: Visits | None) -> CarriedStation:
        """Return the station of a step whose items are carried."""
        station = CarriedStation(
            self._model.agenda,
            self._model.observer,
            step.name,
            index,
            carrying=self._carrying(step.name, transport),
            carriers=transport.carriers,
            goes_alone=ByKind(lambda kind: self._goes_alone(transport, kind)),
            visits=visits,
            batches_line_up=transport.batches_line_up,
        )
        station.collector = Collector(
            self._model.agenda,
            station.submit,
            transport.size or UNLIMITED,
            closes_full=not transport.at,
            max_wait=self._maybe(step.name, "wait", transport.max_wait),
            clock=self._clock(transport.at, transport.days),
            was_called=self._was_called(transport.at, transport.days),
            top_up=False,
        )
        return station

    # in a machine

    def _run(self, station: BatchStation, number: int, batch: Batch, programme: Programme) -> Run:
        name = programme.name
        run = Run(
            number,
            self._machines[batch.machine_of(programme)],
            self._draw(station.name, f"run {name}", programme.run),
            self._hands(station.name, "load", programme, batch.load_of(programme)),
            self._hands(station.name, "unload", programme, batch.unload_of(programme)),
            rank=self._rank(programme.served_as or "own"),
            attended=batch.is_attended(programme),
            by_hand_after=self._maybe(station.name, f"by hand after {name}", programme.by_hand_after),
        )
        run.collector = self._filling(station, number, programme)
        return run

    def _filling(self, station: BatchStation, number: int, programme: Programme) -> Filling:
        agenda, close = self._model.agenda, programme.close
        if close.slots is not None:
            starts = slots.starts(close.slots, agenda.now)
            return SlotCollector(agenda, station.submit, programme.size, starts, programme=number)
        return Collector(
            agenda,
            station.submit,
            programme.size,
            programme=number,
            closes_full=close.full,
            least=close.least,
            max_wait=self._maybe(station.name, f"wait {programme.name}", close.max_wait),
            clock=self._clock(close.at, close.days),
            was_called=self._was_called(close.at, close.days),
            top_up=programme.top_up,
        )

    def _hands(self, step: str, purpose: str, programme: Programme, handling: Handling | None) -> Hands | None:
        if handling is None:
            return None
        draw = self._draw(step, f"{purpose} {programme.name}", handling.duration)
        return Hands(self._staff[handling.staff], draw, self._rank(programme.served_as or handling.served_as))

    # carried

    def _carrying(self, step: str, transport: Transport) -> Carrying:
        staff = self._staff[transport.staff] if transport.staff else None
        parts = {"load": transport.load, "there": transport.there, "unload": transport.unload}
        outward = [self._draw(step, name, part) for name, part in parts.items() if part is not None]
        return Carrying(staff, self._rank(transport.served_as), outward, self._maybe(step, "back", transport.back))

    def _goes_alone(self, transport: Transport, kind: int) -> bool:
        return transport.alone is not None and fits(transport.alone, self._model.kinds.attributes(kind))

    # both

    def _clock(self, times: tuple[int, ...], days: tuple[Day, ...]) -> Iterator[int]:
        return self._model.timetable.clock_times(times, days, self._model.agenda.now)

    def _was_called(self, times: tuple[int, ...], days: tuple[Day, ...]) -> Callable[[int], bool]:
        """Return what tells whether one of these clock times has passed since a moment before now."""
        timetable, agenda = self._model.timetable, self._model.agenda
        return lambda since_us: next(timetable.clock_times(times, days, since_us), agenda.now + 1) <= agenda.now

    def _rank(self, served_as: str) -> int | None:
        return fixed_rank(served_as, self._model.lab.priorities)

    def _maybe(self, step: str, purpose: str, duration: Duration | None) -> Draw | None:
        return None if duration is None else self._draw(step, purpose, duration)

    def _draw(self, step: str, purpose: str, duration: Duration) -> Draw:
        return draws(self._model.streams.generator(step, purpose), duration.filler())
