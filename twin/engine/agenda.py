"""The agenda: puts callbacks on SimPy's own event queue without a process each. No resources, no luck."""

from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, ClassVar, cast

from simpy import Environment

END, CAPACITY, RELEASE, START, ARRIVAL, LAST = 0, 1, 2, 3, 4, 5
"""Order at equal times; SimPy too keeps 0 for the end of a run."""

Callbacks = Sequence[Callable[[Any], None]]


class Entry:
    """Anything that can lie on the agenda: SimPy sees an event that succeeds and calls back."""

    __slots__ = ("callbacks",)
    _ok: ClassVar[bool] = True
    callbacks: Callbacks


class Signal(Entry):
    """A bare agenda entry for whoever has no record of their own to be called back with."""

    __slots__ = ()


class Agenda:
    """SimPy's queue and clock, in whole microseconds since 1970 UTC."""

    __slots__ = ("_ids", "_queue", "env")

    def __init__(self, env: Environment) -> None:
        self.env = env
        self._queue = cast("list[tuple[int, int, int, Entry]]", env._queue)
        self._ids = cast("Iterator[int]", env._eid)

    @property
    def now(self) -> int:
        """The present moment, µs."""
        return self.env._now  # type: ignore[return-value]

    def at(self, time_us: int, order: int, callbacks: Callbacks, entry: Entry) -> None:
        """Call back with `entry` at a moment; `callbacks` may be shared, it is never changed."""
        entry.callbacks = callbacks
        heappush(self._queue, (time_us, order, next(self._ids), entry))


class EndOfRunError(Exception):
    """Raised by a callback that has seen enough: the run ends there and then."""


class _ReachedError(Exception):
    """The moment is reached up to which was to be run."""


def _stop(_: Entry) -> None:
    raise _ReachedError


def run_until(env: Environment, until_us: int) -> None:
    """Run what lies before `until_us`, where the clock then stands, or until a callback raises `EndOfRunError`.

    Same order as `env.run`, with less ceremony: for environments that hold nothing but agenda entries.
    """
    queue = cast("list[tuple[int, int, int, Entry]]", env._queue)
    end = Signal()
    Agenda(env).at(until_us, END, [_stop], end)
    try:
        while True:
            env._now, _, _, entry = heappop(queue)
            for callback in entry.callbacks:
                callback(entry)
    except _ReachedError:
        return
    except EndOfRunError:
        queue[:] = [waiting for waiting in queue if waiting[3] is not end]
        heapify(queue)
