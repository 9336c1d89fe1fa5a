"""The quick way through a plain step: work by hand by one group, no machine, nothing made, nobody listening.

Does exactly what `HandStation` does there (the tests hold both to it), with all that one kind of item needs bound
once instead of looked up at each visit: most of a run's time is spent here.
"""

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from typing import cast

from twin.engine.agenda import RELEASE, Entry
from twin.engine.staff import RANK, StaffPool
from twin.items import Item
from twin.kinds import ByKind
from twin.stations.by_hand import HandStation
from twin.stations.terms import Onward


def lanes(station: HandStation) -> Mapping[int, Onward] | None:
    """Return, by kind, what takes an item in at a station; None where the station needs its own, fuller way."""
    if not station.is_plain or station.gate is not None or type(station) is not HandStation:
        return None
    return ByKind(lambda kind: _lane(station, kind))


def _lane(station: HandStation, kind: int) -> Onward:
    terms = station.terms[kind]
    pool = terms.staff
    if type(pool) is not StaffPool or station.pieces is not None:
        return station.arrive
    env = station.agenda.env
    queue = cast("list[tuple[int, int, int, Entry]]", env._queue)
    ids = cast("Iterator[int]", env._eid)
    index, draw, visits, onward = station.index, terms.draw, station.visits, station.onward
    rank = terms.rank * RANK
    waiting = pool.waiting

    def begin(item: Item) -> None:
        now: int = env._now  # type: ignore[assignment]
        item.started_us = now
        item.callbacks = done
        heappush(queue, (now + draw(), RELEASE, next(ids), item))

    def end(item: Item) -> None:
        if waiting and pool.busy <= pool.capacity and waiting[0][3] is None:
            _, begin_next, task, _ = heappop(waiting)
            begin_next(task)
        else:
            pool.release()
        item.started_us = None
        onward[kind](item)

    if visits is not None:
        note = visits.notes.append
        end_unseen = end

        def end_noted(item: Item) -> None:
            note((item.arrived_us, item.started_us, env._now, kind))  # type: ignore[arg-type]
            end_unseen(item)

        done = [end_noted]
    else:
        done = [end]

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
