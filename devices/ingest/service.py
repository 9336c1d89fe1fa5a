"""From the broker into the store: acknowledges after commit, never before.

Three threads: the session's reads bytes and sends acknowledgements, the writer's commits batches through the door, and
one sees to it that the other two get something done. No rule about events may go in here, and no SQL.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from devices.ingest.arrivals import Arrival
from devices.ingest.canary import Canary, CanaryRule
from devices.ingest.ear import Ear
from devices.ingest.inbox import BatchRule, Inbox
from devices.ingest.life_watch import LifeWatch, NothingComesThrough, Signs
from devices.ingest.patient_door import PatientDoor, TakesBatches
from devices.ingest.receipts import answers_to
from devices.ingest.tally import IngestHealth, Tally
from devices.ingest.upkeep import AsksStanding, SignsOfLife, Upkeep
from devices.session import BrokerAddress, SessionSettings, end_process
from devices.topics import EVERYTHING
from tracking.clock import Clock, real_seconds_since
from tracking.errors import StoreUnavailable
from tracking.kill_points import passing
from tracking.offering import Incoming, Receipt

__all__ = ["Ingest", "IngestHealth", "IngestSettings"]

_LOOK_EVERY_S = 1.0
_SLOW_ANSWER_S = 2.0
"""A store that takes longer to say who it is makes everything else late too."""


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Which broker, as whom, which topics, how large a batch, and how its own life is watched."""

    address: BrokerAddress = field(default_factory=BrokerAddress)
    client_id: str = "histotwin-ingest"
    topics: tuple[str, ...] = (EVERYTHING,)
    receive_maximum: int = 500
    batches: BatchRule = field(default_factory=BatchRule)
    canary: CanaryRule = field(default_factory=CanaryRule)


class Ingest:
    """Takes every event from a broker into a store. ``start``, ``stop``; ``health`` at any time.

    ``standing`` is asked how devices stand, ``heart`` is where signs of life go, ``devices`` are the sources of the
    registered devices; without them ingest works and keeps silent. What kills a thread goes to ``on_fatal``.
    """

    def __init__(
        self,
        settings: IngestSettings,
        door: TakesBatches,
        clock: Clock,
        *,
        luck: random.Random | None = None,
        on_fatal: Callable[[BaseException], None] = end_process,
        standing: AsksStanding | None = None,
        heart: SignsOfLife | None = None,
        devices: Collection[str] = (),
    ) -> None:
        self._clock, self._on_fatal = clock, on_fatal
        self._stopping = threading.Event()
        self._inbox = Inbox(settings.batches, room=4 * settings.receive_maximum)
        self._canary = Canary(settings.client_id, settings.canary, clock)
        who = SessionSettings(
            settings.address, settings.client_id, manual_ack=True, receive_maximum=settings.receive_maximum
        )
        self._ear = Ear(who, settings.topics, self._inbox, self._canary, clock, on_fatal)
        self._door = PatientDoor(door, self._stopping, luck or random.Random())  # noqa: S311  # jitter, no secret
        self._upkeep = Upkeep(self._ear, clock, self.health, standing, heart, devices)
        self._tally = Tally()
        self._in_hand_us: int | None = None
        self._life = LifeWatch(settings.canary.patience_s, clock.monotonic_s())
        self._writer = threading.Thread(target=self._write, name="ingest-writer", daemon=True)
        self._watcher = threading.Thread(target=self._watch, name="ingest-watch", daemon=True)

    def start(self) -> None:
        """Start the threads; returns at once, connects and reconnects by itself."""
        self._writer.start()
        self._ear.session.start()
        self._watcher.start()

    def stop(self, patience_s: float = 10.0) -> None:
        """Finish the batch in hand and disconnect. What is not committed stays with the broker."""
        self._stopping.set()
        self._inbox.nudge()
        for thread in (self._writer, self._watcher):
            if thread.is_alive():
                thread.join(patience_s)
        self._ear.session.stop(patience_s)

    def health(self) -> IngestHealth:
        """Return how it is doing now."""
        tally, oldest, round_trip_s = self._tally, self._in_hand_us, self._canary.round_trip_s
        trouble = self._door.trouble or self._upkeep.trouble
        return IngestHealth(
            is_connected=self._ear.session.is_connected,
            is_storing=trouble is None,
            waiting=len(self._inbox),
            oldest_waiting_s=0.0 if oldest is None else max(0.0, real_seconds_since(self._clock, oldest)),
            accepted=tally.accepted,
            duplicates=tally.duplicate,
            rejected=tally.rejected,
            conflicts=tally.conflict,
            batches=tally.batches,
            sessions_lost=self._ear.sessions_lost,
            last_commit_us=tally.last_commit_us,
            session_lost_us=self._ear.session_lost_us,
            round_trip_ms=None if round_trip_s is None else round(round_trip_s * 1000, 1),
            silent_s=round(self._life.silent_s(self._clock.monotonic_s()), 1),
            canary_is_refused=self._ear.canary_is_refused,
            gaps_open=self._upkeep.gaps_open,
            oldest_gap_s=round(self._upkeep.oldest_gap_s, 1),
            commit_s=round(tally.commit_s, 3),
            commit_counts=tuple(tally.commit_counts),
            trouble=trouble,
        )

    def _write(self) -> None:
        try:
            self._upkeep.do()
            while not self._stopping.is_set():
                batch = self._inbox.take(_LOOK_EVERY_S)
                self._take(batch)
                self._upkeep.do(canary_came=self._hear(batch))
            self._upkeep.end()
        except BaseException as error:  # whatever it is, it may not pass unseen
            self._on_fatal(error)

    def _take(self, batch: list[Arrival]) -> None:
        offered = [arrival.incoming for arrival in batch if arrival.incoming is not None]
        receipts = self._commit(offered) if offered else []
        if batch and receipts is not None:
            word = self._upkeep.word()
            self._ear.settle(batch, answers_to(zip(offered, receipts, strict=True), word), word)

    def _commit(self, offered: list[Incoming]) -> list[Receipt] | None:
        passing("batch_taken")
        self._in_hand_us = offered[0].received_us
        began_s = self._clock.monotonic_s()
        receipts = self._door.take(offered)
        if receipts is None:
            return None
        passing("after_commit")
        took_s = self._clock.monotonic_s() - began_s
        self._upkeep.note(receipts)
        if self._door.has_been_shut():
            self._ask_again()
        self._in_hand_us = None
        self._tally.add(receipts, self._clock.now_us(), took_s)
        return receipts

    def _ask_again(self) -> None:
        """Learn which store has come back before any device is told what it has."""
        while not self._stopping.is_set():
            try:
                self._upkeep.ask_again()
            except StoreUnavailable:
                self._stopping.wait(_LOOK_EVERY_S)
            else:
                return

    def _hear(self, batch: list[Arrival]) -> bool:
        songs = [arrival.song for arrival in batch if arrival.song is not None]
        return sum(self._canary.came_through(song) for song in songs) > 0

    def _watch(self) -> None:
        try:
            while not self._stopping.wait(_LOOK_EVERY_S):
                if self._life.is_dead(self._signs(), self._clock.monotonic_s()):
                    self._require_that_store_is_away()
        except BaseException as error:  # whatever it is, it may not pass unseen
            self._on_fatal(error)

    def _signs(self) -> Signs:
        is_excused = not self._ear.session.is_connected or self._door.is_shut or self._ear.canary_is_refused
        return Signs(self._door.taken + self._canary.heard, self._canary.heard, is_excused)

    def _require_that_store_is_away(self) -> None:
        """Find the reason for the silence in the store; raises ``NothingComesThrough`` where that answers well."""
        began_s = self._clock.monotonic_s()
        try:
            self._upkeep.probe()
        except StoreUnavailable:
            is_away = True
        else:
            is_away = self._clock.monotonic_s() - began_s > _SLOW_ANSWER_S
        if is_away:
            self._life.forgive(self._clock.monotonic_s())
        else:
            raise NothingComesThrough("broker and database answer, but nothing comes from the one to the other")
