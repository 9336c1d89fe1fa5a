"""What a lab file says is there at the start, as a state that a model can be started from. Draws nothing."""

from collections.abc import Iterator

from twin.distributions import HOUR
from twin.lab import Initial, Lab
from twin.snapshot import BlockState, CaseState, LabState, Place, SlideState, SpecimenState


def initial_state(lab: Lab, now_us: int) -> LabState | None:
    """Return the state a lab file starts from at a moment (µs UTC); None when it starts empty."""
    if not lab.initial:
        return None
    return LabState(now_us, tuple(_cases(lab, now_us)))


def _cases(lab: Lab, now_us: int) -> Iterator[CaseState]:
    for number, entry in enumerate(lab.initial):
        for index in range(entry.count):
            yield _case(lab, entry, f"initial-{number + 1}-{index + 1}", now_us)


def _case(lab: Lab, entry: Initial, barcode: str, now_us: int) -> CaseState:
    """Waiting counts as time in the laboratory; being worked on does too."""
    since_us = now_us - round((entry.waited_h + (entry.in_hand_h or 0.0)) * HOUR)
    started_us = None if entry.in_hand_h is None else now_us - round(entry.in_hand_h * HOUR)
    place = Place(entry.step, since_us, started_us)
    priority = entry.priority or lab.priorities[-1]
    level = lab.steps[lab.step_index(entry.step)].per
    attributes = tuple(sorted(entry.attributes.items()))
    if level == "case":
        return CaseState(barcode, priority, since_us, place=place, attributes=attributes)
    specimens = (_specimen(level, f"{barcode}-A", place),)
    return CaseState(barcode, priority, since_us, specimens, attributes=attributes)


def _specimen(level: str, barcode: str, place: Place) -> SpecimenState:
    if level == "specimen":
        return SpecimenState(barcode, (), place)
    if level == "block":
        return SpecimenState(barcode, (BlockState(f"{barcode}-1", (), place),))
    return SpecimenState(barcode, (BlockState(f"{barcode}-1", (SlideState(f"{barcode}-1-1", place),)),))
