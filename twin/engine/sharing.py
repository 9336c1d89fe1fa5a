"""People shared equally among all who are there: processor sharing, exact and O(log n) by a clock that counts service.

Each of n present is served at the rate min(1, people / n). `served` is what anybody present throughout has been given,
so everybody's end is a fixed point of it, whoever comes and goes. Kleinrock 1967, Journal of the ACM 14:242.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

from twin.engine.agenda import RELEASE, Agenda, Signal
from twin.engine.machines import MachineGroup
from twin.engine.requests import RANK, Begin
from twin.engine.staff import StaffPool
from twin.engine.work import Workplace

_ONE = 1 << 40
"""A microsecond of the inner clocks: fine enough that a long run's divisions do not add up to a real one."""
_HAIR = _ONE >> 10
"""An end so little after a whole microsecond is at it: only divisions can have put it there."""

Share = tuple[int, int, Any, Workplace]
"""Where on the service clock it ends, order of coming, the task, and where it is worked on."""


class SharingPool(StaffPool):
    """People who serve all at once; `busy` counts everybody in their hands, `busy_us` no more than the people present.

    An end falls on the first whole microsecond by which the work is done. With nobody present all stands still.
    """

    __slots__ = ("_due_us", "_inner", "_look", "_looks", "_numbers", "_over", "_served", "_shares", "_since")

    def __init__(
        self, agenda: Agenda, name: str, capacity: int, changes: Iterator[tuple[int, int]] | None = None
    ) -> None:
        super().__init__(agenda, name, capacity, changes)
        self._shares: list[Share] = []
        self._served = 0
        self._inner = agenda.now * _ONE
        self._over: list[Share] = []
        self._look: Signal | None = None
        self._looks = [self._end]
        self._due_us = 0
        self._numbers = 0
        self._since = agenda.now

    def request(self, rank: int, begin: Begin, task: Any, machine: MachineGroup | None = None) -> None:
        """Call `begin(task)` at once, or as soon as the machine it needs is free."""
        if machine is None or machine.has_free:
            self.hold(task)
            begin(task)
            return
        self._numbers += 1
        machine.park(rank * RANK + self._numbers, lambda: self.request(rank, begin, task, machine), self, task)

    def is_free(self, rank: int, machine: MachineGroup | None = None) -> bool:
        """Tell whether a request would be granted at once: always, but for the machine."""
        del rank
        return machine is None or machine.has_free

    def hold(self, task: Any = None) -> None:
        """Count one more in the people's hands."""
        del task
        self.mark()
        self.busy += 1

    def work(self, task: Any, rank: int, left_us: int, place: Workplace, done_us: int = 0) -> None:
        """Give a task its share from now on, until it has had so much service."""
        del rank, done_us
        self._advance()
        self._numbers += 1
        heappush(self._shares, (self._served + left_us * _ONE, self._numbers, task, place))
        self._plan()

    def release(self, task: Any = None) -> None:
        """Count one less in the people's hands."""
        del task
        self.mark()
        self.busy -= 1

    def mark(self) -> None:
        """Bring `busy_us` and `present_us` up to now."""
        passed = self._agenda.now - self._since
        self._since += passed
        self.busy_us += min(self.busy, self.capacity) * passed
        self.present_us += self.capacity * passed

    def _change(self, signal: Any) -> None:
        self._advance()
        super()._change(signal)
        self._plan()

    def _advance(self) -> None:
        """Bring the inner clocks up to now, by way of every end there was until then."""
        now = self._agenda.now * _ONE
        while (ends := self._next_end()) is not None and ends <= now + _HAIR:
            self._served = self._shares[0][0]
            self._inner = min(ends, now)
            self._over.append(heappop(self._shares))
        if self._shares:
            self._served += (now - self._inner) * self._people_at_work() // len(self._shares)
        self._inner = now

    def _next_end(self) -> int | None:
        """Return when, on the inner clock, the next will have been served; None while nobody is."""
        people = self._people_at_work()
        if not people:
            return None
        return self._inner + (self._shares[0][0] - self._served) * len(self._shares) // people

    def _people_at_work(self) -> int:
        return min(self.capacity, len(self._shares))

    def _plan(self) -> None:
        """Put the next end on the agenda, unless a look that is not later is there already."""
        ends = self._next_end()
        if ends is None:
            return
        due_us = -((_HAIR - ends) // _ONE)
        if self._look is None or due_us < self._due_us:
            self._due_us = due_us
            self._look = Signal()
            self._agenda.at(due_us, RELEASE, self._looks, self._look)

    def _end(self, look: Signal) -> None:
        if look is not self._look:
            return
        self._look = None
        self._advance()
        over, self._over = self._over, []
        for _, _, task, place in over:
            place.done(task)
        self._plan()
