"""Puts a lab model together from its file: pools, machines, stations, and how they are joined. Runs nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from twin.batching import Batching, fixed_rank
from twin.calendars import most_people
from twin.distributions import HOUR, Duration
from twin.engine.machines import MachineGroup
from twin.gating import stand_gates
from twin.items import Block, Case, Item, Slides, Specimen
from twin.kinds import ByKind
from twin.lab import Lab, Ruled, Step, fits
from twin.observe import Observer
from twin.staffing import Staffing, sets_pace
from twin.stations import HandStation, Station
from twin.stations.by_hand import Making, Pieces
from twin.stations.lane import lanes
from twin.stations.paced import PacedStation
from twin.stations.terms import Draw, Onward, Terms
from twin.stations.visits import Visits
from twin.variates import draws

if TYPE_CHECKING:
    from twin.model import LabModel


class Builder:
    """Builds the parts of one model; read its attributes when it is done."""

    def __init__(self, model: "LabModel", *, keeps_visits: bool) -> None:
        self._model = model
        self._lab: Lab = model.lab
        self._keeps_visits = keeps_visits
        self._staffing = Staffing(model)
        self.pools, self.staff = self._staffing.pools, self._staffing.staff
        self.machines = {name: self._machines(name) for name in self._lab.machines}
        self._batching = Batching(model, self.staff, self.machines)
        self.stations: list[Station] = [self._station(index, step) for index, step in enumerate(self._lab.steps)]
        stand_gates(model, self.stations)
        model.pathway.entries = [self._entry(station) for station in self.stations]
        for index, station in enumerate(self.stations):
            station.onward = self._onward(index)
        self._open_lanes()

    # machines

    def _machines(self, name: str) -> MachineGroup:
        spec, observer = self._lab.machines[name], self._model.observer
        group = MachineGroup(self._model.agenda, name, spec.count)
        if observer is not None:
            group.on_failure, group.on_repair = observer.machine_failed, observer.machine_repaired
        for unit in range(spec.count if spec.failures else 0):
            group.fails(unit, self._lives(name, unit))
        return group

    def _lives(self, name: str, unit: int) -> Iterator[tuple[int, int]]:
        failures = self._lab.machines[name].failures
        if failures is None:
            return
        rng = self._model.streams.generator(name, f"failures of unit {unit}")
        while True:
            working = rng.exponential(failures.mean_hours_between * HOUR)
            yield int(working), failures.repair.sample_us(rng, 1)[0]

    # stations

    def _station(self, index: int, step: Step) -> Station:
        if step.batch is not None:
            return self._batching.in_machine(index, step, step.batch, self._visits())
        if step.transport is not None:
            return self._batching.carried(index, step, step.transport, self._visits())
        return self._hand_station(index, step)

    def _hand_station(self, index: int, step: Step) -> HandStation:
        groups = {group for name in step.hand_staff for group in self._lab.groups_of(name)}
        by_hand = PacedStation if sets_pace(self._lab, step) else HandStation
        return by_hand(
            self._model.agenda,
            self._observer_of(step),
            step.name,
            index,
            terms=self._terms(step),
            machine=self.machines[step.machine] if step.machine else None,
            pieces=_pieces(step),
            benches=sum(most_people(self._lab.staff[group]) for group in groups),
            making=self._making(step),
            visits=self._visits(),
            counts_slides=step.per == "slide",
        )

    def _terms(self, step: Step) -> ByKind[Terms]:
        duration = self._ruled_draws(step.name, "duration", step.duration)
        repeat = self._ruled_draws(step.name, "repeat", step.repeat_duration) if step.repeat_duration else None
        unmanned = self._staffing.nobody if step.machine else None

        same = cache(Terms)
        """Kinds with the same terms share them, and what is bound to them."""

        def of(kind: int) -> Terms:
            attributes = self._model.kinds.attributes(kind)
            staff = self.staff[step.staff.of(attributes)] if step.staff else unmanned
            rank = self.rank(step.served_as.of(attributes), attributes)
            return same(staff, rank, duration(attributes), repeat(attributes) if repeat else None)

        return ByKind(of)

    # ways

    def _entry(self, station: Station) -> Onward:
        gate = station.gate if isinstance(station, HandStation) else None
        arrive: Onward = station.arrive if gate is None else gate.arrive
        return arrive if self._is_unmarked(station) else self._marking_arrival(arrive)

    def _open_lanes(self) -> None:
        for index, station in enumerate(self.stations):
            ways = lanes(station, self._model.pathway.levels[index])
            if ways is not None:
                self._model.pathway.lanes[index] = ways if self._is_unmarked(station) else self._marked(ways)

    def _is_unmarked(self, station: Station) -> bool:
        """Tell whether coming to a station means no more than that."""
        return station.name != "reporting" or self._lab.lab_tat_ends is not None

    def _marked(self, ways: Mapping[int, Onward]) -> Mapping[int, Onward]:
        return ByKind(lambda kind: self._marking_arrival(ways[kind]))

    def _marking_arrival(self, arrive: Onward) -> Onward:
        """Note the end of the lab's part when an item comes to reporting for the first time."""
        env = self._model.agenda.env

        def arrive_at_reporting(item: Item) -> None:
            case = item.case
            if case.lab_done_us is None:
                case.lab_done_us = env._now  # type: ignore[assignment]
            arrive(item)

        return arrive_at_reporting

    def _onward(self, index: int) -> Mapping[int, Onward]:
        step, model = self._lab.steps[index], self._model
        luck = None
        if step.next:
            luck = draws(model.streams.generator(step.name, "next"), lambda rng, n: rng.random(n).tolist())
        onward = model.pathway.after(index, luck)
        if step.name == "reporting":
            ways = onward
            onward = ByKind(lambda kind: model.reported_or_sent_back(ways[kind]))
        return self._marking(onward) if step.name == self._lab.lab_tat_ends else onward

    def _marking(self, ways: Mapping[int, Onward]) -> Mapping[int, Onward]:
        """Note the end of the lab's part; the last item of a case to pass, and its last time, count."""
        agenda = self._model.agenda

        def marking(kind: int) -> Onward:
            onward = ways[kind]

            def mark(item: Item) -> None:
                item.case.lab_done_us = agenda.now
                onward(item)

            return mark

        return ByKind(marking)

    # small things

    def rank(self, served_as: str, attributes: Mapping[str, str]) -> int:
        """Return the rank of a request: lower is served first."""
        if served_as == "own":
            return self._lab.priorities.index(attributes["priority"])
        return fixed_rank(served_as, self._lab.priorities) or 0

    def _visits(self) -> Visits | None:
        return Visits() if self._keeps_visits else None

    def _observer_of(self, step: Step) -> Observer | None:
        observer = self._model.observer
        return _Reporting(observer) if observer is not None and step.name == "reporting" else observer

    def _making(self, step: Step) -> Making | None:
        if step.makes == "block":
            return self._model.make_blocks
        return self._model.cut_slides if step.makes == "slide" else None

    def _draw(self, step: str, purpose: str, duration: Duration) -> Draw:
        return draws(self._model.streams.generator(step, purpose), duration.filler())

    def _ruled_draws(
        self, step: str, purpose: str, ruled: Ruled[Duration] | None
    ) -> Callable[[Mapping[str, str]], Draw]:
        """Each rule has a stream of its own; the last, which all steps have, is named like the purpose alone."""
        rules = ruled.rules if ruled else ()
        names = [f"{purpose} {number}" for number in range(len(rules) - 1)] + [purpose]
        pairs = [(rule.when, self._draw(step, name, rule.give)) for rule, name in zip(rules, names, strict=True)]

        def of(attributes: Mapping[str, str]) -> Draw:
            return next(draw for when, draw in pairs if fits(when, attributes))

        return of


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


def _pieces(step: Step) -> Pieces | None:
    """Return what counts the draws that make up the work on an item; None where it is always one."""
    if step.for_each == "block":
        return _blocks_of
    if step.for_each == "slide":
        return _slides_of
    if step.per == "slide":
        return _slides_together
    return _one if step.repeat_duration else None


def _one(_: Any) -> int:
    return 1


def _slides_together(item: Slides) -> int:
    return len(item.indices)


def _blocks_of(item: Item) -> int:
    return len(item.blocks) if isinstance(item, Case | Specimen) else 1


def _slides_of(item: Item) -> int:
    if isinstance(item, Case | Specimen):
        return sum([block.slides for block in item.blocks])
    return item.slides if isinstance(item, Block) else item.quantity
