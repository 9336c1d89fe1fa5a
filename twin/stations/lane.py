"""The quick ways into the stations: where work by hand needs one group or nobody, no machine and nobody listens.

They do exactly what the stations do there (the tests hold both to it), with all that one kind of item needs bound
once instead of looked up at each visit: most of a run's time is spent here.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from heapq import heappush
from typing import Any, cast

from twin.engine.agenda import RELEASE, Entry
from twin.engine.batches import Collector, Filling
from twin.engine.requests import RANK, Waiting
from twin.engine.staff import StaffPool
from twin.items import SLIDE, Item
from twin.kinds import ByKind
from twin.stations import Station
from twin.stations.by_hand import HandStation
from twin.stations.carried import CarriedStation
from twin.stations.in_machine import BatchStation
from twin.stations.terms import Draw, Onward, Terms
from twin.stations.turnstile import Turnstile

_Callback = Callable[[Any], None]


def lanes(station: Station, level: int) -> Mapping[int, Onward] | None:
    """Return, by kind, what takes an item in at a station for items of a level; None where it needs its fuller way."""
    if isinstance(station, BatchStation):
        into = cache(lambda run: _into_batch(station, run.collector, level))
        return ByKind(lambda kind: into(station.runs_by_kind[kind]))
    if isinstance(station, CarriedStation):
        waiting = _filling(station, station.collector, level)
        return ByKind(lambda kind: station.arrive if station.goes_alone[kind] else waiting)
    gate = station.gate
    if not station.is_plain or type(station) is not HandStation or not (gate is None or isinstance(gate, Turnstile)):
        return None
    if gate is not None:
        return _behind(station, gate)
    lane = cache(lambda terms: _lane(station, terms))
    return ByKind(lambda kind: lane(station.terms[kind]))


def _into_batch(station: BatchStation, collector: Filling, level: int) -> Onward:
    return _filling(station, collector, level) if isinstance(collector, Collector) else station.arrive


def _filling(station: BatchStation | CarriedStation, collector: Collector, level: int) -> Onward:
    env, index, almost = station.agenda.env, station.index, collector.almost

    def enter(item: Any) -> None:
        item.arrived_us = env._now
        item.step = index
        places = len(item.indices) if level == SLIDE else 1
        batch = collector.filling
        if batch is None or batch.is_closed or batch.count + places >= almost:
            collector.add(item)
            return
        batch.parts.append(item)
        batch.count += places
        if item.rank < batch.rank:  # noqa: PLR1730 - a third of the time that min() takes
            batch.rank = item.rank

    return enter


def _behind(station: HandStation, gate: Turnstile) -> Mapping[int, Onward]:
    """Let items come through a turnstile, and ask for their person the quick way."""
    lane = cache(lambda terms: _lane(station, terms, gate))
    asking = ByKind(lambda kind: lane(station.terms[kind]))
    env, index, behind = station.agenda.env, station.index, gate.behind
    gate.ask = lambda item: asking[item.kind](item)

    def enter(item: Item) -> None:
        item.arrived_us = env._now  # type: ignore[assignment]
        item.step = index
        kin = behind.get(item.parent)
        if kin is None:
            behind[item.parent] = []
            asking[item.kind](item)
        else:
            kin.append(item)

    return ByKind(lambda _: enter)


def _lane(station: HandStation, terms: Terms, gate: Turnstile | None = None) -> Onward:
    pool = terms.staff
    if terms.repeat is not None or not (pool is None or type(pool) is StaffPool):
        return station.arrive if gate is None else station.ask
    begin = _beginning(station, terms, _end(station, terms, gate))
    if pool is None:
        return _entering_alone(station, begin) if gate is None else begin
    return (_entering if gate is None else _asking)(station, pool, terms.rank, begin)


def _asking(station: HandStation, pool: StaffPool, rank: int, begin: _Callback) -> Onward:
    env, join, first_key = station.agenda.env, _joining(pool, rank), rank * RANK

    def ask(item: Item) -> None:
        if pool.busy < pool.capacity:
            pool.moments -= env._now  # type: ignore[assignment]
            pool.busy += 1
            begin(item)
        else:
            pool.sequence += pool.step
            join((first_key + pool.sequence, begin, item, None))

    return ask


def _entering(station: HandStation, pool: StaffPool, rank: int, begin: _Callback) -> Onward:
    env, index, join, first_key = station.agenda.env, station.index, _joining(pool, rank), rank * RANK

    def enter(item: Item) -> None:
        now: int = env._now  # type: ignore[assignment]
        item.arrived_us = now
        item.step = index
        if pool.busy < pool.capacity:
            pool.moments -= now
            pool.busy += 1
            begin(item)
        else:
            pool.sequence += pool.step
            join((first_key + pool.sequence, begin, item, None))

    return enter


def _joining(pool: StaffPool, rank: int) -> Callable[[Waiting], None]:
    """Return what puts the newest request in its place: last of its class, or first if the last to come is served."""
    line = pool.waiting.line(rank)
    return line.append if pool.step > 0 else line.appendleft


def _entering_alone(station: HandStation, begin: _Callback) -> Onward:
    env, index = station.agenda.env, station.index

    def enter(item: Item) -> None:
        item.arrived_us = env._now  # type: ignore[assignment]
        item.step = index
        begin(item)

    return enter


def _beginning(station: HandStation, terms: Terms, end: _Callback) -> _Callback:
    env = station.agenda.env
    queue = cast("list[tuple[int, int, int, Entry]]", env._queue)
    next_id = cast("Iterator[int]", env._eid).__next__
    draw, done, pieces = terms.draw, [end], station.pieces

    def begin(item: Item) -> None:
        now: int = env._now  # type: ignore[assignment]
        item.started_us = now
        item.callbacks = done
        heappush(queue, (now + draw(), RELEASE, next_id(), item))

    def begin_many(item: Item) -> None:
        now: int = env._now  # type: ignore[assignment]
        item.started_us = now
        item.callbacks = done
        heappush(queue, (now + _sum(draw, pieces(item)), RELEASE, next_id(), item))  # type: ignore[misc]

    return begin if pieces is None else begin_many


def _sum(draw: Draw, pieces: int) -> int:
    return sum([draw() for _ in range(pieces)])


def _end(station: HandStation, terms: Terms, gate: Turnstile | None) -> _Callback:
    return _end_of_delay(station, gate) if terms.staff is None else _end_of_work(station, terms.staff, gate)


def _end_of_delay(station: HandStation, gate: Turnstile | None) -> _Callback:
    env, onward, visits = station.agenda.env, station.onward, station.visits

    def end(item: Item) -> None:
        if visits is not None:
            station.note(item, env._now)  # type: ignore[arg-type]
        item.started_us = None
        if station.making is not None:
            station.making(item)
        if gate is not None:
            gate.ended(item)
        onward[item.kind](item)

    return end


def _end_of_work(station: HandStation, pool: Any, gate: Turnstile | None) -> _Callback:
    """Give the person from hand to hand to whoever waits first, where that is all there is to it."""
    env, onward, make, lines = station.agenda.env, station.onward, station.making, pool.waiting.lines
    notes = None if station.visits is None else station.visits.notes
    quantities = station.visits.quantity if station.visits is not None and station.counts_slides else None

    def end(item: Item) -> None:
        if notes is not None:
            notes.extend((item.arrived_us, item.started_us, env._now, item.kind))  # type: ignore[arg-type]
            if quantities is not None:
                quantities.append(item.quantity)
        if pool.busy > pool.capacity:
            pool.release()
        else:
            for line in lines:
                if line:
                    if line[0][3] is None:
                        _, begin, task, _ = line.popleft()
                        begin(task)
                    else:
                        pool.release()
                    break
            else:
                pool.moments += env._now
                pool.busy -= 1
        item.started_us = None
        if make is not None:
            make(item)
        if gate is not None:
            gate.ended(item)
        onward[item.kind](item)

    return end
