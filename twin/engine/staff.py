"""A pool of people: priority, then first come; capacity follows the shifts; what was started is finished."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

from twin.engine.agenda import CAPACITY, Agenda, Entry
from twin.engine.machines import MachineGroup

_RANK = 1 << 40

Begin = Callable[[Any], None]
_Waiting = tuple[int, Begin, Any, MachineGroup | None]


class StaffPool(Entry):
    """People who stand in for each other, asked for one at a time and never interrupted.

    `busy` may exceed `capacity` after a shift ended: that time is counted apart, as finished over.
    """

    __slots__ = (
        "_agenda", "_changes", "_next", "_sequence", "_since", "_tick", "_waiting",
        "busy", "busy_us", "capacity", "name", "over_us", "present_us",
    )  # fmt: skip

    def __init__(
        self, agenda: Agenda, name: str, capacity: int, changes: Iterator[tuple[int, int]] | None = None
    ) -> None:
        self._agenda = agenda
        self.name = name
        self.capacity = capacity
        self.busy = 0
        self.busy_us = self.over_us = self.present_us = 0
        self._since = agenda.now
        self._sequence = 0
        self._waiting: list[_Waiting] = []
        self._changes = changes or iter(())
        self._next = 0
        self._tick = [self._change]
        self._await_change()

    @property
    def queue_length(self) -> int:
        """How many wait for a person (those who wait for a machine are not counted)."""
        return len(self._waiting)

    def request(self, rank: int, begin: Begin, task: object, machine: MachineGroup | None = None) -> None:
        """Call `begin(task)` once a person, and a machine if named, are free at the same instant."""
        self._sequence += 1
        entry = (rank * _RANK + self._sequence, begin, task, machine)
        if self.busy < self.capacity:
            self._grant(entry)
        else:
            heappush(self._waiting, entry)

    def release(self) -> None:
        """Take a person back and give them to the next who waits."""
        self.mark()
        self.busy -= 1
        self._dispatch()

    def hold(self) -> None:
        """Count a person as busy whatever the capacity: work found under way when the run starts."""
        self.mark()
        self.busy += 1

    def mark(self) -> None:
        """Bring the time integrals up to now."""
        now = self._agenda.now
        spent = now - self._since
        if spent:
            self._since = now
            self.present_us += self.capacity * spent
            if self.busy > self.capacity:
                self.busy_us += self.capacity * spent
                self.over_us += (self.busy - self.capacity) * spent
            else:
                self.busy_us += self.busy * spent

    def _grant(self, entry: _Waiting) -> None:
        key, begin, task, machine = entry
        if machine is not None and not machine.has_free:
            machine.park(key, lambda: self._return(entry))
            return
        self.mark()
        self.busy += 1
        begin(task)

    def _return(self, entry: _Waiting) -> None:
        heappush(self._waiting, entry)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._waiting and self.busy < self.capacity:
            self._grant(heappop(self._waiting))

    def _await_change(self) -> None:
        change = next(self._changes, None)
        if change is not None:
            self._next = change[1]
            self._agenda.at(change[0], CAPACITY, self._tick, self)

    def _change(self, _: Any) -> None:
        self.mark()
        self.capacity = self._next
        self._await_change()
        self._dispatch()
