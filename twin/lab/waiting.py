"""Rules of waiting that can come to no good: who waits for themselves, or is sent round and round. Mends nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from twin.lab.base import WAIT_BEFORE

if TYPE_CHECKING:
    from twin.lab.lab import Lab
    from twin.lab.steps import Step

Path = tuple[str | int, ...]
Found = tuple[Path, object, str]
"""Where in the file, what stands there, and what was expected."""


def waiting_mistakes(lab: "Lab") -> Iterator[Found]:
    """Yield everything in a lab's rules of waiting that contradicts the rest of it."""
    for index, step in enumerate(lab.steps):
        if step.room == 0 and step.minimum_wait is not None:
            yield ("steps", index, "room"), 0, "expected a place at least: nobody could spend the minimum wait"
        if step.one_at_a_time and step.per == "case":
            yield ("steps", index, "one_at_a_time"), True, "expected a step on parts: a case was cut from nothing"
        yield from _rounds(lab, index, step)
        if index and _blocks(step):
            yield from _kept(lab, index)
    yield from _shared_out(lab)


def _blocks(step: "Step") -> bool:
    return step.room is not None and step.when_full == WAIT_BEFORE


def _rounds(lab: "Lab", index: int, step: "Step") -> Iterator[Found]:
    """Whoever is sent on from one full step to another must come to an end."""
    steps = {other.name: other for other in lab.steps}
    seen, at = {step.name}, step
    while at.room is not None and at.when_full in steps:
        at = steps[at.when_full]
        if at.name == step.name:
            expected = "expected a step that sends nobody back here when it is full: they would go round for ever"
            yield ("steps", index, "when_full"), step.when_full, expected
        if at.name in seen:
            return
        seen.add(at.name)


def _kept(lab: "Lab", index: int) -> Iterator[Found]:
    """Whoever is kept by a full step must not be wanted there, nor at any step it is itself kept by."""
    path: Path = ("steps", index, "when_full")
    before = lab.steps[index - 1]
    for number in range(index, len(lab.steps)):
        step = lab.steps[number]
        if not _blocks(step):
            break
        both = _resources(lab, before) & _resources(lab, step)
        if both:
            names = ", ".join(sorted(both))
            yield path, WAIT_BEFORE, f"expected {step.name} to do without {names}, kept waiting at {before.name}"
    if any(lab.staff[group].serves == "all_at_once" for group in _groups(lab, before)):
        yield path, WAIT_BEFORE, f"expected people at {before.name} who serve one at a time: others cannot be kept"
    if before.name == "reporting" and lab.rework:
        yield path, WAIT_BEFORE, "expected no rework: what is reported may go back instead of on"


def _groups(lab: "Lab", step: "Step") -> set[str]:
    return {group for name in step.hand_staff for group in lab.groups_of(name)}


def _resources(lab: "Lab", step: "Step") -> set[str]:
    return _groups(lab, step) | ({step.machine} if step.machine else set())


def _shared_out(lab: "Lab") -> Iterator[Found]:
    for index, step in enumerate(lab.steps):
        for path, name in _handlers(index, step):
            if name in lab.staff and lab.staff[name].serves == "all_at_once":
                yield path, name, "expected people who serve one at a time: a machine or a way takes the whole person"


def _handlers(index: int, step: "Step") -> Iterator[tuple[Path, str]]:
    if step.transport and step.transport.staff:
        yield ("steps", index, "transport", "staff"), step.transport.staff
    for number, programme in enumerate(step.batch.programmes if step.batch else ()):
        for what in ("load", "unload"):
            for part, at in ((programme, ("programmes", number)), (step.batch, ())):
                handling = getattr(part, what)
                if handling is not None:
                    yield ("steps", index, "batch", *at, what, "staff"), handling.staff
