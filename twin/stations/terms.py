"""What a step means for one kind of item: who does it, how urgent the request is, how long it takes."""

from collections.abc import Callable, Hashable
from typing import Any, Protocol

from twin.engine.machines import MachineGroup
from twin.engine.work import Workplace

Begin = Callable[[Any], None]
Draw = Callable[[], int]
Onward = Callable[[Any], None]


class Staff(Hashable, Protocol):
    """Whoever can be asked for a person: a group, or all groups with a skill."""

    name: str

    def request(self, rank: int, begin: Begin, task: Any, machine: MachineGroup | None = None) -> None:
        """Call `begin(task)` once a person, and a machine if named, are free at the same instant."""

    def is_free(self, rank: int, machine: MachineGroup | None = None) -> bool:
        """Tell whether a request of this rank would be granted at once."""
        ...

    def withdraw(self, task: Any, machine: MachineGroup | None = None) -> None:
        """Take back the request of a task that nobody has begun."""

    def work(self, task: Any, rank: int, left_us: int, place: Workplace, done_us: int = 0) -> None:
        """Let whoever has begun a task work on it for so long, and call `place.done(task)` then.

        Only work that is told of here can be interrupted or shared; a task that is not simply keeps its person.
        `done_us` is what was done already where the start of the run found the task half done.
        """

    def release(self, task: Any = None) -> None:
        """Take the person back who worked on a task."""

    def group_at(self, task: Any) -> str | None:
        """Return the name of the group one of whose people is at a task that was begun; None while it is set aside."""
        ...

    def hold(self, task: Any = None) -> None:
        """Count a person as busy with a task found under way."""


class Terms:
    """The terms of one step for one kind of item; `staff` is None where nobody is needed."""

    __slots__ = ("draw", "rank", "repeat", "staff")

    def __init__(self, staff: Staff | None, rank: int, draw: Draw, repeat: Draw | None = None) -> None:
        self.staff = staff
        self.rank = rank
        self.draw = draw
        self.repeat = repeat
