"""The session's side of ingest: enqueues what comes, sends what is settled. Runs on the session's thread.

Nothing may wait in here, and nothing is judged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import paho.mqtt.client as mqtt

from devices.ingest.arrivals import Arrival, arrival_of
from devices.ingest.canary import Canary
from devices.ingest.inbox import Inbox
from devices.ingest.receipts import Answer, StoreWord
from devices.ingest.standing_orders import Order, StandingOrders
from devices.session import Session, SessionSettings
from devices.topics import parse_topic
from tracking.clock import Clock
from tracking.kill_points import passing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """A committed batch: what to acknowledge to the broker, what to tell the devices, and the store's word then."""

    epoch: int
    mids: Sequence[int]
    answers: Sequence[Answer]
    word: StoreWord | None


class Ear:
    """The handler of ingest's session. The writer's thread may call ``settle`` and what is about standing."""

    def __init__(
        self,
        who: SessionSettings,
        topics: Sequence[str],
        inbox: Inbox,
        canary: Canary,
        clock: Clock,
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        self._topics, self._inbox, self._canary, self._clock = topics, inbox, canary, clock
        self._epoch = 0
        self._has_connected = False
        self._orders = StandingOrders()
        self._word: StoreWord | None = None
        self._canary_mid = 0
        self.canary_is_refused = False
        self.sessions_lost = 0
        self.session_lost_us: int | None = None
        self.owes_standing = True
        """Whether devices have to be told how they stand: at the start, and when the broker forgot our session."""
        self.session = Session(who, self, on_fatal=on_fatal)

    def settle(self, batch: Sequence[Arrival], answers: Sequence[Answer], word: StoreWord | None) -> None:
        """Have a committed batch acknowledged and answered."""
        epoch = batch[-1].epoch
        mids = [arrival.mid for arrival in batch if arrival.mid and arrival.epoch == epoch]
        settled = Settled(epoch, mids, answers, word)
        self.session.call_soon(lambda: self._send(settled))

    def tell_standing(self, orders: Sequence[Order], word: StoreWord) -> None:
        """Have devices told how they stand, at a measured pace."""
        self.session.call_soon(lambda: self._take_orders(orders, word))

    def forget_standing(self) -> None:
        """Tell no device any more how it stood with a store that has gone back: that would be taken for stored."""
        self.session.call_soon(self._orders.forget)

    def connected(self, session_present: bool) -> None:
        """Subscribe even where the broker knows us: we may have died between connecting and subscribing."""
        self._epoch += 1
        if not session_present:
            self._note_lost_session()
        self.session.subscribe(self._topics)
        self.session.subscribe([self._canary.topic], also_own=True)
        self._canary.sing_at_once()
        self._has_connected = True

    def disconnected(self) -> None:
        """Let nothing of the old connection be acknowledged on the next."""
        self._epoch += 1

    def received(self, message: mqtt.MQTTMessage) -> None:
        """Put a message where the writer takes it."""
        song = self._canary.arrival(message, self._epoch)
        if song is None:
            passing("message_received")
        self._inbox.put(song or arrival_of(message, self._epoch, self._clock.now_us()))

    def delivered(self, mid: int, accepted: bool) -> None:
        """Note when the broker forbids the canary. Answers need no care: who misses one sends again."""
        if mid == self._canary_mid and accepted == self.canary_is_refused:
            self.canary_is_refused = not accepted
            if not accepted:
                log.error("the broker does not let us publish on %s: its rights are not those of this version",
                          self._canary.topic)  # fmt: skip

    def wants_more(self) -> bool:
        """Say whether there is room."""
        return self._inbox.has_room

    def tick(self) -> float | None:
        """Send the canary and the standing that are due; return the seconds until more is."""
        if not self.session.is_connected:
            return None
        wait_s = self._canary.tick(self._sing)
        now_s = self._clock.monotonic_s()
        if self._word is not None:
            for answer in self._orders.due(now_s, self._word_now(self._word)):
                self.session.publish(answer.topic, answer.payload)
        orders_wait_s = self._orders.wait_s(now_s)
        return wait_s if orders_wait_s is None else min(wait_s, orders_wait_s)

    def _sing(self, topic: str, song: bytes) -> None:
        self._canary_mid = self.session.publish(topic, song)

    def _send(self, settled: Settled) -> None:
        """Send PUBACKs and answers unless the connection they belong to is gone: then all comes again anyway."""
        self._word = settled.word or self._word
        self._drop_overtaken(settled.answers)
        if settled.epoch != self._epoch:
            return
        self.session.acknowledge(settled.mids)
        passing("after_pubacks", self.session.flush)
        for answer in settled.answers:
            self.session.publish(answer.topic, answer.payload)
        passing("after_answers", self.session.flush)

    def _drop_overtaken(self, answers: Sequence[Answer]) -> None:
        if len(self._orders):
            for answer in answers:
                if answer.boot is not None:
                    self._orders.overtaken(parse_topic(answer.topic).source, answer.boot)

    def _take_orders(self, orders: Sequence[Order], word: StoreWord) -> None:
        self._word = word
        self._orders.put(orders)

    def _word_now(self, word: StoreWord) -> StoreWord:
        """Return what was last said of the store, said now; its head only ever follows what devices were told."""
        return StoreWord(word.store, word.head, self._clock.now_us())

    def _note_lost_session(self) -> None:
        self.owes_standing = True
        if self._has_connected:
            self.sessions_lost += 1
            self.session_lost_us = self._clock.now_us()
            log.error("the broker has lost our session; connectors will send again what it lost")
