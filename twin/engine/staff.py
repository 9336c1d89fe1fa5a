"""A pool of people: priority, then first come; capacity follows the shifts; what was started is finished."""

from collections.abc import Iterator
from typing import Any

from twin.engine.agenda import CAPACITY, Agenda, Entry
from twin.engine.machines import MachineGroup
from twin.engine.requests import RANK, Begin, Requests, Waiting
from twin.engine.work import Work, Workplace


class StaffPool(Entry):
    """People who stand in for each other, asked for one at a time and never interrupted.

    `busy` may exceed `capacity` after a shift ended: that time is counted apart, as finished over. With `last_come`,
    whoever came last in a class is served first.
    """

    __slots__ = (
        "_agenda", "_changes", "_env", "_next", "_over_since", "_present_since", "_tick",
        "busy", "busy_us", "capacity", "moments", "name", "over_us", "present_us", "sequence", "step", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        agenda: Agenda,
        name: str,
        capacity: int,
        changes: Iterator[tuple[int, int]] | None = None,
        *,
        last_come: bool = False,
    ) -> None:
        self._agenda = agenda
        self._env = agenda.env
        self.name = name
        self.capacity = capacity
        self.busy = 0
        self.busy_us = self.over_us = self.present_us = 0
        self.moments = 0  # sum of ends less sum of starts: cheaper than an integral kept at each change
        self._over_since = self._present_since = agenda.now
        self.sequence = RANK >> 1
        self.step = -1 if last_come else 1
        self.waiting = Requests()
        self._changes = changes or iter(())
        self._next = 0
        self._tick = [self._change]
        self._await_change()

    @property
    def queue_length(self) -> int:
        """How many wait for a person (those who wait for a machine are not counted)."""
        return len(self.waiting)

    def request(self, rank: int, begin: Begin, task: Any, machine: MachineGroup | None = None) -> None:
        """Call `begin(task)` once a person, and a machine if named, are free at the same instant."""
        if self.busy < self.capacity and machine is None:
            self.moments -= self._env._now  # type: ignore[assignment]
            self.busy += 1
            begin(task)
            return
        self.sequence += self.step
        entry = (rank * RANK + self.sequence, begin, task, machine)
        if self.busy < self.capacity:
            self._grant(entry)
        else:
            self.waiting.push(entry)

    def release(self, task: Any = None) -> None:
        """Take a person back and give them to the next who waits."""
        del task
        first = self.waiting.first()
        if self.busy > self.capacity:
            self._mark_over()
        elif first is not None and first[3] is None:
            _, begin, next_task, _ = self.waiting.pop()
            begin(next_task)  # from hand to hand: as many are busy as before
            return
        self.moments += self._env._now  # type: ignore[assignment]
        self.busy -= 1
        if first is not None:
            self._dispatch()

    def take(self, now_us: int) -> None:
        """Count a free person as busy."""
        self.moments -= now_us
        self.busy += 1

    def hold(self, task: Any = None) -> None:
        """Count a person as busy whatever the capacity: work found under way when the run starts."""
        del task
        self._mark_over()
        self.moments -= self._agenda.now
        self.busy += 1

    def is_free(self, rank: int, machine: MachineGroup | None = None) -> bool:
        """Tell whether a request of this rank would be granted at once."""
        del rank
        return self.busy < self.capacity and (machine is None or machine.has_free)

    def withdraw(self, task: Any, machine: MachineGroup | None = None) -> None:
        """Take back the request of a task that nobody has begun."""
        if not self.waiting.strike_out(task) and machine is not None:
            machine.forget(self, task)

    def work(self, task: Any, rank: int, left_us: int, place: Workplace, done_us: int = 0) -> None:
        """Work on a task that was begun for so long, and call `place.done(task)` then."""
        Work(task, rank, left_us, place, done_us).go_on(self._agenda)

    def group_at(self, task: Any) -> str | None:
        """Return the name of the group one of whose people is at a task."""
        del task
        return self.name

    def mark(self) -> None:
        """Bring `busy_us`, `over_us` and `present_us` up to now."""
        now = self._agenda.now
        self._mark_over()
        self.present_us += self.capacity * (now - self._present_since)
        self._present_since = now
        self.busy_us = self.moments + self.busy * now - self.over_us

    def _mark_over(self) -> None:
        now = self._agenda.now
        self.over_us += max(self.busy - self.capacity, 0) * (now - self._over_since)
        self._over_since = now

    def _grant(self, entry: Waiting) -> None:
        key, begin, task, machine = entry
        if machine is not None and not machine.has_free:
            machine.park(key, lambda: self._return(entry), self, task)
            return
        self.moments -= self._env._now  # type: ignore[assignment]
        self.busy += 1
        begin(task)

    def _return(self, entry: Waiting) -> None:
        self.waiting.push(entry)
        self._dispatch()

    def _dispatch(self) -> None:
        while self.waiting and self.busy < self.capacity:
            self._grant(self.waiting.pop())

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
