"""The state of a lab at one moment, as plain values: filled from the event log by others, or read off a running model.

Knows no database and starts nothing; see `placement` for the way back into a model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from twin.engine.agenda import Agenda
from twin.items import AWAY, Block, Case, Item, Specimen
from twin.kinds import NEEDED, ByKind, Kinds
from twin.lab import Lab

Attributes = tuple[tuple[str, str], ...]
"""What is known of an item beside its priority; what a lab file tells apart and a state does not say is drawn."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item is: waiting at a step since then or, with `started_us`, worked on, in a machine or on its way.

    `step` names the step the item waits for or is in. A step on something coarser (an assembly per case, for a block)
    means the item has done its part and waits for its kin. Times are µs since 1970 UTC.
    """

    step: str
    since_us: int
    started_us: int | None = None
    unit: int | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class SlideState:
    """A slide; without a place it rests in the file and nothing is to be done with it."""

    barcode: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class BlockState:
    """A block and its slides; without a place the work is with its slides, or there is none."""

    barcode: str
    slides: tuple[SlideState, ...] = ()
    place: Place | None = None
    attributes: Attributes = ()


@dataclass(frozen=True, slots=True)
class SpecimenState:
    """A specimen and its blocks; no blocks means not cut up yet."""

    barcode: str
    blocks: tuple[BlockState, ...] = ()
    place: Place | None = None
    attributes: Attributes = ()


@dataclass(frozen=True, slots=True)
class CaseState:
    """An open case. `looks` counts how often a pathologist has looked and asked for more."""

    barcode: str
    priority: str
    received_us: int
    specimens: tuple[SpecimenState, ...] = ()
    place: Place | None = None
    reported_us: int | None = None
    looks: int = 0
    attributes: Attributes = ()


@dataclass(frozen=True, slots=True)
class LabState:
    """All open cases of a lab at a moment (µs since 1970 UTC)."""

    at_us: int
    cases: tuple[CaseState, ...] = ()


def places_of(state: LabState) -> Iterator[Place]:
    """Yield the place of every item that is somewhere."""
    for case in state.cases:
        blocks = [block for specimen in case.specimens for block in specimen.blocks]
        slides = [slide for block in blocks for slide in block.slides]
        parts: list[CaseState | SpecimenState | BlockState | SlideState] = [case, *case.specimens, *blocks, *slides]
        for part in parts:
            if part.place is not None:
                yield part.place


class Readable(Protocol):
    """The parts of a running model that a state is read off."""

    lab: Lab
    agenda: Agenda
    kinds: Kinds
    open_cases: dict[Case, None]


def take_state(model: Readable) -> LabState:
    """Read the state off a running model: exactly what an event log would show, nothing the future holds."""
    read = _Reading(model)
    return LabState(model.agenda.now, tuple(read.case(case) for case in model.open_cases))


class _Reading:
    def __init__(self, model: Readable) -> None:
        self._names: list[str] = [step.name for step in model.lab.steps]
        self._attributes = ByKind(lambda kind: tuple(_shown(model.kinds.attributes(kind))))

    def case(self, case: Case) -> CaseState:
        return CaseState(
            case.barcode, case.priority, case.received_us, tuple(self._specimen(one) for one in case.specimens),
            self._place(case), case.reported_us, case.looks, self._attributes[case.kind],
        )  # fmt: skip

    def _specimen(self, specimen: Specimen) -> SpecimenState:
        blocks = tuple(self._block(block) for block in specimen.blocks)
        return SpecimenState(specimen.barcode, blocks, self._place(specimen), self._attributes[specimen.kind])

    def _block(self, block: Block) -> BlockState:
        places = {index: self._place(part) for part in block.parts for index in part.indices}
        slides = tuple(SlideState(block.slide_barcode(index), places.get(index)) for index in range(block.slides))
        return BlockState(block.barcode, slides, self._place(block), self._attributes[block.kind])

    def _place(self, item: Item) -> Place | None:
        if item.step == AWAY:
            return None
        unit = item.unit if item.started_us is not None else None
        return Place(self._names[item.step], item.arrived_us, item.started_us, unit, item.run)


def _shown(attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Which optional steps will be needed, nobody has seen yet; the priority stands elsewhere."""
    return ((name, value) for name, value in attributes.items() if name != "priority" and not name.startswith(NEEDED))
