"""One place for each item: where a state says two things at once, the earliest step counts. Pure, states in and out.

A log can say both that new slides of a block are asked for and that older ones are still in the scanner. A model holds
an item in one place, so the later place is taken as done: the work that remains is the longer of the two.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from twin.snapshot import BlockState, CaseState, Place, SlideState, SpecimenState

Part = SpecimenState | BlockState | SlideState
Steps = Mapping[str, int]


def places(state: CaseState | Part) -> Iterator[Place]:
    """Yield the places of an item and of all its parts."""
    if state.place is not None:
        yield state.place
    for part in _parts(state):
        yield from places(part)


def settled(case: CaseState, steps: Steps) -> CaseState:
    """Return a case whose every item has a place or has parts with places, never both; `steps` gives their order."""
    specimens = tuple(_settled_specimen(specimen, steps) for specimen in case.specimens)
    if _parts_lead(case.place, specimens, steps):
        return replace(case, specimens=specimens, place=None)
    if case.place is not None:
        specimens = tuple(_resting_specimen(specimen) for specimen in specimens)
    return replace(case, specimens=specimens)


def _settled_specimen(specimen: SpecimenState, steps: Steps) -> SpecimenState:
    blocks = tuple(_settled_block(block, steps) for block in specimen.blocks)
    if _parts_lead(specimen.place, blocks, steps):
        return replace(specimen, blocks=blocks, place=None)
    if specimen.place is not None:
        blocks = tuple(_resting_block(block) for block in blocks)
    return replace(specimen, blocks=blocks)


def _settled_block(block: BlockState, steps: Steps) -> BlockState:
    if _parts_lead(block.place, block.slides, steps):
        return replace(block, place=None)
    return block if block.place is None else replace(block, slides=_resting_slides(block.slides))


def _parts_lead(own: Place | None, parts: Sequence[Part], steps: Steps) -> bool:
    theirs = [steps[place.step] for part in parts for place in places(part)]
    return own is not None and bool(theirs) and min(theirs) < steps[own.step]


def _resting_specimen(specimen: SpecimenState) -> SpecimenState:
    return replace(specimen, blocks=tuple(_resting_block(block) for block in specimen.blocks), place=None)


def _resting_block(block: BlockState) -> BlockState:
    return replace(block, slides=_resting_slides(block.slides), place=None)


def _resting_slides(slides: Sequence[SlideState]) -> tuple[SlideState, ...]:
    return tuple(replace(slide, place=None) for slide in slides)


def _parts(state: CaseState | Part) -> Sequence[Part]:
    if isinstance(state, CaseState):
        return state.specimens
    if isinstance(state, SpecimenState):
        return state.blocks
    return state.slides if isinstance(state, BlockState) else ()
