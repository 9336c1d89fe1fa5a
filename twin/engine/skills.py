"""People asked for by group or by skill: one line for each, and everybody serves all the lines they are able to.

What may be interrupted is the business of `interruptible`; how many are present when, of the calendar.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from twin.engine.agenda import Agenda
from twin.engine.machines import MachineGroup
from twin.engine.requests import RANK, Begin, Requests, Waiting
from twin.engine.staff import StaffPool
from twin.engine.work import Work, Workplace


class Turns:
    """Numbers those who come, over all lines of a lab: within a class, the lowest number is served first."""

    __slots__ = ("_back", "_front")

    def __init__(self) -> None:
        self._back = self._front = RANK >> 1

    def back(self) -> int:
        """Return a number behind everybody."""
        self._back += 1
        return self._back

    def front(self) -> int:
        """Return a number before everybody."""
        self._front -= 1
        return self._front


class Line:
    """Those who wait for a skill, or for a group by its name, and the groups that serve them, in the file's order.

    `serving` says which group's person is with a task.
    """

    __slots__ = ("groups", "name", "serving", "turns", "waiting")

    def __init__(self, name: str, turns: Turns, groups: "Sequence[SkilledPool]") -> None:
        self.name = name
        self.turns = turns
        self.groups = groups
        self.waiting = Requests()
        self.serving: dict[Any, SkilledPool] = {}
        for group in groups:
            group.lines.append(self)

    def request(self, rank: int, begin: Begin, task: Any, machine: MachineGroup | None = None) -> None:
        """Call `begin(task)` once a person, and a machine if named, are free at the same instant."""
        entry = (rank * RANK + self.turns.back(), begin, task, machine)
        for group in self.groups:
            if group.busy < group.capacity:  # and so nobody waits whom this group could serve
                group.begin(entry, self)
                return
        self.waiting.push(entry)
        for group in self.groups:
            group.preempt()

    def join(self, entry: Waiting) -> None:
        """Put a request in its place in the line and let the groups, in order, serve whom they can."""
        self.waiting.push(entry)
        self.serve()

    def serve(self) -> None:
        """Let who is free in the groups, in order, serve whom they can; then see who should be interrupted."""
        for group in self.groups:
            group.serve()
        for group in self.groups if self.waiting else ():
            group.preempt()

    def is_free(self, rank: int, machine: MachineGroup | None = None) -> bool:
        """Tell whether a request of this rank would be granted at once."""
        return any(group.is_free(rank, machine) for group in self.groups)

    def withdraw(self, task: Any, machine: MachineGroup | None = None) -> None:
        """Take back the request of a task that nobody has begun."""
        if not self.waiting.strike_out(task) and machine is not None:
            machine.forget(self, task)

    def hold(self, task: Any = None) -> None:
        """Count a person as busy with a task found under way: one who is free, else one of the first group."""
        group = next((group for group in self.groups if group.busy < group.capacity), self.groups[0])
        self.serving[task] = group
        group.hold(task)

    def work(self, task: Any, rank: int, left_us: int, place: Workplace, done_us: int = 0) -> None:
        """Let whoever has begun a task work on it for so long, and call `place.done(task)` then."""
        self.serving[task].start(Work(task, rank, left_us, place, done_us), self)

    def release(self, task: Any = None) -> None:
        """Take the person back who worked on a task."""
        self.serving.pop(task).give_back(task)

    def group_at(self, task: Any) -> str | None:
        """Return the name of the group one of whose people is at a task now; None when nobody is."""
        group = self.serving.get(task)
        return None if group is None else group.group_at(task)


class SkilledPool(StaffPool):
    """People who serve several lines: always the most urgent request of all, and of those the first to come."""

    __slots__ = ("lines", "own")

    def __init__(
        self,
        agenda: Agenda,
        name: str,
        capacity: int,
        changes: Iterator[tuple[int, int]] | None = None,
        *,
        turns: Turns,
    ) -> None:
        super().__init__(agenda, name, capacity, changes)
        self.lines: list[Line] = []
        self.own = Line(name, turns, [self])

    @property
    def queue_length(self) -> int:
        """How many wait for somebody of this group, in any line (those who wait for a machine are not counted)."""
        return sum(len(line.waiting) for line in self.lines)

    def request(self, rank: int, begin: Begin, task: Any, machine: MachineGroup | None = None) -> None:
        """Call `begin(task)` once a person of this group, and a machine if named, are free at the same instant."""
        self.own.request(rank, begin, task, machine)

    def release(self, task: Any = None) -> None:
        """Take a person back who was asked for by the group's own name."""
        self.own.release(task)

    def is_free(self, rank: int, machine: MachineGroup | None = None) -> bool:
        """Tell whether somebody here would begin a request of this rank at once."""
        del rank
        return self.busy < self.capacity and (machine is None or machine.has_free)

    def serve(self) -> None:
        """Let whoever is free begin what is first."""
        while self.busy < self.capacity:
            line = self._first_line()
            if line is None:
                return
            self.begin(line.waiting.pop(), line)

    def begin(self, entry: Waiting, line: Line) -> None:
        """Begin on a request, or let it wait for its machine if none is free."""
        _, begin, task, machine = entry
        if machine is not None and not machine.has_free:
            park(entry, line)
            return
        line.serving[task] = self
        self.take(self._env._now)  # type: ignore[arg-type]
        begin(task)

    def preempt(self) -> None:
        """Interrupt nobody: what was begun is finished."""

    def start(self, work: Work, line: Line) -> None:
        """Work on a task for as long as it takes."""
        del line
        work.go_on(self._agenda)

    def give_back(self, task: Any) -> None:
        """Take a person back, whoever asked for them, and let them begin what is first."""
        del task
        self._stop()
        self.serve()

    def group_at(self, task: Any) -> str | None:
        """Return this group's name: its person is at the task."""
        del task
        return self.name

    def _stop(self) -> None:
        if self.busy > self.capacity:
            self._mark_over()
        self.moments += self._env._now  # type: ignore[assignment]
        self.busy -= 1

    def _first_line(self) -> Line | None:
        first, lowest = None, 0
        for line in self.lines:
            for waiting in line.waiting.lines:
                if waiting:
                    if first is None or waiting[0][0] < lowest:
                        first, lowest = line, waiting[0][0]
                    break
        return first

    def _dispatch(self) -> None:
        self.serve()


def lacks_machine(entry: Waiting) -> bool:
    """Tell whether a request needs a machine of which none is free."""
    machine = entry[3]
    return machine is not None and not machine.has_free


def park(entry: Waiting, line: Line) -> None:
    """Let a request that could have a person wait for its machine."""
    key, _, task, machine = entry
    if machine is not None:
        machine.park(key, lambda: line.join(entry), line, task)
