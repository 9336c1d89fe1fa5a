"""From what tracking knows of a lab to the state that its twin starts from. Pure: rows in, places out.

Where the log says what was last done to an item, the model wants to know where the item is now: at work, or waiting
for the next step of the lab's model. A step that only some items need, by chance or by what they are (decalcification),
is never guessed: an item that is not in it is taken not to need it. Only what makes blocks or slides is never left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracking.events import Kind
from tracking.queries.open_work import OpenCase, OpenItem
from twin.lab import Lab, Step
from twin.snapshot import BlockState, CaseState, LabState, Place, SlideState, SpecimenState


@dataclass(frozen=True, slots=True)
class _Route:
    """The steps of a model by name and level."""

    names: tuple[str, ...]
    levels: tuple[str, ...]
    is_optional: tuple[bool, ...]

    def after(self, step: str | None, kind: Kind) -> str | None:
        """Return the next step that an item of this kind itself goes to; ``None`` when its part is done."""
        first = self.names.index(step) + 1 if step in self.names else 0
        for name, level, is_optional in list(zip(self.names, self.levels, self.is_optional, strict=True))[first:]:
            if level == kind and not is_optional:
                return name
        return None


def live_state(model: Lab, cases: Sequence[OpenCase], at_us: int) -> LabState:
    """Return the state of a lab at a moment (µs UTC) for ``twin.placement.place``."""
    route = _Route(
        tuple(step.name for step in model.steps),
        tuple(step.per for step in model.steps),
        tuple(_is_optional(step) for step in model.steps),
    )
    states = [_case(route, case) for case in cases]
    return LabState(at_us, tuple(state for state in states if state is not None))


def _is_optional(step: Step) -> bool:
    return step.makes is None and (step.probability < 1 or bool(step.when))


def _case(route: _Route, case: OpenCase) -> CaseState | None:
    item = case.item
    if _is_at_first_step(route, item):
        place: Place | None = _own_place(route, item, case.received_us)
        specimens = tuple(SpecimenState(specimen.barcode) for specimen in item.children)
    else:
        specimens = tuple(_specimen(route, specimen, case.received_us) for specimen in item.children)
        place = None if any(_is_at_work(part) for part in specimens) else _place_of_whole_case(route, case)
        if place is None and not any(_is_at_work(part) for part in specimens):
            return None
    looks = int(case.assigned_us is not None and (place is None or place.started_us is None))
    return CaseState(item.barcode, case.priority, case.received_us, specimens, place, case.reported_us, looks)


def _is_at_first_step(route: _Route, item: OpenItem) -> bool:
    """Not booked in, and nothing has been done to any part: a lost booking-in does not hold a case back here."""
    is_through = item.step is not None and (item.step, item.step_state) != (route.names[0], "running")
    return not is_through and not _has_begun(item)


def _has_begun(item: OpenItem) -> bool:
    return any(child.step is not None or _has_begun(child) for child in item.children)


def _place_of_whole_case(route: _Route, case: OpenCase) -> Place | None:
    """All its parts are done: the case itself waits for a step, or is with a pathologist."""
    item = case.item
    if item.step_state == "running" and item.step in route.names:
        return _running(item)
    if case.reported_us is not None:
        return Place(route.names[-1], case.reported_us)
    finished_us, own_us = _last_finish(item), item.step_us or 0
    step = route.after(item.step if own_us >= finished_us else _last_step_of_parts(route), Kind.CASE)
    if step == "reporting" and case.assigned_us is not None and case.assigned_us >= own_us:
        return Place(step, case.assigned_us, started_us=case.assigned_us)
    return Place(step, max(finished_us, own_us)) if step else None


def _last_step_of_parts(route: _Route) -> str | None:
    finer = [name for name, level in zip(route.names, route.levels, strict=True) if level != Kind.CASE]
    return finer[-1] if finer else None


def _last_finish(item: OpenItem) -> int:
    return max((max(child.step_us or 0, _last_finish(child)) for child in item.children), default=0)


def _specimen(route: _Route, item: OpenItem, since_us: int) -> SpecimenState:
    """Once a block is on its way, the work is with the blocks, whatever was last heard of the specimen."""
    if _has_begun(item) or not (place := _own_place(route, item, since_us)):
        return SpecimenState(
            item.barcode, tuple(_block(route, block, item.step_us or since_us) for block in item.children)
        )
    return SpecimenState(item.barcode, (), place)


def _block(route: _Route, item: OpenItem, since_us: int) -> BlockState:
    """The work is with the slides once they are on their way, unless the block itself is wanted or worked on again."""
    if item.step_state == "running" and item.step in route.names:
        return BlockState(item.barcode, _filed(item), _running(item))
    if item.wanted_us is not None:
        return BlockState(item.barcode, _filed(item), Place("microtomy", item.wanted_us))
    if _has_begun(item) or not (place := _own_place(route, item, since_us)):
        since_us = item.step_us or since_us
        return BlockState(
            item.barcode, tuple(SlideState(it.barcode, _own_place(route, it, since_us)) for it in item.children)
        )
    return BlockState(item.barcode, _filed(item), place)


def _filed(item: OpenItem) -> tuple[SlideState, ...]:
    return tuple(SlideState(slide.barcode) for slide in item.children)


def _own_place(route: _Route, item: OpenItem, since_us: int) -> Place | None:
    if item.step_state == "running" and item.step in route.names:
        return _running(item)
    if item.step_state == "failed" and item.step in route.names:
        return Place(item.step or "", item.step_us or since_us)
    step = route.after(item.step, item.kind)
    return Place(step, item.step_us or since_us) if step else None


def _running(item: OpenItem) -> Place:
    number = (item.device or "").rpartition("-")[2]
    unit = int(number) - 1 if number.isdigit() else None
    return Place(item.step or "", item.step_us or 0, started_us=item.step_us, unit=unit, run=item.run)


def _is_at_work(state: SpecimenState | BlockState | SlideState) -> bool:
    if state.place is not None:
        return True
    parts: tuple[BlockState | SlideState, ...] = ()
    if isinstance(state, SpecimenState):
        parts = state.blocks
    elif isinstance(state, BlockState):
        parts = state.slides
    return any(_is_at_work(part) for part in parts)
