"""From the broker into the store: acknowledges after commit, never before.

Two threads: the session's reads bytes and sends acknowledgements, the writer's commits batches through the door. No
rule about events may go in here, and no SQL.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import paho.mqtt.client as mqtt

from devices.arrivals import Arrival, arrival_of
from devices.inbox import BatchRule, Inbox
from devices.patient_door import PatientDoor, TakesBatches
from devices.receipts import Answer, answers_to
from devices.session import BrokerAddress, Session, SessionSettings, end_process
from devices.topics import EVERYTHING
from tracking.clock import Clock
from tracking.offering import Incoming, Receipt

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Which broker, as whom, which topics, how large a batch."""

    address: BrokerAddress = field(default_factory=BrokerAddress)
    client_id: str = "histotwin-ingest"
    topics: tuple[str, ...] = (EVERYTHING,)
    receive_maximum: int = 500
    batches: BatchRule = field(default_factory=BatchRule)


@dataclass(frozen=True, slots=True)
class IngestHealth:
    """How ingest is doing, for ``/health`` and ``/metrics``; counts since the process started."""

    is_connected: bool
    is_storing: bool
    waiting: int
    oldest_waiting_s: float
    accepted: int
    duplicates: int
    rejected: int
    conflicts: int
    batches: int
    sessions_lost: int
    last_commit_us: int | None


@dataclass(slots=True)
class _Counts:
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    conflict: int = 0
    batches: int = 0
    last_commit_us: int | None = None

    def add(self, receipts: Sequence[Receipt], now_us: int) -> None:
        for receipt in receipts:
            setattr(self, receipt.fate, getattr(self, receipt.fate) + 1)
        self.batches += 1
        self.last_commit_us = now_us


class Ingest:
    """Takes every event from a broker into a store. ``start``, ``stop``; ``health`` at any time."""

    def __init__(
        self,
        settings: IngestSettings,
        door: TakesBatches,
        clock: Clock,
        *,
        luck: random.Random | None = None,
        on_fatal: Callable[[BaseException], None] = end_process,
    ) -> None:
        self._clock, self._on_fatal = clock, on_fatal
        self._stopping = threading.Event()
        self._inbox = Inbox(settings.batches, room=4 * settings.receive_maximum)
        self._ear = _Ear(settings, self._inbox, clock, on_fatal)
        self._door = PatientDoor(door, self._stopping, luck or random.Random())  # noqa: S311  # jitter, no secret
        self._counts = _Counts()
        self._in_hand_us: int | None = None
        self._writer = threading.Thread(target=self._write, name="ingest-writer", daemon=True)

    def start(self) -> None:
        """Start both threads; returns at once, connects and reconnects by itself."""
        self._writer.start()
        self._ear.session.start()

    def stop(self, patience_s: float = 10.0) -> None:
        """Finish the batch in hand and disconnect. What is not committed stays with the broker."""
        self._stopping.set()
        self._inbox.nudge()
        if self._writer.is_alive():
            self._writer.join(patience_s)
        self._ear.session.stop(patience_s)

    def health(self) -> IngestHealth:
        """Return how it is doing now."""
        counts, oldest = self._counts, self._in_hand_us
        return IngestHealth(
            is_connected=self._ear.session.is_connected,
            is_storing=self._door.is_open,
            waiting=len(self._inbox),
            oldest_waiting_s=0.0 if oldest is None else max(0, self._clock.now_us() - oldest) / 1e6,
            accepted=counts.accepted,
            duplicates=counts.duplicate,
            rejected=counts.rejected,
            conflicts=counts.conflict,
            batches=counts.batches,
            sessions_lost=self._ear.sessions_lost,
            last_commit_us=counts.last_commit_us,
        )

    def _write(self) -> None:
        try:
            while not self._stopping.is_set():
                self._take(self._inbox.take(_LOOK_EVERY_S))
        except BaseException as error:  # whatever it is, it may not pass unseen
            self._on_fatal(error)

    def _take(self, batch: list[Arrival]) -> None:
        offered = [arrival.incoming for arrival in batch if arrival.incoming is not None]
        receipts = self._commit(offered) if offered else []
        if batch and receipts is not None:
            self._ear.settle(batch, answers_to(zip(offered, receipts, strict=True)))

    def _commit(self, offered: list[Incoming]) -> list[Receipt] | None:
        self._in_hand_us = offered[0].received_us
        receipts = self._door.take(offered)
        if receipts is not None:
            self._in_hand_us = None
            self._counts.add(receipts, self._clock.now_us())
        return receipts


class _Ear:
    """The session's side of ingest: enqueues what comes, sends what is settled. Runs on the session's thread."""

    def __init__(
        self, settings: IngestSettings, inbox: Inbox, clock: Clock, on_fatal: Callable[[BaseException], None]
    ) -> None:
        self._topics, self._inbox, self._clock = settings.topics, inbox, clock
        self._epoch = 0
        self._has_connected = False
        self.sessions_lost = 0
        who = SessionSettings(
            settings.address, settings.client_id, manual_ack=True, receive_maximum=settings.receive_maximum
        )
        self.session = Session(who, self, on_fatal=on_fatal)

    def settle(self, batch: Sequence[Arrival], answers: Sequence[Answer]) -> None:
        """Have a committed batch acknowledged and answered; called from the writer's thread."""
        epoch = batch[-1].epoch
        mids = [arrival.mid for arrival in batch if arrival.mid and arrival.epoch == epoch]
        self.session.call_soon(lambda: self._send(epoch, mids, answers))

    def _send(self, epoch: int, mids: Sequence[int], answers: Sequence[Answer]) -> None:
        """Send PUBACKs and answers unless the connection they belong to is gone: then all comes again anyway."""
        if epoch != self._epoch:
            return
        self.session.acknowledge(mids)
        for answer in answers:
            self.session.publish(answer.topic, answer.payload)

    def connected(self, session_present: bool) -> None:
        """Subscribe even where the broker knows us: we may have died between connecting and subscribing."""
        self._epoch += 1
        if not session_present:
            self._note_lost_session()
        self.session.subscribe(self._topics)
        self._has_connected = True

    def disconnected(self) -> None:
        self._epoch += 1

    def received(self, message: mqtt.MQTTMessage) -> None:
        self._inbox.put(arrival_of(message, self._epoch, self._clock.now_us()))

    def delivered(self, mid: int, accepted: bool) -> None:
        """Let it be: a device that misses an answer sends again and is answered again."""

    def wants_more(self) -> bool:
        return self._inbox.has_room

    def tick(self) -> float | None:
        return None

    def _note_lost_session(self) -> None:
        if self._has_connected:
            self.sessions_lost += 1
            log.error("the broker has lost our session; connectors will send again what it lost")
