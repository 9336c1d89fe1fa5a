"""Where an item goes: on in order, past what its kind does not need, down to its parts, up to what it was cut from.

Routes are worked out once for every kind at every place and then looked up. Stations and luck come from outside.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from functools import cache
from itertools import accumulate
from typing import Any

from twin.items import AWAY, BLOCK, SLIDE, Case, Item
from twin.kinds import NEEDED, ByKind, Kinds
from twin.lab import LEVELS, OUT, Lab, Step, Turn, fits
from twin.stations.terms import Onward

Leave = Callable[[Case], None]


class Pathway:
    """The steps of a lab in order; `leave` ends a case.

    `entries` holds what takes an item in at each step; where `lanes` has a step, it has a quicker way in by kind.
    """

    def __init__(self, lab: Lab, kinds: Kinds, leave: Leave) -> None:
        self.steps = lab.steps
        self.levels = [LEVELS.index(step.per) for step in lab.steps]
        self.indices = {step.name: index for index, step in enumerate(lab.steps)}
        self.entries: list[Onward] = []
        self.lanes: dict[int, Mapping[int, Onward]] = {}
        self._kinds = kinds
        self._leave = leave
        self._ways: dict[tuple[int, int], ByKind[Onward]] = {}
        self._joining = cache(self._new_joining)
        self._scatter = cache(self._new_scatter)

    def way(self, level: int, index: int) -> Mapping[int, Onward]:
        """Return, by kind, what takes an item of a level on that comes to the place before a step."""
        way = self._ways.get((level, index))
        if way is None:
            way = self._ways[level, index] = ByKind(lambda kind: self._target(level, index, kind))
        return way

    def after(self, index: int, luck: Callable[[], float] | None) -> Mapping[int, Onward]:
        """Return, by kind, what takes an item on from a step; `luck` (uniform) decides its turns, if it has any."""
        onward = self.way(self.levels[index], index + 1)
        turns = self.steps[index].next
        if not turns or luck is None:
            return onward
        return ByKind(lambda kind: self._fork(turns, onward[kind], kind, luck))

    def join(self, item: Item, index: int) -> None:
        """Let an item wait for its kin before a step on their parent; the last to come sends the parent on."""
        item.started_us = None
        self._joining(item.level, index)(item)

    def _target(self, level: int, index: int, kind: int) -> Onward:
        attributes = self._kinds.attributes(kind)
        for place in range(index, len(self.steps)):
            own = self.levels[place]
            if own > level:
                return self._scatter(level, place)
            if not is_needed(self.steps[place], attributes):
                continue
            return self._entry(place, kind) if own == level else self._joining(level, place)
        return self._joining(level, len(self.steps)) if level else self._ending

    def _entry(self, place: int, kind: int) -> Onward:
        return self.lanes[place][kind] if place in self.lanes else self.entries[place]

    def _ending(self, case: Case) -> None:
        self._leave(case)

    def _new_joining(self, level: int, index: int) -> Onward:
        """Return what lets an item wait for its kin."""
        up = self.way(level - 1, index)
        if level == SLIDE:
            return _joining_slides(up, index)

        def join(item: Any) -> None:
            item.step = index
            parent = item.parent
            parent.pending -= 1
            if not parent.pending:
                for part in parent.parts:
                    part.step = AWAY
                up[parent.kind](parent)

        return join

    def _new_scatter(self, level: int, index: int) -> Onward:
        """Return what sends the parts of an item on."""
        down, past = self.way(level + 1, index), self.way(level, index + 1)
        if level == BLOCK:
            return _scattering_slides(down, past)

        def scatter(item: Any) -> None:
            parts = item.parts
            if not parts:
                past[item.kind](item)
                return
            item.step = AWAY
            item.pending = len(parts)
            for part in parts:
                down[part.kind](part)

        return scatter

    def _fork(self, turns: tuple[Turn, ...], onward: Onward, kind: int, luck: Callable[[], float]) -> Onward:
        attributes = self._kinds.attributes(kind)
        open_turns = [turn for turn in turns if fits(turn.when, attributes)]
        if not open_turns:
            return onward
        bounds = list(accumulate(turn.probability for turn in open_turns))
        targets = [self._turn(turn, kind) for turn in open_turns] + [onward]

        def fork(item: Item) -> None:
            targets[bisect_right(bounds, luck())](item)

        return fork

    def _turn(self, turn: Turn, kind: int) -> Onward:
        return self._ending if turn.to == OUT else self._entry(self.indices[turn.to], kind)


def is_needed(step: Step, attributes: Mapping[str, str]) -> bool:
    """Tell whether an item with these attributes needs a step."""
    return fits(step.when, attributes) and attributes.get(NEEDED + step.name) != "no"


def _joining_slides(up: Mapping[int, Onward], index: int) -> Onward:
    """Return what lets slides wait for the others of their block; they count one by one."""

    def join(slides: Any) -> None:
        slides.step = index
        block = slides.parent
        block.pending -= len(slides.indices)
        if not block.pending:
            for part in block.parts:
                part.step = AWAY
            block.put_together()
            up[block.kind](block)

    return join


def _scattering_slides(down: Mapping[int, Onward], past: Mapping[int, Onward]) -> Onward:
    """Return what sends the slides of a block on; some may be divided while the others are sent."""

    def scatter(block: Any) -> None:
        parts = list(block.parts)
        if not parts:
            past[block.kind](block)
            return
        block.step = AWAY
        block.pending = sum([len(part.indices) for part in parts])
        for part in parts:
            down[part.kind](part)

    return scatter
