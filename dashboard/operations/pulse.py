"""The sign of life of a part that has no ingest in it: said every ten seconds, by a thread of its own.

It says that the process lives; whether its work gets done is told from the work itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from devices.session import end_process
from tracking.errors import StoreUnavailable
from tracking.store.heartbeats import Heart

EVERY_S = 10.0


@contextmanager
def beating(
    heart: Heart, every_s: float = EVERY_S, on_fatal: Callable[[BaseException], None] = end_process
) -> Iterator[None]:
    """Say that the part lives, from now on and as long as it does what stands inside; then say that it has stopped."""
    ended = threading.Event()

    def beat_on() -> None:
        try:
            while True:
                _say(heart, "working")
                if ended.wait(every_s):
                    return _say(heart, "stopped")
        except BaseException as error:  # whatever it is, it may not pass unseen
            on_fatal(error)

    thread = threading.Thread(target=beat_on, name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(every_s)


def _say(heart: Heart, state: str) -> None:
    """Say it if the store can hear it: one that cannot is somebody else's trouble and shows of itself."""
    try:
        heart.beat(state)
    except StoreUnavailable:
        return
