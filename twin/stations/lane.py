"""The quick way through a step by hand: one group or nobody, no machine, no gate, nobody listening.

Does exactly what `HandStation` does there (the tests hold both to it), with all that one kind of item needs bound
once instead of looked up at each visit: most of a run's time is spent here.
"""

from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any, cast

from twin.engine.agenda import RELEASE, Entry
from twin.engine.staff import RANK, StaffPool
from twin.items import Item
from twin.kinds import ByKind
from twin.stations.by_hand import HandStation
from twin.stations.terms import Draw, Onward, Terms

_Callback = Callable[[Any], None]


def lanes(station: HandStation) -> Mapping[int, Onward] | None:
    """Return, by kind, what takes an item in at a station; None where the station needs its own, fuller way."""
    if not station.is_plain or station.gate is not None or type(station) is not HandStation:
        return None
    return ByKind(lambda kind: _lane(station, kind))


def _lane(station: HandStation, kind: int) -> Onward:
    terms = station.terms[kind]
    if terms.repeat is not None or not (terms.staff is None or type(terms.staff) is StaffPool):
        return station.arrive
    begin = _beginning(station, terms, _end(station, kind))
    pool = terms.staff
    return _entering_alone(station, begin) if pool is None else _entering(station, pool, terms.rank * RANK, begin)


def _entering(station: HandStation, pool: StaffPool, rank: int, begin: _Callback) -> Onward:
    env, index, waiting = station.agenda.env, station.index, pool.waiting

    def enter(item: Item) -> None:
        now: int = env._now  # type: ignore[assignment]
        item.arrived_us = now
        item.step = index
        if pool.busy < pool.capacity:
            pool.take(now)
            begin(item)
        else:
            pool.sequence += pool.step
            heappush(waiting, (rank + pool.sequence, begin, item, None))

    return enter


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
    ids = cast("Iterator[int]", env._eid)
    draw, done, pieces = terms.draw, [end], station.pieces

    def begin(item: Item) -> None:
        now: int = env._now  # type: ignore[assignment]
        item.started_us = now
        item.callbacks = done
        heappush(queue, (now + draw(), RELEASE, next(ids), item))

    def begin_many(item: Item) -> None:
        now: int = env._now  # type: ignore[assignment]
        item.started_us = now
        item.callbacks = done
        heappush(queue, (now + _sum(draw, pieces(item)), RELEASE, next(ids), item))  # type: ignore[misc]

    return begin if pieces is None else begin_many


def _sum(draw: Draw, pieces: int) -> int:
    return sum([draw() for _ in range(pieces)])


def _end(station: HandStation, kind: int) -> _Callback:
    env, onward, make = station.agenda.env, station.onward, station.making
    give_back = _giving_back(station.terms[kind])
    notes = None if station.visits is None else station.visits.notes
    quantities = station.visits.quantity if station.visits is not None and station.counts_slides else None

    def end(item: Item) -> None:
        if notes is not None:
            notes.extend((item.arrived_us, item.started_us, env._now, kind))  # type: ignore[arg-type]
            if quantities is not None:
                quantities.append(item.quantity)
        give_back()
        item.started_us = None
        if make is not None:
            make(item)
        onward[kind](item)

    return end


def _giving_back(terms: Terms) -> Callable[[], None]:
    """Return what gives the person back: to whoever waits first, from hand to hand, where that is all there is to it."""
    pool = terms.staff
    if not isinstance(pool, StaffPool):
        return lambda: None
    waiting = pool.waiting

    def give_back() -> None:
        if waiting and pool.busy <= pool.capacity and waiting[0][3] is None:
            _, begin, task, _ = heappop(waiting)
            begin(task)
        else:
            pool.release()

    return give_back
