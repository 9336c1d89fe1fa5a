"""Work by hand whose pace its people set: they share themselves among all that is there, or may be interrupted.

How, is the engine's business; here is what it means for an item, its machine and the record of its visit. A machine
stays taken while work is set aside for its own people, who come back to it; work that somebody else will go on with
leaves the machine, for the more urgent item or for whoever is there, and takes one again with its next person.
"""

from typing import Any

from twin.engine.agenda import RELEASE
from twin.items import Item
from twin.stations.by_hand import HandStation


class PacedStation(HandStation):
    """A step by hand that tells its people of the work and hears from them when it is done.

    A visit's start is its first; what interrupts it lies between start and end.
    """

    __slots__ = ()

    def begin(self, item: Item) -> None:
        """Start on an item: the person, and the machine if any, are ours."""
        now = self.agenda.now
        item.started_us = now
        work_us = self.redraw(item)
        if self.machine is not None:
            item.unit = self.machine.take(item)
        if self._observer is not None:
            self._tell_start(item, now)
        self._go_on(item, work_us)
        if self.gate is not None:
            self.gate.began(item)

    def done(self, task: Any) -> None:
        """Finish an item, or keep it until there is room for it."""
        for callback in self._done:
            callback(task)

    def redraw(self, task: Any) -> int:
        """Return how long the work on an item takes when it is drawn anew, µs."""
        return self._work(task, self.terms[task.kind])

    def put_down(self, task: Any) -> None:
        """Leave the machine, offering it to nobody yet: somebody else will go on with the item."""
        if self.machine is not None:
            self.machine.vacate(task.unit)

    def take_up(self, task: Any) -> None:
        """Take a machine again to go on with an item."""
        if self.machine is not None:
            task.unit = self.machine.take(task)

    def _go_on(self, item: Item, left_us: int) -> None:
        terms, now = self.terms[item.kind], self.agenda.now
        if terms.staff is None:
            self.agenda.at(now + left_us, RELEASE, self._done, item)
        else:
            terms.staff.work(item, terms.rank, left_us, self, now - (item.started_us or now))
