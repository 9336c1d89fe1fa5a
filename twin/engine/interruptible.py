"""People whose work may be interrupted: by the end of a shift, or by more urgent work.

Loading and unloading never are: only work that was told of as such (`Line.work`) can be.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from twin.engine.agenda import Agenda
from twin.engine.machines import MachineGroup
from twin.engine.requests import RANK, Begin
from twin.engine.skills import Line, SkilledPool, Turns, lacks_machine, park
from twin.engine.work import Work

ShiftEnd = Literal["finish", "pause", "hand_over"]
Afterwards = Literal["resume", "restart", "resample"]


class InterruptiblePool(SkilledPool):
    """People who put work down before it is done.

    When more are at work than present, work of the least urgent class is put down first, and of it what was begun last.
    Under `pause` it stays at its desk and goes on, before all else, when as many come back; under `hand_over` it goes
    to the front of its class for whoever is free. With `preempts`, a more urgent request that finds nobody free takes
    the person from the least urgent work, which goes to the front of its class too.
    """

    __slots__ = ("_afterwards", "_aside", "_found", "_in_hand", "_preempts", "_returning", "_shift_end")

    def __init__(
        self,
        agenda: Agenda,
        name: str,
        capacity: int,
        changes: Iterator[tuple[int, int]] | None = None,
        *,
        turns: Turns,
        shift_end: ShiftEnd = "finish",
        preempts: bool = False,
        afterwards: Afterwards = "resume",
    ) -> None:
        super().__init__(agenda, name, capacity, changes, turns=turns)
        self._shift_end = shift_end
        self._preempts = preempts
        self._afterwards = afterwards
        self._in_hand: dict[Any, Work] = {}
        self._found: set[Any] = set()
        self._aside: dict[Any, Work] = {}
        self._returning: dict[Any, Work] = {}

    def start(self, work: Work, line: Line) -> None:
        """Work on a task until it is done or interrupted."""
        work.line = line
        work.number = work.number or line.turns.back()
        self._in_hand[work.task] = work
        work.go_on(self._agenda)
        if work.task in self._found:
            self._found.remove(work.task)
            self._make_sense()

    def hold(self, task: Any = None) -> None:
        """Count a person as busy with a task found under way when the run starts, whatever the capacity."""
        super().hold(task)
        self._found.add(task)

    def give_back(self, task: Any) -> None:
        """Take a person back, whoever asked for them, and let them begin what is first."""
        self._in_hand.pop(task, None)
        self._found.discard(task)
        super().give_back(task)
        self.preempt()

    def group_at(self, task: Any) -> str | None:
        """Return this group's name, unless the task is set aside."""
        return None if task in self._aside or task in self._returning else self.name

    def is_free(self, rank: int, machine: MachineGroup | None = None) -> bool:
        """Tell whether somebody here would begin a request of this rank at once."""
        return super().is_free(rank, machine) or self._victim(rank, machine) is not None

    def serve(self) -> None:
        """Go on with what was set aside by those who are back; then let whoever is free begin what is first."""
        while self.busy < self.capacity and self._returning:
            self._take_up_again(next(iter(self._returning.values())))
        super().serve()

    def preempt(self) -> None:
        """Interrupt less urgent work for whoever waits and is more urgent."""
        while self._preempts:
            line = self._first_line()
            if line is None:
                return
            entry = line.waiting.first()
            if entry is None:
                return
            victim = self._victim(entry[0] // RANK, entry[3])
            if victim is not None:
                line.waiting.pop()
                self._hand_on(victim)
                self.begin(entry, line)
                _find_hands_for([victim])
            elif lacks_machine(entry):
                park(line.waiting.pop(), line)
            else:
                return

    def _change(self, signal: Any) -> None:
        self._call_back(self._next - self.capacity)
        super()._change(signal)

    def _dispatch(self) -> None:
        self._send_home()
        self.serve()
        self.preempt()

    def _send_home(self) -> None:
        """Put down what more people are at than are present, unless what was begun is to be finished."""
        handed_on = []
        while self.busy > self.capacity and self._shift_end != "finish":
            work = _last(self._in_hand.values())
            if work is None:
                break
            if self._shift_end == "pause":
                self._put_down(work)
                self._aside[work.task] = work
            else:
                self._hand_on(work)
                handed_on.append(work)
        _find_hands_for(handed_on)

    def _make_sense(self) -> None:
        """Put down what was found in hand beside more than there are people for: it must have been interrupted."""
        if self._shift_end != "finish":
            self._send_home()
        elif self._preempts and 0 < self.capacity < self.busy:
            work = _last(self._in_hand.values())
            if work is not None:
                self._hand_on(work)
                _find_hands_for([work])

    def _call_back(self, people: int) -> None:
        """Let so many go on with what was set aside, the most urgent first, and what was begun first."""
        coming = sorted(self._aside.values(), key=_order)[: max(people, 0)]
        for work in coming:
            self._returning[work.task] = self._aside.pop(work.task)

    def _take_up_again(self, work: Work) -> None:
        del self._returning[work.task]
        self.take(self._agenda.now)
        self._in_hand[work.task] = work
        work.go_on(self._agenda)

    def _victim(self, rank: int, machine: MachineGroup | None) -> Work | None:
        """Return the work to interrupt for a request: the least urgent, last begun, where that gives what it needs."""
        if not self._preempts:
            return None
        lesser = [work for work in self._in_hand.values() if work.spell is not None and work.rank > rank]
        if self.busy - len(lesser) >= self.capacity:
            return None
        if machine is not None and not machine.has_free:
            lesser = [work for work in lesser if work.place.machine is machine]
        return _last(lesser)

    def _hand_on(self, work: Work) -> None:
        """Put work down, and leave its machine, for whoever is next at the front of its class."""
        self._put_down(work)
        line, task = work.line, work.task
        del line.serving[task]
        work.place.put_down(task)
        key = work.rank * RANK + line.turns.front()
        line.waiting.push((key, _go_on_with(work), task, work.place.machine))

    def _put_down(self, work: Work) -> None:
        del self._in_hand[work.task]
        work.stop(self._agenda.now)
        if self._afterwards == "restart":
            work.left_us = work.whole_us
        work.to_redraw = self._afterwards == "resample"
        self._stop()


def _go_on_with(work: Work) -> Begin:
    """Return what lets the next person go on with work that was put down."""

    def begin(task: Any) -> None:
        work.place.take_up(task)
        work.line.serving[task].start(work, work.line)

    return begin


def _find_hands_for(handed_on: list[Work]) -> None:
    """Let whoever is free go on with work that was put down; machines left over go to those who wait for them."""
    for work in handed_on:
        work.line.serve()
    for work in handed_on:
        if work.place.machine is not None:
            work.place.machine.offer()


def _last(works: Iterable[Work]) -> Work | None:
    """Return the least urgent, and of these the last begun, of all works that are still under way."""
    return max((work for work in works if work.spell is not None), key=_order, default=None)


def _order(work: Work) -> tuple[int, int]:
    return work.rank, work.number
