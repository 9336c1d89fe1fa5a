"""Ends database work that takes too long by breaking its connection. Knows no statement and no table.

A server that hangs (stopped, or behind a dead line) answers no timeout of its own: only this side can end the wait.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tracking.clock import Clock, SystemClock

_LOOK_EVERY_S = 0.5


@dataclass(slots=True, eq=False)
class Work:
    """Something that is being done on a connection, and until when (seconds of the monotonic clock)."""

    due_s: float
    connection: Any = None
    is_broken: bool = False


class Deadlines:
    """Watches over the work on a database's connections; one thread, started when there is first something to watch."""

    def __init__(self, limit_s: float, clock: Clock | None = None) -> None:
        self.limit_s = limit_s
        self._clock = clock or SystemClock()
        self._guard = threading.Lock()
        self._something = threading.Event()
        self._running: set[Work] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self) -> Iterator[Work]:
        """Watch what is done inside; its ``connection`` (the driver's) is broken when it takes too long."""
        work = Work(self._clock.monotonic_s() + self.limit_s)
        with self._guard:
            self._running.add(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="database-deadlines", daemon=True)
                self._thread.start()
        self._something.set()
        try:
            yield work
        finally:
            with self._guard:
                self._running.discard(work)

    def _watch(self) -> None:
        while True:
            self._something.wait()
            self._clear_if_idle()
            now_s = self._clock.monotonic_s()
            with self._guard:
                for work in self._running:
                    if now_s >= work.due_s and not work.is_broken and work.connection is not None:
                        work.is_broken = True
                        break_connection(work.connection)
            time.sleep(_LOOK_EVERY_S)

    def _clear_if_idle(self) -> None:
        with self._guard:
            if not self._running:
                self._something.clear()


def break_connection(connection: Any) -> None:
    """Shut a driver's connection's socket down, so that whoever waits on it in another thread wakes with an error."""
    with contextlib.suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)  # what cannot be shut is closed already, which is as good
