"""What is declared twice, or in amounts that can come to no good: weights, counts, chances. Mends nothing."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twin.distributions import Count
    from twin.lab.lab import Lab
    from twin.lab.steps import Step

OWN_ATTRIBUTES = ("priority", "stream", "work")
"""Attributes that every item has without being declared."""
_ROUNDING = 1e-9

Path = tuple[str | int, ...]
Found = tuple[Path, object, str]
"""Where in the file, what stands there, and what was expected."""


def declaration_mistakes(lab: "Lab") -> Iterator[Found]:
    """Yield everything that a lab declares twice or in impossible amounts."""
    yield from _attributes(lab)
    for number, name in _again([stream.name for stream in lab.demand.streams]):
        yield ("demand", "streams", number, "name"), name, "expected a name that no other stream has"
    for number, kind in _again([rule.kind for rule in lab.rework]):
        yield ("rework", number, "kind"), kind, "expected one rule for each kind"
    for path, count in _never_none(lab):
        if count.least() < 1:
            yield path, count.least(), "expected a count that is never below 1"
    for index, step in enumerate(lab.steps):
        yield from _turns(index, step)


def _never_none(lab: "Lab") -> Iterator[tuple[Path, "Count"]]:
    """A case has a specimen, and whoever cuts a block makes a slide; only of blocks there may be none."""
    for tail, count in lab.demand.specimens_per_case.written():
        yield ("demand", "specimens_per_case", *tail), count
    for tail, count in lab.demand.slides_per_block.written():
        yield ("demand", "slides_per_block", *tail), count
    for number, rule in enumerate(lab.rework):
        yield ("rework", number, "slides"), rule.slides


def _attributes(lab: "Lab") -> Iterator[Found]:
    for number, name in _again([*OWN_ATTRIBUTES, *(attribute.name for attribute in lab.attributes)]):
        expected = f"expected a name that no other attribute has; every item has {', '.join(OWN_ATTRIBUTES)}"
        yield ("attributes", number - len(OWN_ATTRIBUTES), "name"), name, expected
    for number, attribute in enumerate(lab.attributes):
        for tail, weights in attribute.values.written():
            if not sum(weights.values()):
                yield ("attributes", number, "values", *tail), weights, "expected at least one weight above zero"


def _again(names: Sequence[str]) -> Iterator[tuple[int, str]]:
    return ((number, name) for number, name in enumerate(names) if name in names[:number])


def _turns(index: int, step: "Step") -> Iterator[Found]:
    """Turns for the same items exclude each other."""
    taken: dict[tuple[tuple[str, frozenset[str]], ...], float] = {}
    for number, turn in enumerate(step.next):
        items = tuple(sorted((name, frozenset(values)) for name, values in turn.when.items()))
        taken[items] = taken.get(items, 0.0) + turn.probability
        if taken[items] > 1 + _ROUNDING:
            expected = "expected at most 1 together with the turns before it that have the same `when`"
            yield ("steps", index, "next", number, "probability"), turn.probability, expected
