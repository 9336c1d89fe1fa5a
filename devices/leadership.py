"""One ingest leads, another stands by: waiting for one's turn, and watching that it is still one's own.

Two that both took events would lose nothing, because the store counts an event once, but they would take each other's
session at the broker away for ever. How the turn is kept is the lock's affair.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from devices.upkeep import SignsOfLife
from tracking.errors import StoreUnavailable

log = logging.getLogger(__name__)

TRY_EVERY_S = 1.0
BEAT_EVERY_TRIES = 5


class Lock(Protocol):
    """What only one process can have. Every call may raise ``StoreUnavailable``: then nobody can lead."""

    def try_to_lead(self) -> bool:
        """Take it if nobody has it, and say whether we have it."""

    def confirm(self) -> None:
        """Make sure that we still have it; raises where another took it."""

    def resign(self) -> None:
        """Give it back."""


def wait_to_lead(lock: Lock, stop: threading.Event, heart: SignsOfLife, ready: Callable[[], None]) -> bool:
    """Stand by until we lead; return ``False`` when told to stop before. ``ready`` is called when we begin to."""
    tries = 0
    while not stop.is_set():
        try:
            if lock.try_to_lead():
                if tries:
                    log.warning("the ingest that led is gone; this one takes over")
                    heart.beat("took_over")
                return True
            if tries % BEAT_EVERY_TRIES == 0:
                heart.beat("standby")
            if tries == 0:
                log.info("another ingest leads; this one stands by")
                ready()
            tries += 1
        except StoreUnavailable as error:
            log.warning("%s Waiting for it.", error)
        stop.wait(TRY_EVERY_S)
    if tries:
        _say_goodbye(heart)
    return False


def _say_goodbye(heart: SignsOfLife) -> None:
    try:
        heart.beat("stopped")
    except StoreUnavailable as error:
        log.warning("%s Nobody could be told that the standby stops.", error)


def lead(lock: Lock, stop: threading.Event) -> None:
    """Return when told to stop; raises what ``confirm`` raises when another leads.

    While the database is away nobody can lead, so there is nobody to give way to.
    """
    while not stop.wait(TRY_EVERY_S):
        try:
            lock.confirm()
        except StoreUnavailable as error:
            log.debug("whether we still lead cannot be said now: %s", error)
