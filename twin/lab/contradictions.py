"""What only the whole lab shows: names that nothing answers to, steps in an impossible order. Finds, never mends."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args
from zoneinfo import available_timezones

from twin.lab.base import LEAVE, LEVELS, OUT, WAIT_BEFORE, Condition, Work
from twin.lab.declared import declaration_mistakes
from twin.lab.waiting import waiting_mistakes

if TYPE_CHECKING:
    from twin.lab.lab import Lab
    from twin.lab.ruled import Ruled
    from twin.lab.steps import Batch, Handling, Programme, Step

Path = tuple[str | int, ...]
_SERVED = ("own", "first", "last")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One thing that does not go together with the rest of the file."""

    path: Path
    value: object
    expected: str


class Contradictory(ValueError):
    """Carries contradictions through pydantic."""

    def __init__(self, found: tuple[Contradiction, ...]) -> None:
        self.found = found
        super().__init__("; ".join(f"{'.'.join(map(str, one.path))}: {one.expected}" for one in found))


def contradictions(lab: "Lab") -> Iterator[Contradiction]:
    """Yield everything in a lab that contradicts the rest of it."""
    if lab.timezone not in available_timezones():
        expected = "expected a time zone of the IANA database such as Europe/London"
        yield Contradiction(("timezone",), lab.timezone, expected)
    yield from _names(lab)
    for found in declaration_mistakes(lab):
        yield Contradiction(*found)
    yield from _conditions(lab)
    yield from _classes(lab)
    yield from _route(lab)
    yield from _rework(lab)
    yield from _start(lab)


def _names(lab: "Lab") -> Iterator[Contradiction]:
    skills = {skill for group in lab.staff.values() for skill in group.skills}
    for name in sorted(skills & set(lab.staff)):
        yield Contradiction(("staff", name), name, "expected a skill to have another name than every group")
    for path, name in _staff_named(lab):
        if name not in lab.staff and name not in skills:
            known = ", ".join([*lab.staff, *sorted(skills)]) or "there is none"
            yield Contradiction(path, name, f"expected a staff group or skill of this file: {known}")
    for path, name in _machines_named(lab):
        if name not in lab.machines:
            known = ", ".join(lab.machines) or "there is none"
            yield Contradiction(path, name, f"expected a machine group of this file: {known}")
    yield from _step_names(lab)


def _staff_named(lab: "Lab") -> Iterator[tuple[Path, str]]:
    for index, step in enumerate(lab.steps):
        at: Path = ("steps", index)
        for tail, name in step.staff.written() if step.staff else ():
            yield (*at, "staff", *tail), name
        if step.transport and step.transport.staff:
            yield (*at, "transport", "staff"), step.transport.staff
        for path, handling in _handlings(index, step):
            yield (*path, "staff"), handling.staff


def _handlings(index: int, step: "Step") -> Iterator[tuple[Path, "Handling"]]:
    if step.batch is None:
        return
    programmes = [(("programmes", number), part) for number, part in enumerate(step.batch.programmes)]
    parts: list[tuple[Path, Batch | Programme]] = [((), step.batch), *programmes]
    for tail, part in parts:
        for what, handling in (("load", part.load), ("unload", part.unload)):
            if handling is not None:
                yield ("steps", index, "batch", *tail, what), handling


def _machines_named(lab: "Lab") -> Iterator[tuple[Path, str]]:
    for index, step in enumerate(lab.steps):
        if step.machine is not None:
            yield ("steps", index, "machine"), step.machine
        if step.batch:
            for number, programme in enumerate(step.batch.programmes):
                where = ("programmes", number, "machine") if programme.machine else ("machine",)
                yield ("steps", index, "batch", *where), step.batch.machine_of(programme)


def _step_names(lab: "Lab") -> Iterator[Contradiction]:
    names = [step.name for step in lab.steps]
    for index, step in enumerate(lab.steps):
        if step.name in {OUT, LEAVE, WAIT_BEFORE}:
            yield Contradiction(
                ("steps", index, "name"), step.name, "expected a name that is no word of its own elsewhere"
            )
        if step.name in names[:index]:
            yield Contradiction(("steps", index, "name"), step.name, "expected each step once")
        for path, target in _targets(index, step):
            if target not in names:
                yield Contradiction(path, target, f"expected a step of this file: {', '.join(names)}")
    if lab.lab_tat_ends is not None and lab.lab_tat_ends not in names:
        expected = f"expected a step of this file: {', '.join(names)}"
        yield Contradiction(("lab_tat_ends",), lab.lab_tat_ends, expected)
    for number, name in enumerate(lab.run.state_shares):
        if name not in names:
            expected = f"expected a step of this file: {', '.join(names)}"
            yield Contradiction(("run", "state_shares", number), name, expected)


def _targets(index: int, step: "Step") -> Iterator[tuple[Path, str]]:
    for number, turn in enumerate(step.next):
        if turn.to != OUT:
            yield ("steps", index, "next", number, "to"), turn.to
    if step.when_full not in {LEAVE, WAIT_BEFORE}:
        yield ("steps", index, "when_full"), step.when_full
    if step.when_impatient != LEAVE:
        yield ("steps", index, "when_impatient"), step.when_impatient


def _conditions(lab: "Lab") -> Iterator[Contradiction]:
    values = _values(lab)
    for path, condition in _all_conditions(lab):
        for name in condition:
            if name not in values:
                expected = f"expected an attribute of this file: {', '.join(sorted(values))}"
                yield Contradiction((*path, name), name, expected)
                continue
            for value in condition[name]:
                if value not in values[name]:
                    yield Contradiction((*path, name), value, f"expected one of {', '.join(values[name])}")


def _values(lab: "Lab") -> dict[str, list[str]]:
    """Return the values that each attribute may have, in the file's order."""
    found = {
        "priority": list(lab.priorities),
        "stream": [*(stream.name for stream in lab.demand.streams), "initial"],
        "work": ["routine", *get_args(Work)],
    }
    for attribute in lab.attributes:
        for weights in attribute.values.values():
            found.setdefault(attribute.name, []).extend(weights)
    for given in (part.attributes for parts in (lab.demand.streams, lab.initial) for part in parts):
        for name, value in given.items():
            found.setdefault(name, []).append(value)
    return {name: list(dict.fromkeys(own)) for name, own in found.items()}


def _all_conditions(lab: "Lab") -> Iterator[tuple[Path, Condition]]:
    yield from _ruled(("demand", "specimens_per_case"), lab.demand.specimens_per_case)
    yield from _ruled(("demand", "blocks_per_specimen"), lab.demand.blocks_per_specimen)
    yield from _ruled(("demand", "slides_per_block"), lab.demand.slides_per_block)
    for number, attribute in enumerate(lab.attributes):
        yield from _ruled(("attributes", number, "values"), attribute.values)
    for index, step in enumerate(lab.steps):
        yield from _conditions_of_step(("steps", index), step)


def _conditions_of_step(path: Path, step: "Step") -> Iterator[tuple[Path, Condition]]:
    yield (*path, "when"), step.when
    for key in ("staff", "duration", "repeat_duration", "served_as"):
        if getattr(step, key) is not None:
            yield from _ruled((*path, key), getattr(step, key))
    for number, turn in enumerate(step.next):
        yield (*path, "next", number, "when"), turn.when
    if step.transport and step.transport.alone:
        yield (*path, "transport", "alone"), step.transport.alone
    if step.batch:
        for number, programme in enumerate(step.batch.programmes):
            yield (*path, "batch", "programmes", number, "when"), programme.when


def _ruled(path: Path, ruled: "Ruled[Any]") -> Iterator[tuple[Path, Condition]]:
    for number, rule in enumerate(ruled.rules):
        yield (*path, number, "when"), rule.when


def _classes(lab: "Lab") -> Iterator[Contradiction]:
    expected = f"expected one of {', '.join(lab.priorities)}"
    for number, stream in enumerate(lab.demand.streams):
        for name in stream.priorities or ():
            if name not in lab.priorities:
                yield Contradiction(("demand", "streams", number, "priorities", name), name, expected)
    for number, entry in enumerate(lab.initial):
        if entry.priority is not None and entry.priority not in lab.priorities:
            yield Contradiction(("initial", number, "priority"), entry.priority, expected)
    for path, name in _served_as(lab):
        if name not in _SERVED and name not in lab.priorities:
            yield Contradiction(path, name, f"{expected}, own, first or last")


def _served_as(lab: "Lab") -> Iterator[tuple[Path, str]]:
    for index, step in enumerate(lab.steps):
        for tail, name in step.served_as.written():
            yield ("steps", index, "served_as", *tail), name
        if step.transport:
            yield ("steps", index, "transport", "served_as"), step.transport.served_as
        for path, handling in _handlings(index, step):
            yield (*path, "served_as"), handling.served_as
        for number, programme in enumerate(step.batch.programmes if step.batch else ()):
            if programme.served_as is not None:
                yield ("steps", index, "batch", "programmes", number, "served_as"), programme.served_as


def _route(lab: "Lab") -> Iterator[Contradiction]:
    last = len(lab.steps) - 1
    if lab.steps[last].per != "case":
        yield Contradiction(("steps", last, "per"), lab.steps[last].per, "expected the last step to be per case")
    yield from _levels(lab)
    for index, step in enumerate(lab.steps):
        yield from _batches(index, step)
        yield from _turns(lab, index, step)
    yield from _blocking(lab)
    yield from (Contradiction(*found) for found in waiting_mistakes(lab))


def _levels(lab: "Lab") -> Iterator[Contradiction]:
    parents = {"block": "specimen", "slide": "block"}
    existing = {"case", "specimen"}
    for index, step in enumerate(lab.steps):
        if step.per not in existing:
            yield Contradiction(("steps", index, "per"), step.per, f"no earlier step makes a {step.per}")
        if step.makes is None:
            continue
        path = ("steps", index, "makes")
        if step.per != parents[step.makes]:
            yield Contradiction(path, step.makes, f"only a step per {parents[step.makes]} makes this")
        existing.add(step.makes)
    yield from _makers(lab)


def _makers(lab: "Lab") -> Iterator[Contradiction]:
    """Several steps may make the same thing when each item meets only one of them (cut-up of three kinds)."""
    for made in ("block", "slide"):
        makers = [(index, step) for index, step in enumerate(lab.steps) if step.makes == made]
        for index, step in makers:
            if step.probability < 1 or (len(makers) > 1 and not step.when):
                expected = f"expected one step, never left out, to make each {made}, or several with a `when`"
                yield Contradiction(("steps", index, "makes"), made, expected)


def _batches(index: int, step: "Step") -> Iterator[Contradiction]:
    if step.batch is None:
        return
    path: Path = ("steps", index, "batch", "programmes")
    *others, last = step.batch.programmes
    if last.when:
        yield Contradiction((*path, len(others), "when"), last.when, "expected the last programme to take everything")
    for number, programme in enumerate(step.batch.programmes):
        if programme.close.least is not None and programme.close.least > programme.size:
            expected = f"expected at most the size, {programme.size}"
            yield Contradiction((*path, number, "close", "least"), programme.close.least, expected)
        if programme.by_hand_after is not None and step.batch.unload_of(programme) is None:
            expected = "expected somebody to unload, who then goes on by hand"
            yield Contradiction((*path, number, "by_hand_after"), None, expected)
        close = programme.close
        if close.slots is not None and (close.least or close.max_wait or close.at):
            expected = "expected slots alone, without least, max_wait and at"
            yield Contradiction((*path, number, "close", "slots"), programme.name, expected)


def _turns(lab: "Lab", index: int, step: "Step") -> Iterator[Contradiction]:
    levels = {other.name: LEVELS.index(other.per) for other in lab.steps}
    own = levels[step.name]
    for path, target in _targets(index, step):
        if target in levels and levels[target] != own:
            yield Contradiction(path, target, f"expected a step per {step.per}, as {step.name} is")
    leaves = step.room is not None and step.when_full == LEAVE
    if step.per != "case" and (leaves or (step.patience is not None and step.when_impatient == LEAVE)):
        yield Contradiction(("steps", index, "per"), step.per, "only whole cases leave the lab")
    for number, turn in enumerate(step.next):
        if turn.to == OUT and step.per != "case":
            yield Contradiction(("steps", index, "next", number, "to"), turn.to, "only whole cases leave the lab")


def _blocking(lab: "Lab") -> Iterator[Contradiction]:
    for (index, before), (_, step) in pairwise(enumerate(lab.steps)):
        if step.when_full == WAIT_BEFORE and step.room is not None:
            plain = before.duration is not None and before.per == step.per and not step.when and not before.next
            if not plain or step.probability < 1:
                expected = f"expected {before.name} to be by hand, per {step.per}, and always followed by {step.name}"
                yield Contradiction(("steps", index + 1, "when_full"), step.when_full, expected)
    first = lab.steps[0]
    if first.when_full == WAIT_BEFORE and first.room is not None:
        yield Contradiction(("steps", 0, "when_full"), first.when_full, "no step comes before the first")


def _rework(lab: "Lab") -> Iterator[Contradiction]:
    steps = {step.name: step for step in lab.steps}
    if lab.rework and ("reporting" not in steps or steps["reporting"].per != "case"):
        yield Contradiction(("rework",), len(lab.rework), "expected a step `reporting` per case that can ask for it")
    for number, rule in enumerate(lab.rework):
        if rule.return_to not in steps or steps[rule.return_to].per != "block":
            expected = "expected a step per block of this lab"
            yield Contradiction(("rework", number, "return_to"), rule.return_to, expected)
    if sum(rule.probability for rule in lab.rework) >= 1:
        expected = "expected the probabilities to stay below 1 together, or no case would ever end"
        yield Contradiction(("rework",), [rule.probability for rule in lab.rework], expected)


def _start(lab: "Lab") -> Iterator[Contradiction]:
    names = [step.name for step in lab.steps]
    for number, entry in enumerate(lab.initial):
        if entry.step not in names:
            expected = f"expected a step of this file: {', '.join(names)}"
            yield Contradiction(("initial", number, "step"), entry.step, expected)
