"""A piece of work in somebody's hands: where it is done, how much is left, and its end on the agenda. Serves nobody."""

from typing import Any, Protocol

from twin.engine.agenda import RELEASE, Agenda, Signal
from twin.engine.machines import MachineGroup


class Workplace(Protocol):
    """Where tasks are worked on, at a machine or without one."""

    machine: MachineGroup | None

    def done(self, task: Any) -> None:
        """Hear that the work on a task is done."""

    def redraw(self, task: Any) -> int:
        """Return how long the work on a task takes when it is drawn anew, µs."""

    def put_down(self, task: Any) -> None:
        """Leave the machine, offering it to nobody yet: somebody else will go on with the task."""

    def take_up(self, task: Any) -> None:
        """Take a machine again to go on with a task."""


class Work:
    """Work on one task: `whole_us` as drawn, `left_us` when it last stood still, `number` by order of beginning.

    `line` is the one its person was asked for in.
    """

    __slots__ = ("left_us", "line", "number", "place", "rank", "since_us", "spell", "task", "to_redraw", "whole_us")

    def __init__(self, task: Any, rank: int, left_us: int, place: Workplace, done_us: int = 0) -> None:
        self.task = task
        self.rank = rank
        self.left_us = left_us
        self.whole_us = left_us + done_us
        self.place = place
        self.line: Any = None
        self.number = 0
        self.since_us = 0
        self.spell: Spell | None = None
        self.to_redraw = False

    def go_on(self, agenda: Agenda) -> None:
        """Work until it is done, or until somebody stops it."""
        if self.to_redraw:
            self.whole_us = self.left_us = self.place.redraw(self.task)
            self.to_redraw = False
        self.since_us = agenda.now
        self.spell = Spell(self)
        agenda.at(self.since_us + self.left_us, RELEASE, _END, self.spell)

    def stop(self, now_us: int) -> None:
        """Stand still: what is left stays to be done."""
        self.spell = None
        self.left_us -= now_us - self.since_us


class Spell(Signal):
    """One stretch of work; it ends the work unless it was interrupted."""

    __slots__ = ("work",)

    def __init__(self, work: Work) -> None:
        self.work = work


def _end(spell: Spell) -> None:
    work = spell.work
    if work.spell is spell:
        work.spell = None
        work.place.done(work.task)


_END = [_end]
