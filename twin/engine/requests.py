"""Those who wait for a person: by class, and in each class in order of their keys. Grants nothing."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import Any

from twin.engine.machines import MachineGroup

RANK = 1 << 40
"""Requests of one class are told apart by their number, below this."""

Begin = Callable[[Any], None]
Waiting = tuple[int, Begin, Any, MachineGroup | None]
"""Key (rank × RANK + number), what begins the task, the task, and the machine it needs as well."""


class Requests:
    """A queue by class: as good as always the newcomer is the last of its class, so that nothing need be sorted.

    `lines` holds the classes in the order they are served; it is the same list for ever.
    """

    __slots__ = ("_by_rank", "lines")

    def __init__(self) -> None:
        self.lines: list[deque[Waiting]] = []
        self._by_rank: dict[int, deque[Waiting]] = {}

    def __len__(self) -> int:
        return sum(len(line) for line in self.lines)

    def __bool__(self) -> bool:
        return any(self.lines)

    def line(self, rank: int) -> deque[Waiting]:
        """Return those of one class, first to be served first."""
        line = self._by_rank.get(rank)
        if line is None:
            line = self._by_rank[rank] = deque()
            self.lines[:] = [self._by_rank[known] for known in sorted(self._by_rank)]
        return line

    def push(self, entry: Waiting) -> None:
        """Put a request in its place."""
        line = self.line(entry[0] // RANK)
        if not line or line[-1][0] < entry[0]:
            line.append(entry)
        elif entry[0] < line[0][0]:
            line.appendleft(entry)
        else:
            line.insert(bisect_left(line, entry[0], key=_key), entry)

    def first(self) -> Waiting | None:
        """Return the request to be served next."""
        for line in self.lines:
            if line:
                return line[0]
        return None

    def pop(self) -> Waiting:
        """Take out the request to be served next; IndexError when there is none."""
        for line in self.lines:
            if line:
                return line.popleft()
        raise IndexError("nobody waits")

    def strike_out(self, task: Any) -> bool:
        """Take out the request of a task, and tell whether it was there."""
        for line in self.lines:
            for entry in line:
                if entry[2] is task:
                    line.remove(entry)
                    return True
        return False


def _key(entry: Waiting) -> int:
    return entry[0]
