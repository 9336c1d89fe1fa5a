"""One ingest leads, another stands by: waiting for one's turn, taking it from who hangs, keeping it while it is ours.

Two that both took events would lose nothing, because the store counts an event once, but they would take each other's
session at the broker away for ever. How the turn is kept is the lock's affair.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from devices.ingest.upkeep import SignsOfLife
from tracking.clock import Clock
from tracking.errors import StoreUnavailable
from tracking.store.leader_lock import LeadershipLost

log = logging.getLogger(__name__)

TRY_EVERY_S = 1.0
BEAT_EVERY_TRIES = 5
STANDS_BY_FROM_TRIES = 10
"""Who leads sooner was no standby: the lock of a leader that died is taken back a moment later."""
HANGS_AFTER_S = 30.0
OWN_BEATS_MEANWHILE = 4
GIVE_UP_AFTER_S = 60.0
_OVERSLEPT_S = 20.0


class Lock(Protocol):
    """What only one process can have. Every call may raise ``StoreUnavailable``: then nobody can lead."""

    def try_to_lead(self) -> bool:
        """Take it if nobody has it, and say whether we have it."""

    def confirm(self) -> None:
        """Make sure that we still have it; raises where another took it."""

    def evict(self) -> bool:
        """Take it away from a holder that hangs, and say whether there was anybody to take it from."""

    def resign(self) -> None:
        """Give it back."""


class LeaderWatch:
    """Tells whether the one that leads hangs: its sign of life stands still, while ours are written. Pure.

    No clocks are compared: a sign of life is whatever changes when the leader gives one.
    """

    def __init__(self) -> None:
        self._sign: object = None
        self._since_s = self._looked_s = float("-inf")
        self._own_beats = 0

    def hangs(self, sign: object, now_s: float) -> bool:
        """Judge; to be asked after every sign of life of our own. A machine that slept begins to wait anew."""
        if sign != self._sign or now_s - self._looked_s > _OVERSLEPT_S:
            self._sign, self._since_s, self._own_beats = sign, now_s, 0
        self._looked_s = now_s
        self._own_beats += 1
        return now_s - self._since_s >= HANGS_AFTER_S and self._own_beats > OWN_BEATS_MEANWHILE


def wait_to_lead(
    lock: Lock,
    stop: threading.Event,
    clock: Clock,
    heart: SignsOfLife,
    leaders_sign: Callable[[], object],
    ready: Callable[[], None],
) -> bool:
    """Stand by until we lead; return ``False`` when told to stop before. ``ready`` is called when we begin to.

    ``leaders_sign`` returns the last sign of life of the one that leads.
    """
    tries, watch = 0, LeaderWatch()
    while not stop.is_set():
        try:
            if lock.try_to_lead():
                if tries:
                    log.warning("the ingest that led is gone; this one takes over")
                    heart.beat("took_over" if tries >= STANDS_BY_FROM_TRIES else "stopped")
                return True
            if tries % BEAT_EVERY_TRIES == 0:
                heart.beat("standby")
                if watch.hangs(leaders_sign(), clock.monotonic_s()):
                    _put_out(lock)
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


def _put_out(lock: Lock) -> None:
    log.error("the ingest that leads gives no sign of life, though the database takes ours")
    if not lock.evict():
        log.error("it cannot be put out from here; it has to be ended by hand")


def _say_goodbye(heart: SignsOfLife) -> None:
    try:
        heart.beat("stopped")
    except StoreUnavailable as error:
        log.warning("%s Nobody could be told that the standby stops.", error)


def lead(lock: Lock, stop: threading.Event, clock: Clock) -> None:
    """Return when told to stop; raises ``LeadershipLost``.

    Who has not reached the database for a minute gives up: another may reach it, and lead, and the two would take the
    session at the broker from each other for ever.
    """
    confirmed_s = clock.monotonic_s()
    while not stop.wait(TRY_EVERY_S):
        try:
            lock.confirm()
        except StoreUnavailable as error:
            if clock.monotonic_s() - confirmed_s > GIVE_UP_AFTER_S:
                raise LeadershipLost("the database has been away for a minute: another may lead by now") from error
        else:
            confirmed_s = clock.monotonic_s()
