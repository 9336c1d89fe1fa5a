"""Work in a machine, many at a time: load, run unattended, wait for staff, unload, and finish by hand if so said.

Where items go next is the model's business; how batches fill and who serves whom is the engine's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twin.engine.agenda import RELEASE, Agenda, Entry
from twin.engine.batches import Batch, Filling
from twin.engine.machines import LOADING, UNLOADING, WAITING, WORKING, MachineGroup
from twin.engine.requests import RANK
from twin.items import SLIDE, Item
from twin.observe import Observer
from twin.stations.terms import Draw, Onward, Staff
from twin.stations.visits import Visits


class Hands:
    """Who loads or unloads, how long that takes, and how urgent the request is; `rank` None: as the batch is."""

    __slots__ = ("draw", "rank", "staff")

    def __init__(self, staff: Staff, draw: Draw, rank: int | None) -> None:
        self.staff = staff
        self.draw = draw
        self.rank = rank

    def rank_for(self, batch: Batch) -> int:
        """Return the rank of the request for a batch."""
        return batch.rank if self.rank is None else self.rank


class Run:
    """How one programme goes: machine, batches, length, who loads and unloads, and what is done by hand after."""

    __slots__ = ("by_hand_after", "collector", "duration", "index", "is_attended", "load", "machine", "rank", "unload")

    def __init__(
        self,
        index: int,
        machine: MachineGroup,
        duration: Draw,
        load: Hands | None,
        unload: Hands | None,
        *,
        rank: int | None = None,
        attended: bool = False,
        by_hand_after: Draw | None = None,
    ) -> None:
        self.index = index
        self.machine = machine
        self.duration = duration
        self.load = load
        self.unload = unload
        self.rank = rank
        self.is_attended = attended and load is not None
        self.by_hand_after = by_hand_after
        self.collector: Filling

    @property
    def finisher(self) -> Hands | None:
        """Who has a batch in hand at its end: the loader who stayed, or whoever unloads."""
        return self.load if self.is_attended else self.unload


class _InHand(Entry):
    """A batch out of its machine, whose parts the same person finishes one after the other; `draw` is for a piece."""

    __slots__ = ("batch", "draw", "left", "part")

    def __init__(self, batch: Batch, draw: Draw) -> None:
        self.batch = batch
        self.draw = draw
        self.left: Iterator[Item] = iter(batch.parts)
        self.part: Item


class BatchStation:
    """A step in machines, by one or more programmes."""

    __slots__ = (
        "_begin_load", "_begin_unload", "_ended", "_keys", "_loaded", "_observer", "_piece", "_unloaded",
        "agenda", "index", "name", "onward", "running", "runs", "runs_by_kind", "visits",
    )  # fmt: skip

    def __init__(self, agenda: Agenda, observer: Observer | None, name: str, index: int, visits: Visits | None) -> None:
        self.agenda = agenda
        self._observer = observer
        self.name = name
        self.index = index
        self.visits = visits
        self.runs: list[Run] = []
        self.runs_by_kind: Mapping[int, Run] = {}
        self.onward: Mapping[int, Onward] = {}
        self.running: dict[Batch, None] = {}
        self._keys = 0
        self._begin_load = self.begin_load
        self._begin_unload = self.begin_unload
        self._loaded = [self._run]
        self._ended = [self._end_run]
        self._unloaded = [self._finish]
        self._piece = [self._finish_part]

    def arrive(self, item: Any) -> None:
        """Put an item that has come into the batch being filled."""
        item.arrived_us = self.agenda.env._now
        item.step = self.index
        self.runs_by_kind[item.kind].collector.add(item)

    def queue(self, item: Any) -> None:
        """Put an item that has its time of arrival already into the batch being filled."""
        item.step = self.index
        item.started_us = item.run = None
        self.runs_by_kind[item.kind].collector.add(item)

    def submit(self, batch: Batch) -> None:
        """Ask for a machine, and for somebody to load it, for a closed batch."""
        run = self.runs[batch.programme]
        if run.load is not None:
            run.load.staff.request(run.load.rank_for(batch), self._begin_load, batch, run.machine)
        elif run.machine.has_free:
            self.begin_load(batch)
        else:
            self._keys += 1
            rank = batch.rank if run.rank is None else run.rank
            run.machine.park(rank * RANK + self._keys, lambda: self.submit(batch))

    def begin_load(self, batch: Batch) -> None:
        """Load a batch: the machine, and the person if any, are ours."""
        run = self.runs[batch.programme]
        run.collector.loading(batch)
        batch.unit = run.machine.take(batch, LOADING)
        self.running[batch] = None
        if run.load is None:
            self._run(batch)
        else:
            self.agenda.at(self.agenda.now + run.load.draw(), RELEASE, self._loaded, batch)

    def resume(self, batch: Batch, started_us: int, unit: int | None, remaining_us: int) -> None:
        """Put a batch into a machine in the middle of its run."""
        run = self.runs[batch.programme]
        batch.unit = run.machine.take_unit(batch, unit, WORKING)
        self.running[batch] = None
        for part in batch.parts:
            part.step = self.index
        if run.is_attended and run.load is not None:
            run.load.staff.hold(batch)
        self._mark_started(batch, started_us)
        self.agenda.at(self.agenda.now + remaining_us, RELEASE, self._ended, batch)

    def _run(self, batch: Batch) -> None:
        run, now = self.runs[batch.programme], self.agenda.now
        if run.load is not None and not run.is_attended:
            run.load.staff.release(batch)
        run.machine.turn(LOADING, WORKING)
        self._mark_started(batch, now)
        if self._observer is not None:
            self._observer.run_started(run.machine.name, batch.unit, batch.parts, self.name, now)
        self.agenda.at(now + run.duration(), RELEASE, self._ended, batch)

    def _mark_started(self, batch: Batch, started_us: int) -> None:
        batch.started_us = started_us
        unit, name = batch.unit, f"{self.runs[batch.programme].machine.name}-{batch.unit}@{started_us}"
        for part in batch.parts:
            part.started_us = started_us
            part.unit = unit
            if part.run is None:
                part.run = name

    def _end_run(self, batch: Batch) -> None:
        run, now = self.runs[batch.programme], self.agenda.now
        if batch.delay_us:
            delay, batch.delay_us = batch.delay_us, 0
            self.agenda.at(now + delay, RELEASE, self._ended, batch)
            return
        if self._observer is not None:
            self._observer.run_completed(run.machine.name, batch.unit, batch.parts, self.name, now)
        run.machine.turn(WORKING, WAITING)
        if run.unload is None:
            self._finish(batch)
        elif run.is_attended:
            self.begin_unload(batch)
        else:
            run.unload.staff.request(run.unload.rank_for(batch), self._begin_unload, batch)

    def begin_unload(self, batch: Batch) -> None:
        """Unload a finished batch: the person is ours."""
        run = self.runs[batch.programme]
        run.machine.turn(WAITING, UNLOADING)
        work = run.unload.draw() if run.unload else 0
        self.agenda.at(self.agenda.now + work, RELEASE, self._unloaded, batch)

    def _finish(self, batch: Batch) -> None:
        run, now = self.runs[batch.programme], self.agenda.now
        del self.running[batch]
        run.machine.release(batch.unit, WAITING if run.unload is None else UNLOADING)
        if run.by_hand_after is None and run.finisher is not None:
            run.finisher.staff.release(batch)
        if self._observer is not None:
            self._observer.run_unloaded(run.machine.name, batch.unit, batch.parts, self.name, now)
        if run.by_hand_after is not None:
            self._next_part(_InHand(batch, run.by_hand_after))
            return
        self._note(batch.parts, now)
        onward = self.onward
        for part in batch.parts:
            part.started_us = part.unit = part.run = None
            onward[part.kind](part)

    def _next_part(self, in_hand: _InHand) -> None:
        """Let the same person go on with the next part, or go when there is none."""
        batch, part = in_hand.batch, next(in_hand.left, None)
        if part is None:
            finisher = self.runs[batch.programme].finisher
            if finisher is not None:
                finisher.staff.release(batch)
            return
        in_hand.part = part
        if self._observer is not None:
            self._observer.step_started(part, self.name, batch.unit, self.agenda.now)
        work = sum([in_hand.draw() for _ in range(part.quantity)])
        self.agenda.at(self.agenda.now + work, RELEASE, self._piece, in_hand)

    def _finish_part(self, in_hand: _InHand) -> None:
        part, now = in_hand.part, self.agenda.now
        if self._observer is not None:
            self._observer.step_completed(part, self.name, in_hand.batch.unit, now, ())
        self._next_part(in_hand)
        self._note((part,), now)
        part.started_us = part.unit = part.run = None
        self.onward[part.kind](part)

    def _note(self, parts: Sequence[Any], now: int) -> None:
        if self.visits is None:
            return
        note = self.visits.notes.extend
        for part in parts:
            note((part.arrived_us, part.started_us, now, part.kind))
        if parts[0].level == SLIDE:
            self.visits.quantity.extend([len(part.indices) for part in parts])
