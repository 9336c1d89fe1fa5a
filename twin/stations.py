"""The stations of the pathway: an item arrives, waits, is worked on by hand or in a machine, and is sent on.

Where it goes next is the model's business; who serves whom is the engine's.
"""

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from twin.engine.agenda import RELEASE, Agenda
from twin.engine.batches import Batch, Collector
from twin.engine.machines import MachineGroup
from twin.engine.staff import StaffPool
from twin.items import Item
from twin.observe import Observer
from twin.variates import Draws

HANDLING_RANK = -1
"""Loading and unloading go before all work by hand: a machine that stands still costs a night."""

Advance = Callable[[Any, int], None]
Making = Callable[[Any], Sequence[Item]]


class HandStation:
    """Work by one person (or by nobody: a pure delay), at a bench, on one item at a time."""

    __slots__ = (
        "_advance", "_agenda", "_begin", "_benches", "_done", "_duration", "_env", "_free", "_making", "_next",
        "_observer", "index", "machine", "name", "per_slide", "pool", "repeat",
    )  # fmt: skip

    def __init__(
        self,
        agenda: Agenda,
        observer: Observer,
        name: str,
        index: int,
        *,
        pool: StaffPool | None,
        machine: MachineGroup | None,
        duration: Draws,
        repeat: Draws | None,
        per_slide: bool,
        benches: int,
        making: Making | None,
        advance: Advance,
    ) -> None:
        self._agenda = agenda
        self._env = agenda.env
        self._observer = observer
        self.name = name
        self.index = index
        self.pool = pool
        self.machine = machine
        self.repeat = repeat
        self.per_slide = per_slide
        self._duration = duration
        self._making = making
        self._advance = advance
        self._next = index + 1
        self._benches = benches
        self._free = list(range(benches))
        self._begin = self.begin
        self._done = [self._end]

    def arrive(self, item: Item) -> None:
        """Queue an item that has come."""
        item.arrived_us = self._agenda.now
        self.queue(item)

    def queue(self, item: Item) -> None:
        """Queue an item that has its time of arrival already."""
        item.step = self.index
        item.started_us = None
        if self.pool is None:
            self.begin(item)
        else:
            self.pool.request(item.rank, self._begin, item, self.machine)

    def begin(self, item: Item) -> None:
        """Start on an item: the person, and the machine if any, are ours."""
        now: int = self._env._now  # type: ignore[assignment]
        item.unit = self._take_unit(item)
        item.started_us = now
        self._observer.step_started(item, self.name, item.unit, now)
        self._agenda.at(now + self._time_for(item), RELEASE, self._done, item)

    def resume(self, item: Item, started_us: int, unit: int | None, remaining_us: int) -> None:
        """Put an item on the bench half done, whatever the capacity."""
        item.step = self.index
        item.started_us = started_us
        if self.pool is not None:
            self.pool.hold()
        item.unit = self.machine.take_unit(item, unit) if self.machine else self._claim(unit)
        self._agenda.at(self._agenda.now + remaining_us, RELEASE, self._done, item)

    def _take_unit(self, item: Item) -> int:
        if self.machine is not None:
            return self.machine.take(item)
        return heappop(self._free) if self._free else self._benches

    def _claim(self, wanted: int | None) -> int:
        if wanted is None or wanted not in self._free:
            return heappop(self._free) if self._free else self._benches
        self._free.remove(wanted)
        heapify(self._free)
        return wanted

    def _time_for(self, item: Item) -> int:
        if self.per_slide:
            return sum(self._duration() for _ in range(item.quantity))
        if self.repeat is not None and item.case.looks:
            return self.repeat()
        return self._duration()

    def _end(self, item: Item) -> None:
        unit = item.unit or 0
        self._give_back(unit)
        item.started_us = item.unit = None
        children = self._making(item) if self._making else ()
        self._observer.step_completed(item, self.name, unit, self._agenda.now, children)
        self._advance(item, self._next)

    def _give_back(self, unit: int) -> None:
        if self.machine is not None:
            self.machine.release(unit)
        elif unit < self._benches:
            heappush(self._free, unit)
        if self.pool is not None:
            self.pool.release()


class Run:
    """How one programme of a machine goes: its batches, its length, and who loads and unloads."""

    __slots__ = ("collector", "duration", "index")

    def __init__(self, index: int, duration: Draws) -> None:
        self.index = index
        self.duration = duration
        self.collector: Collector


class BatchStation:
    """Work in a machine, many at a time: load, run unattended, wait for staff, unload."""

    __slots__ = (
        "_advance", "_agenda", "_begin_load", "_begin_unload", "_ended", "_keys", "_load", "_loaded", "_number",
        "_observer", "_unload", "_unloaded", "attended", "by_rank", "index", "load_pool", "machine", "name", "running",
        "runs", "unload_pool",
    )  # fmt: skip

    def __init__(
        self,
        agenda: Agenda,
        observer: Observer,
        name: str,
        index: int,
        *,
        machine: MachineGroup,
        load: tuple[StaffPool, Draws] | None,
        unload: tuple[StaffPool, Draws] | None,
        attended: bool,
        advance: Advance,
    ) -> None:
        self._agenda = agenda
        self._observer = observer
        self.name = name
        self.index = index
        self.machine = machine
        self.attended = attended and load is not None
        self.load_pool = load[0] if load else None
        self._load = load[1] if load else None
        self.unload_pool = unload[0] if unload else None
        self._unload = unload[1] if unload else None
        self._advance = advance
        self._keys = 0
        self._number = 0
        self.runs: list[Run] = []
        self.by_rank: list[Run] = []
        self.running: dict[Batch, None] = {}
        self._begin_load = self.begin_load
        self._begin_unload = self.begin_unload
        self._loaded = [self._run]
        self._ended = [self._end_run]
        self._unloaded = [self._finish]

    def arrive(self, item: Any) -> None:
        """Put an item that has come into the batch being filled."""
        item.arrived_us = self._agenda.now
        self.queue(item)

    def queue(self, item: Any) -> None:
        """Put an item that has its time of arrival already into the batch being filled."""
        item.step = self.index
        item.started_us = item.run = None
        self.by_rank[item.rank].collector.add(item)

    def submit(self, batch: Batch) -> None:
        """Ask for a machine, and for somebody to load it, for a closed batch."""
        if self.load_pool is not None:
            self.load_pool.request(HANDLING_RANK, self._begin_load, batch, self.machine)
        elif self.machine.has_free:
            self.begin_load(batch)
        else:
            self._keys += 1
            self.machine.park(self._keys, lambda: self.submit(batch))

    def begin_load(self, batch: Batch) -> None:
        """Load a batch: the machine, and the person if any, are ours."""
        self.runs[batch.programme].collector.loading(batch)
        batch.unit = self.machine.take(batch)
        self.running[batch] = None
        self._agenda.at(self._agenda.now + (self._load() if self._load else 0), RELEASE, self._loaded, batch)

    def resume(self, batch: Batch, started_us: int, unit: int | None, remaining_us: int) -> None:
        """Put a batch into a machine in the middle of its run."""
        batch.unit = self.machine.take_unit(batch, unit)
        self.running[batch] = None
        if self.attended and self.load_pool is not None:
            self.load_pool.hold()
        self._mark_started(batch, started_us, self._run_name(batch, started_us))
        self._agenda.at(self._agenda.now + remaining_us, RELEASE, self._ended, batch)

    def _run(self, batch: Batch) -> None:
        now = self._agenda.now
        if self.load_pool is not None and not self.attended:
            self.load_pool.release()
        self._mark_started(batch, now, self._run_name(batch, now))
        self._observer.run_started(self.machine.name, batch.unit, batch.parts, self.name, now)
        self._agenda.at(now + self.runs[batch.programme].duration(), RELEASE, self._ended, batch)

    def _run_name(self, batch: Batch, started_us: int) -> str:
        return f"{self.machine.name}-{batch.unit}@{started_us}"

    def _mark_started(self, batch: Batch, started_us: int, run: str) -> None:
        batch.started_us = started_us
        for part in batch.parts:
            part.step, part.started_us, part.unit = self.index, started_us, batch.unit
            part.run = part.run or run

    def _end_run(self, batch: Batch) -> None:
        now = self._agenda.now
        if batch.delay_us:
            delay, batch.delay_us = batch.delay_us, 0
            self._agenda.at(now + delay, RELEASE, self._ended, batch)
            return
        self._observer.run_completed(self.machine.name, batch.unit, batch.parts, self.name, now)
        if self.attended:
            self._unload_now(batch)
        elif self.unload_pool is not None:
            self.unload_pool.request(HANDLING_RANK, self._begin_unload, batch)
        else:
            self._finish(batch)

    def begin_unload(self, batch: Batch) -> None:
        """Unload a finished batch: the person is ours."""
        self._unload_now(batch)

    def _unload_now(self, batch: Batch) -> None:
        self._agenda.at(self._agenda.now + (self._unload() if self._unload else 0), RELEASE, self._unloaded, batch)

    def _finish(self, batch: Batch) -> None:
        del self.running[batch]
        self.machine.release(batch.unit)
        if self.attended and self.load_pool is not None:
            self.load_pool.release()
        elif self.unload_pool is not None:
            self.unload_pool.release()
        self._observer.run_unloaded(self.machine.name, batch.unit, batch.parts, self.name, self._agenda.now)
        for part in batch.parts:
            part.started_us = part.unit = part.run = None
            self._advance(part, self.index + 1)


Station = HandStation | BatchStation
