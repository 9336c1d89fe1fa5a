"""What health and figures are told from, gathered so that nobody waits for what hangs. Judges nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from tracking.clock import Clock
from tracking.errors import StoreUnavailable
from tracking.queries.health import Vitals, vitals
from tracking.store.database import Database
from tracking.store.disk import Room, room_at
from tracking.store.heartbeats import Heart

T = TypeVar("T")

WITHIN_S = 3.0
WRITE_EVERY_S = 5.0
_CONNECT_WITHIN_S = 0.3
_NAME_AND_CONNECT_WITHIN_S = 1.0

Address = tuple[str, int]


class Bounded(Generic[T]):
    """A question that may hang: asked on a thread of its own, one at a time, and waited for ``within_s`` seconds."""

    def __init__(self, ask: Callable[[], T], within_s: float = WITHIN_S) -> None:
        self._ask, self._within_s = ask, within_s
        self._guard = threading.Lock()
        self._under_way: Future[T] | None = None

    def __call__(self) -> T:
        """Return the answer, or that of a question under way. Raises ``StoreUnavailable`` when it takes too long."""
        try:
            return self._begin().result(self._within_s)
        except TimeoutError:
            raise StoreUnavailable(f"The database gave no answer within {self._within_s:.0f} s.") from None

    def _begin(self) -> Future[T]:
        with self._guard:
            if self._under_way is None or self._under_way.done():
                self._under_way = Future()
                threading.Thread(target=self._run, args=(self._under_way,), name="lookout", daemon=True).start()
            return self._under_way

    def _run(self, future: Future[T]) -> None:
        try:
            future.set_result(self._ask())
        except BaseException as error:  # the asker's to handle
            future.set_exception(error)


class Lookout:
    """The facts of this moment; ``data_dir`` is where the data's disk is."""

    def __init__(self, database: Database, clock: Clock, data_dir: Path | None = None) -> None:
        self._clock, self._data_dir, self._database = clock, data_dir, database
        self._heart = Heart(database, clock, "serve")
        self._read = Bounded(self._vitals)
        self._write = Bounded(self._heart.beat)
        self._lines: dict[Address, Bounded[float | None]] = {}
        self._guard = threading.Lock()
        self._wrote_s: float | None = None
        self._write_trouble: StoreUnavailable | None = None

    def vitals(self) -> Vitals:
        """Return what the database knows of all parts. Raises ``StoreUnavailable``, after three seconds at most."""
        return self._read()

    def write_trouble(self) -> StoreUnavailable | None:
        """Return why the database takes no writes, ``None`` when it does; tried at most every five seconds.

        What is written is that this part lives: a full disk lets everything be read and nothing be stored.
        """
        with self._guard:
            now_s = self._clock.monotonic_s()
            if self._wrote_s is None or now_s - self._wrote_s >= WRITE_EVERY_S:
                self._write_trouble = self._try_to_write()
                self._wrote_s = now_s
            return self._write_trouble

    def seconds_to(self, address: Address) -> float | None:
        """Return how long it takes to connect to a host and port, ``None`` where nobody answers within a second.

        Looking the name up may take much longer than any connection, and knows no deadline of ours.
        """
        line = self._lines.setdefault(address, Bounded(partial(self._connect, address), _NAME_AND_CONNECT_WITHIN_S))
        try:
            return line()
        except StoreUnavailable:
            return None

    def room(self) -> Room | None:
        """Return the room on the data's disk, ``None`` where it is not known."""
        return None if self._data_dir is None else room_at(self._data_dir)

    def _connect(self, address: Address) -> float | None:
        began_s = self._clock.monotonic_s()
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=_CONNECT_WITHIN_S):
            return self._clock.monotonic_s() - began_s
        return None

    def _vitals(self) -> Vitals:
        with self._database.reading() as connection:
            return vitals(connection, self._clock)

    def _try_to_write(self) -> StoreUnavailable | None:
        try:
            self._write()
        except StoreUnavailable as error:
            return error
        return None
