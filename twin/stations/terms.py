"""What a step means for one kind of item: who does it, how urgent the request is, how long it takes."""

from collections.abc import Callable
from typing import Any, Protocol

from twin.engine.machines import MachineGroup

Begin = Callable[[Any], None]
Draw = Callable[[], int]
Onward = Callable[[Any], None]


class Staff(Protocol):
    """Whoever can be asked for a person: a group, or all groups with a skill."""

    name: str

    def request(self, rank: int, begin: Begin, task: Any, machine: MachineGroup | None = None) -> None:
        """Call `begin(task)` once a person, and a machine if named, are free at the same instant."""

    def release(self, task: Any = None) -> None:
        """Take the person back who worked on a task."""

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
