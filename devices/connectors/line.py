"""The session's side of a gateway: sends what is due, hears what is stored. What events say may not go in here."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import orjson
import paho.mqtt.client as mqtt

from devices.outbox import Outbox
from devices.outbox.acknowledgement import Acknowledgement, read_acknowledgement
from devices.outbox.device_clock import DeviceClock
from devices.outbox.resend import Patience, Resending, Span, Standing
from devices.outbox.store_sight import StoreSight, is_another
from devices.outbox.streams import Entry, Loss, Stream
from devices.session import BrokerAddress, Retained, Session, SessionSettings
from devices.topics import Channel, build_topic, lab_filter, parse_topic, topic_of_source
from tracking.clock import Clock, ScaledClock
from tracking.errors import HistotwinError
from tracking.kill_points import passing

log = logging.getLogger(__name__)

_IN_FLIGHT = 20  # brokers advertise this Receive Maximum and cut off who exceeds it; paho does not look
ONLINE, OFFLINE = b"online", b"offline"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the store says to a device about one scan or event."""

    device: str
    id: str | None
    verdict: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Whose gateway this is. ``name`` is its own device name, whose ``state`` carries the last will."""

    network: str
    lab: str
    name: str = "gateway"
    address: BrokerAddress = field(default_factory=BrokerAddress)
    patience: Patience = field(default_factory=Patience)

    @property
    def client_id(self) -> str:
        """The fixed client id under which the broker keeps our session."""
        return f"histotwin-{self.network}-{self.lab}-{self.name}"


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told what a line hears; on the session's thread."""

    on_reply: Callable[[Reply], None] | None
    on_loss: Callable[[Loss], None] | None
    on_fatal: Callable[[BaseException], None]


class Line:
    """Everything but ``is_busy``, ``clock_offset_us`` and ``losses`` belongs to the session's thread."""

    def __init__(
        self, settings: GatewaySettings, outbox: Outbox, clock: Clock, listeners: Listeners, luck: random.Random
    ) -> None:
        self._settings, self._outbox, self._clock, self._listeners = settings, outbox, clock, listeners
        self._resending = Resending(luck, settings.patience)
        self._sight = StoreSight(outbox.store_seen)
        self._device_clock = DeviceClock(clock)
        self._in_flight: set[int] = set()
        self._covered: dict[Stream, int] = {}
        self._states: dict[str, bytes] = {}
        self._unsaid: set[str] = set()
        self.losses: list[Loss] = []
        self._own_state = str(build_topic(settings.network, settings.lab, settings.name, Channel.STATE))
        who = SessionSettings(settings.address, settings.client_id, will=Retained(self._own_state, OFFLINE))
        self.session = Session(who, self, luck=luck, on_fatal=listeners.on_fatal)

    @property
    def is_busy(self) -> bool:
        """Say whether the broker has yet to answer a publication."""
        return bool(self._in_flight)

    @property
    def clock_offset_us(self) -> int:
        """What to add to our time of day to get the store's (µs); a clock that runs faster than time has no offset."""
        return 0 if isinstance(self._clock, ScaledClock) else self._device_clock.offset_us

    def find_leftovers(self) -> None:
        """Take note of all that the outbox holds."""
        for stream, held in self._outbox.holdings().items():
            self._resending.found(stream, held.covered, held.last)

    def appended(self, entries: Sequence[Entry]) -> None:
        """Take note of new events."""
        for entry in entries:
            self._resending.appended(entry.stream, entry.sequence)

    def say(self, topic: str, payload: bytes) -> None:
        """Publish something that no outbox holds."""
        self._in_flight.add(self.session.publish(topic, payload))

    def set_state(self, topic: str, payload: bytes) -> None:
        """Publish a retained state, now or once connected."""
        self._states[topic] = payload
        if self.session.is_connected:
            self._say_states([topic])
        else:
            self._unsaid.add(topic)

    def all_offline(self) -> None:
        """Say of every device that it is offline."""
        for topic in list(self._states):
            self.set_state(topic, OFFLINE)

    def connected(self, session_present: bool) -> None:
        """Subscribe whatever the broker remembers, say who is here; paho itself repeats what was under way.

        A broker that has kept our session has kept the retained states too, but has spoken our last will. One that has
        not may have forgotten what the store said to us meanwhile.
        """
        lab = (self._settings.network, self._settings.lab)
        self.session.subscribe([lab_filter(*lab, Channel.ACK), lab_filter(*lab, Channel.REPLY)])
        self._say_states(self._states.keys() & (self._unsaid | {self._own_state}) if session_present else self._states)
        self._unsaid.clear()
        if not session_present:
            self._ask_for_the_store()

    def disconnected(self) -> None:
        """Keep what is under way: paho sends it again after the next connect."""

    def delivered(self, mid: int, accepted: bool) -> None:
        """Take note of the broker's answer; it proves nothing about the store."""
        self._in_flight.discard(mid)
        if not accepted:
            log.error("the broker refuses what %s publishes: check its rights", self._settings.client_id)

    def wants_more(self) -> bool:
        """Take whatever comes: acknowledgements are small."""
        return True

    def received(self, message: mqtt.MQTTMessage) -> None:
        """Hear an acknowledgement or a reply; what is neither is logged."""
        try:
            self._hear(message)
        except Exception:
            log.exception("a message to %s was not understood", self._settings.client_id)

    def tick(self) -> float | None:
        """Note what is covered, send what is due; return when more is."""
        self._note_covered()
        now_s = self._clock.monotonic_s()
        if self.session.is_connected:
            self._send(now_s)
        can_mend = self.session.is_connected and not self._in_flight
        return self._resending.due_in_s(now_s) if can_mend else None

    def _say_states(self, topics: Iterable[str]) -> None:
        for topic in topics:
            self._in_flight.add(self.session.publish(topic, self._states[topic], retain=True))

    def _send(self, now_s: float) -> None:
        room = _IN_FLIGHT - len(self._in_flight)
        for span in self._resending.to_send(now_s, room, is_idle=not self._in_flight):
            self._send_span(span)
        for loss in self._resending.losses():
            self._tell_loss(loss)

    def _send_span(self, span: Span) -> None:
        topic = str(topic_of_source(span.stream.source, Channel.EVENT))
        entries = self._outbox.after(span.stream, span.after, span.most)
        for entry in entries:
            self._in_flight.add(self.session.publish(topic, entry.body))
        if not entries:
            self._resending.cannot_ask(span.stream)
        elif span.is_new:
            self._device_clock.sent(span.stream, entries[-1].sequence)

    def _tell_loss(self, loss: Loss) -> None:
        self.losses.append(loss)
        log.error(
            "the store was put back to before it had events %d to %d of %s (boot %s): they are no longer held here and"
            " cannot come again; what is after them is sent again",
            loss.first, loss.last, *loss.stream,
        )  # fmt: skip
        if self._listeners.on_loss is not None:
            self._listeners.on_loss(loss)

    def _note_covered(self) -> None:
        """Note what the store has. Another store is noted only once it has said of every stream what it has."""
        seen = None if self._resending.is_asking else self._sight.seen
        if not self._covered and not is_another(seen, self._outbox.store_seen):
            return
        try:
            self._outbox.cover(self._covered, seen)
        except HistotwinError:
            log.exception("what the store has cannot be noted in the outbox; trying again")
        else:
            self._covered.clear()

    def _hear(self, message: mqtt.MQTTMessage) -> None:
        topic = parse_topic(message.topic)
        if topic.channel is Channel.ACK:
            self._acknowledged(read_acknowledgement(topic.source, bytes(message.payload)))
        else:
            said = orjson.loads(message.payload)
            self._replied(
                topic.source, Reply(topic.device, said.get("id"), said["verdict"], said["reason"], said["message"])
            )

    def _replied(self, source: str, reply: Reply) -> None:
        self._confirm(source, reply.id)
        if self._listeners.on_reply is not None:
            self._listeners.on_reply(reply)

    def _confirm(self, source: str, event_id: str | None) -> None:
        """Count an answered event as stored where no acknowledgement can say so: behind a gap that cannot be filled."""
        for stream, after in self._resending.behind_gap(source):
            for entry in self._outbox.after(stream, after, 1):
                if orjson.loads(entry.body)["id"] == event_id:
                    self._resending.confirmed(stream, entry.sequence, self._clock.monotonic_s())
                    self._covered[stream] = entry.sequence

    def _acknowledged(self, said: Acknowledgement) -> None:
        passing("ack_heard")
        if self._sight.has_gone_back(said.seen):
            log.warning("the store has been put back to an older copy: asking what it lacks")
            self._resending.ask_all(self._outbox.holdings(), self._clock.monotonic_s())
        if not said.boot:
            for stream in self._resending.streams_of(said.source):
                self._stands(stream, 0)
            return
        stream = Stream(said.source, said.boot)
        self._device_clock.heard(stream, said.through, said.at_us)
        self._stands(stream, said.through)

    def _stands(self, stream: Stream, through: int) -> None:
        now_s = self._clock.monotonic_s()
        standing = self._resending.acknowledged(stream, through, now_s)
        if standing is Standing.FURTHER:
            self._covered[stream] = through
        elif standing is Standing.BACK:
            self._covered.pop(stream, None)
            self._resending.fell_back(stream, through, self._fall_back(stream, through), now_s)

    def _fall_back(self, stream: Stream, through: int) -> int:
        """Have the outbox take back what was covered; return the first sequence that it still holds."""
        try:
            return self._outbox.fall_back(stream, through)
        except HistotwinError:
            log.exception(
                "what the store lacks cannot be noted in the outbox; it is sent again until this process ends"
            )
            return self._outbox.holdings()[stream].first

    def _ask_for_the_store(self) -> None:
        """Ask about one stream, if nothing else is about to tell whether the store is the one that we knew."""
        if self._outbox.store_seen is None or self._resending.is_waiting:
            return
        any_one = list(self._outbox.holdings().items())[-1:]
        self._resending.ask(dict(any_one), self._clock.monotonic_s())
