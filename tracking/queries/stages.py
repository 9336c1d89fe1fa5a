"""Where a case stands on its lab's route, from where its parts stand. Pure: rows in, steps out.

A case is at the earliest step that any of its parts is at or waits for. A part passes the route's steps of its own
kind: a specimen is finished after cut-up, a block after microtomy, a slide after scanning; when all parts are finished
the case itself goes on. ``decalcification`` is for few blocks: nobody waits for it who has not started it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tracking.events import STANDARD_STEPS
from tracking.registry import RouteStep

OPTIONAL_STEPS = frozenset({"decalcification"})
GONE = frozenset({"disposed", "rejected"})  # a rejected slide is replaced by another one, with its own barcode


@dataclass(frozen=True, slots=True)
class Parts:
    """``count`` items of one case that stand alike, the first since ``first_us``, the last since ``last_us``."""

    kind: str
    step: str | None
    step_state: str | None
    status: str
    count: int = 1
    first_us: int | None = None
    last_us: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A step, and whether the item is in it (``running``) or waits for it."""

    step: str
    is_running: bool


class Route:
    """A lab's route laid out for looking up what comes next."""

    def __init__(self, steps: Sequence[RouteStep]) -> None:
        self.steps = tuple(stop.step for stop in steps)
        self.per: Mapping[str, str] = {stop.step: stop.per.value for stop in steps}
        self._index = {step: index for index, step in enumerate(self.steps)}

    def index(self, step: str | None) -> int:
        """Return a step's place in the order; one that is not on the route counts as the last that comes before it.

        -1 for none, and for a step whose place nobody knows.
        """
        if step is None or step in self._index:
            return -1 if step is None else self._index[step]
        if step not in STANDARD_STEPS:
            return -1
        before = set(STANDARD_STEPS[: STANDARD_STEPS.index(step)])
        return max((index for known, index in self._index.items() if known in before), default=-1)

    def next_of(self, kind: str, after: str | None) -> str | None:
        """Return the next step for that kind after a step (``None``: from the start); ``None`` when finished."""
        later = self.steps[self.index(after) + 1 :]
        return next((step for step in later if self.per[step] == kind and step not in OPTIONAL_STEPS), None)

    def place_of(self, part: Parts) -> Place | None:
        """Return where a part stands; ``None`` when it is finished or gone."""
        if part.status in GONE:
            return None
        if part.step in self._index and part.step_state == "running":
            return Place(part.step or "", True)
        if part.step in self._index and part.step_state == "failed":
            return Place(part.step or "", False)
        waits_for = self.next_of(part.kind, part.step)
        return None if waits_for is None else Place(waits_for, False)


@dataclass(slots=True)
class Queue:
    """How many items of a case wait for a step or are in it, and since when the first of them waits."""

    waiting: int = 0
    running: int = 0
    waiting_since_us: int | None = None

    def add(self, is_running: bool, count: int, since_us: int | None) -> None:
        """Count some more items."""
        if is_running:
            self.running += count
            return
        self.waiting += count
        if since_us is not None and (self.waiting_since_us is None or since_us < self.waiting_since_us):
            self.waiting_since_us = since_us


@dataclass(frozen=True, slots=True)
class Standing:
    """A case's stage, and the items of it at each step (in the step's own unit)."""

    stage: str
    queues: Mapping[str, Queue]


def standing(route: Route, parts: Iterable[Parts], told: tuple[str, int] | None = None) -> Standing:
    """Return where a case stands.

    ``told`` is the last step that the case's own moments prove to be over, and since when (assigned: the step before
    ``reporting``; reported: ``reporting``), for laboratories whose LIMS tells only those.
    """
    said, newest_us = told or (None, None)
    queues: dict[str, Queue] = {}
    own: Parts | None = None
    for part in parts:
        newest_us = max((moment for moment in (newest_us, part.last_us) if moment is not None), default=None)
        if part.kind == "case":
            own = part
        elif place := route.place_of(part):
            queues.setdefault(place.step, Queue()).add(place.is_running, part.count, part.first_us)
    stage = min(queues, key=route.index, default=None)
    own_place = _own_place(route, own, said)
    if stage is not None and not (own_place and _holds_parts_back(route, own, own_place, stage)):
        return Standing(stage, queues)
    if stage is not None:
        queues.pop(stage)
    at = own_place or Place(route.steps[-1], False)
    queues.setdefault(at.step, Queue()).add(at.is_running, 1, newest_us)
    return Standing(at.step, queues)


def _own_place(route: Route, own: Parts | None, said: str | None) -> Place | None:
    """Return the case step that the case itself is in or waits for."""
    step = own.step if own else None
    if own and step is not None and own.step_state == "running" and route.index(step) > route.index(said):
        return Place(step, True)
    done = max((step, said), key=route.index)
    if own and own.step_state == "failed" and done == step and route.index(step) >= 0:
        return Place(step or "", False)
    waits_for = route.next_of("case", done)
    return None if waits_for is None else Place(waits_for, False)


def _holds_parts_back(route: Route, own: Parts | None, place: Place, stage: str) -> bool:
    """Tell whether the case is still at a step before its parts' first one (reception)."""
    return route.index(place.step) < route.index(stage) and (own is None or own.step is None or place.is_running)
