"""Machines that stand in for each other: which is free, which has failed, who waits for one. No staff, no batches."""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count as count_up
from typing import Any

from twin.engine.agenda import ARRIVAL, Agenda, Signal

LOADING, WORKING, WAITING, UNLOADING, DOWN = "loading", "working", "waiting_for_staff", "unloading", "down"
"""What a machine that is not idle is doing. One that breaks down in mid-run counts as working until it is unloaded."""

_HANDLED = (LOADING, WAITING, UNLOADING)

Parked = tuple[int, int, object, Callable[[], None]]
"""Key, order of parking, task, and what asks again."""


class MachineGroup:
    """So many like machines, given out lowest index first.

    After `mark`, `busy_us` is the time in use of all of them since the beginning and `state_us` the time in each state;
    the rest of `count` × time they stood idle.
    """

    __slots__ = (
        "_agenda", "_down", "_env", "_free", "_moments", "_moments_in", "_number_in", "_numbers", "_parked",
        "busy_us", "count", "name", "on_failure", "on_repair", "state_us", "users",
    )  # fmt: skip

    def __init__(self, agenda: Agenda, name: str, count: int) -> None:
        self._agenda = agenda
        self._env = agenda.env
        self.name = name
        self.count = count
        self.busy_us = 0
        self.users: dict[int, object] = {}
        self.on_failure: Callable[[str, int, int], None] | None = None
        self.on_repair: Callable[[str, int, int], None] | None = None
        self.state_us = dict.fromkeys((LOADING, WORKING, WAITING, UNLOADING, DOWN), 0)
        # sums of ends less sums of starts: cheaper than integrals kept at each change; working is what is left of use
        self._moments = 0
        self._moments_in = dict.fromkeys((*_HANDLED, DOWN), 0)
        self._number_in = dict.fromkeys(self._moments_in, 0)
        self._free = list(range(count))
        self._down: set[int] = set()
        self._parked: dict[object, list[Parked]] = {}
        self._numbers = count_up()

    @property
    def busy(self) -> int:
        """How many are in use."""
        return len(self.users)

    @property
    def has_free(self) -> bool:
        """Whether a working machine is free."""
        return bool(self._free)

    def park(self, key: int, retry: Callable[[], None], asker: object = None, task: object = None) -> None:
        """Remember who found no machine: when one comes free, the lowest key of each asker is asked again."""
        heappush(self._parked.setdefault(asker, []), (key, next(self._numbers), task, retry))

    def forget(self, asker: object, task: object) -> None:
        """Ask no more for a task that has gone elsewhere."""
        left = [parked for parked in self._parked.pop(asker, ()) if parked[2] is not task]
        if left:
            heapify(left)
            self._parked[asker] = left

    def take(self, user: object, state: str = WORKING) -> int:
        """Give the lowest free machine to a user and return its index."""
        unit = heappop(self._free)
        self._hold(unit, user, state)
        return unit

    def take_unit(self, user: object, wanted: int | None, state: str = WORKING) -> int:
        """Give a stated machine when it is free, else the lowest free, else one beyond the count (a known overload)."""
        if wanted is not None and wanted in self._free:
            self._free.remove(wanted)
            heapify(self._free)
            unit = wanted
        else:
            unit = heappop(self._free) if self._free else max(self.count, *self.users, -1) + 1
        self._hold(unit, user, state)
        return unit

    def turn(self, before: str, after: str) -> None:
        """Let a machine in use go from doing one thing to doing another."""
        if before != WORKING:
            self._leave(before)
        if after != WORKING:
            self._enter(after)

    def release(self, unit: int, state: str = WORKING) -> None:
        """Take a machine back, and offer it to whoever waits unless it is broken."""
        self.vacate(unit, state)
        if self._parked:
            self.offer()

    def vacate(self, unit: int, state: str = WORKING) -> None:
        """Take a machine back and offer it to nobody yet, because somebody stands there who may take it."""
        del self.users[unit]
        self._moments += self._env._now  # type: ignore[assignment]
        if state != WORKING:
            self._leave(state)
        if unit in self._down:
            self._enter(DOWN)
        elif unit < self.count:
            heappush(self._free, unit)

    def offer(self) -> None:
        """Ask those who wait again, the lowest key first, as long as a machine is free.

        Who has a machine but no person any more waits for a person; the next asker is asked then.
        """
        asked: set[object] = set()
        while self._free:
            askers = [asker for asker in self._parked if asker not in asked]
            if not askers:
                return
            asker = min(askers, key=lambda one: self._parked[one][0][:2])
            free = len(self._free)
            self._ask(asker)
            if len(self._free) == free:
                asked.add(asker)

    def mark(self) -> None:
        """Bring the time in use and the time in each state up to now."""
        now = self._agenda.now
        self.busy_us = self._moments + self.busy * now
        for state, moments in self._moments_in.items():
            self.state_us[state] = moments + self._number_in[state] * now
        self.state_us[WORKING] = self.busy_us - sum([self.state_us[state] for state in _HANDLED])

    def fails(self, unit: int, lives: Iterator[tuple[int, int]]) -> None:
        """Let a unit break down and be repaired by turns: (µs working, µs away), for ever."""
        self._plan_failure(unit, lives)

    def _ask(self, asker: object) -> None:
        parked = self._parked[asker]
        retry = heappop(parked)[3]
        if not parked:
            del self._parked[asker]
        retry()

    def _hold(self, unit: int, user: object, state: str) -> None:
        self.users[unit] = user
        self._moments -= self._env._now  # type: ignore[assignment]
        if state != WORKING:
            self._enter(state)

    def _enter(self, state: str) -> None:
        self._number_in[state] += 1
        self._moments_in[state] -= self._agenda.now

    def _leave(self, state: str) -> None:
        self._number_in[state] -= 1
        self._moments_in[state] += self._agenda.now

    def _plan_failure(self, unit: int, lives: Iterator[tuple[int, int]]) -> None:
        working, away = next(lives)

        def fail(_: Any) -> None:
            self._fail(unit, away, lives)

        self._agenda.at(self._agenda.now + working, ARRIVAL, [fail], Signal())

    def _fail(self, unit: int, away: int, lives: Iterator[tuple[int, int]]) -> None:
        self._down.add(unit)
        if unit in self.users:
            self._hold_up(self.users[unit], away)
        else:
            self._free.remove(unit)
            heapify(self._free)
            self._enter(DOWN)
        if self.on_failure:
            self.on_failure(self.name, unit, self._agenda.now)
        self._agenda.at(self._agenda.now + away, ARRIVAL, [lambda _: self._repair(unit, lives)], Signal())

    def _hold_up(self, user: object, away: int) -> None:
        if hasattr(user, "delay_us"):
            user.delay_us += away

    def _repair(self, unit: int, lives: Iterator[tuple[int, int]]) -> None:
        self._down.discard(unit)
        if self.on_repair:
            self.on_repair(self.name, unit, self._agenda.now)
        self._plan_failure(unit, lives)
        if unit not in self.users:
            self._leave(DOWN)
            heappush(self._free, unit)
            self.offer()
