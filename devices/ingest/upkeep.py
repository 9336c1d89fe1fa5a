"""What ingest's writer does between two batches: gives a sign of life, and tells devices how they stand.

Runs on the writer's thread, so that what devices are told of the store is never older than what they were told before.
It takes no events.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from devices.ingest.ear import Ear
from devices.ingest.gap_watch import GapWatch, HasGaps
from devices.ingest.receipts import StoreWord
from devices.ingest.standing_orders import Order
from devices.ingest.tally import IngestHealth
from tracking.clock import DAY_US, Clock, real_seconds_since
from tracking.errors import StoreUnavailable
from tracking.offering import Receipt

if TYPE_CHECKING:
    from tracking.store.standing import StoreIdentity, StreamStanding

log = logging.getLogger(__name__)

TELL_BACK_US = 8 * DAY_US
"""Devices that were not heard of for longer have nothing left to send again."""
LOOK_EVERY_S = 10.0
BEAT_AT_LEAST_EVERY_S = 8.0
ANCHOR_EVERY_S = 3600.0
REST_S = 2.0
"""After the store could not be asked, it is left alone for so long."""


class AsksStanding(Protocol):
    """How far the store is. Every call may raise ``StoreUnavailable``."""

    def identity(self) -> StoreIdentity:
        """Return which history the store holds, and its head."""

    def streams(self, since_us: int = 0) -> list[StreamStanding]:
        """Return the streams of devices heard of since then, and all that have gaps."""

    def gaps(self) -> list[StreamStanding]:
        """Return the streams that have gaps."""

    def numbered(self) -> set[str]:
        """Return the sources of which any boot was ever known."""

    def anchor(self) -> str:
        """Return the log's head with its link, to be noted outside."""


class SignsOfLife(Protocol):
    """Where a part says that it lives."""

    def beat(self, state: str = "working", **detail: Any) -> None:
        """Say so. Raises ``StoreUnavailable``."""


class Upkeep:
    """Keeps the store's word, the devices' standing and ingest's own sign of life up to date."""

    def __init__(
        self,
        ear: Ear,
        clock: Clock,
        health: Callable[[], IngestHealth],
        standing: AsksStanding | None,
        heart: SignsOfLife | None,
        devices: Collection[str],
    ) -> None:
        self._ear, self._clock, self._health = ear, clock, health
        self._standing, self._heart, self._devices = standing, heart, frozenset(devices)
        self._gaps = GapWatch()
        self._store, self._head = "", 0
        self._look_s = self._beat_s = self._anchor_s = self._rest_until_s = 0.0  # when each is due
        self.trouble: str | None = None
        self.gaps_open = 0
        self.oldest_gap_s = 0.0

    def note(self, receipts: Sequence[Receipt]) -> None:
        """Take note of a commit. One below the head that was known shows that the log has lost its end meanwhile."""
        given = [receipt.position for receipt in receipts if receipt.fate == "accepted" and receipt.position]
        if given and min(given) <= self._head:
            self._note_gone_back(max(given))
        self._head = max(self._head, *given) if given else self._head

    def word(self) -> StoreWord | None:
        """Return what the store says of itself now, ``None`` while nobody could ask it."""
        return StoreWord(self._store, self._head, self._clock.now_us()) if self._store else None

    def ask_again(self) -> None:
        """Ask the store who it is: it was away, and may have come back as another. Raises ``StoreUnavailable``."""
        if self._standing is not None:
            self._recognise(self._standing.identity())

    def probe(self) -> None:
        """Make sure that the store answers; from any thread. Raises ``StoreUnavailable``."""
        if self._standing is not None:
            self._standing.identity()

    def do(self, *, canary_came: bool = False) -> None:
        """Do what is due; a store that is away only delays it."""
        now_s = self._clock.monotonic_s()
        if now_s < self._rest_until_s:
            return
        try:
            has_asked = self._beat_if_due(now_s, canary_came=canary_came)
            if self._standing is not None:
                has_asked |= self._look_after(self._standing, now_s)
        except Exception as error:  # a fault in what is said about the events must not stop the events
            self._note_trouble(error, now_s)
        else:
            if has_asked and self.trouble is not None:
                self.trouble = None
                log.info("the store answers again")

    def end(self) -> None:
        """Say goodbye."""
        try:
            self._beat("stopped")
            self._tell_anchor()
        except StoreUnavailable as error:
            log.warning("%s Nobody could be told that ingest stops.", error)

    def _beat_if_due(self, now_s: float, *, canary_came: bool) -> bool:
        is_due = canary_came or now_s >= self._beat_s
        if is_due:
            self._beat("working" if self._ear.session.is_connected else "no_broker")
            self._beat_s = now_s + BEAT_AT_LEAST_EVERY_S
        return is_due

    def _look_after(self, standing: AsksStanding, now_s: float) -> bool:
        is_due = now_s >= self._look_s
        if is_due:
            self._recognise(standing.identity())
            self._look_at_gaps(standing, now_s)
            self._look_s = now_s + LOOK_EVERY_S
        if now_s >= self._anchor_s:
            self._tell_anchor()
            self._anchor_s = now_s + ANCHOR_EVERY_S
        if self._ear.owes_standing and self._ear.session.is_connected:
            self._tell_all(standing)
        return is_due

    def _recognise(self, identity: StoreIdentity) -> None:
        """Take note of the store; one that has become another, or went back, has to hear from every device."""
        if self._store and (identity.id != self._store or identity.head < self._head):
            self._note_gone_back(identity.head)
        self._store, self._head = identity.id, max(self._head, identity.head)

    def _note_gone_back(self, head: int) -> None:
        log.error("the store has gone back to an earlier copy (head %d, was %d); devices are told how they stand",
                  head, self._head)  # fmt: skip
        self._ear.owes_standing = True
        self._ear.forget_standing()
        self._head = head

    def _look_at_gaps(self, standing: AsksStanding, now_s: float) -> None:
        aged = [(stream, self._age_s(stream)) for stream in standing.gaps()]
        found = self._gaps.look(aged, now_s)
        self.gaps_open, self.oldest_gap_s = len(aged), max((age_s for _, age_s in aged), default=0.0)
        self._tell([_order(stream) for stream in found.ask])
        for stream in found.alarming:
            log.error("events of %s (boot %s) after %d have been missing for more than five minutes",
                      stream.source, stream.boot, stream.contiguous)  # fmt: skip
        for source, boot in found.closed:
            log.info("no event of %s (boot %s) is missing any more", source, boot)

    def _age_s(self, stream: StreamStanding) -> float:
        return max((real_seconds_since(self._clock, gap.since_us) for gap in stream.gaps), default=0.0)

    def _tell_all(self, standing: AsksStanding) -> None:
        self._ear.owes_standing = False  # before asking: what the broker forgets from now on is owed anew
        try:
            known = [_order(stream) for stream in standing.streams(self._clock.now_us() - TELL_BACK_US)]
            unknown = [Order(source, "", 0) for source in sorted(self._devices - standing.numbered())]
        except StoreUnavailable:
            self._ear.owes_standing = True
            raise
        self._tell([*known, *unknown])

    def _tell(self, orders: Sequence[Order]) -> None:
        word = self.word()
        if orders and word is not None:
            self._ear.tell_standing(orders, word)

    def _beat(self, state: str) -> None:
        if self._heart is not None:
            self._heart.beat(state, **asdict(self._health()))

    def _tell_anchor(self) -> None:
        if self._standing is not None:
            log.info("log head %s", self._standing.anchor())

    def _note_trouble(self, error: Exception, now_s: float) -> None:
        if self.trouble is None:
            ours = None if isinstance(error, StoreUnavailable) else error
            log.error("ingest cannot say how it is, nor how devices stand: %s", error, exc_info=ours)
        self.trouble = str(error) or type(error).__name__
        self._rest_until_s = now_s + REST_S
        self._beat_s = self._look_s = 0.0


def _order(stream: HasGaps) -> Order:
    return Order(stream.source, stream.boot, stream.contiguous)
