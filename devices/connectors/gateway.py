"""One MQTT connection for the instruments of a lab: events through the disk outbox, scans and states straight on.

What the events say may not go in here; a connector for a kind of instrument makes them and hands them to ``publish``.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import paho.mqtt.client as mqtt

from devices.outbox import Entry, Outbox, Stream
from devices.resend import Patience, Resending
from devices.session import BrokerAddress, Retained, Session, SessionSettings, end_process
from devices.topics import Channel, build_topic, lab_filter, parse_topic, topic_of_source
from tracking.clock import Clock
from tracking.errors import HistotwinError

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.02
_NOT_STORED = {"unknown_device", "unknown_lab", "wrong_source"}  # refused, and kept here until the device is added
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


class Gateway:
    """Publishes for many devices of one lab. Any thread may call any method; ``on_reply`` comes on the session's."""

    def __init__(
        self,
        settings: GatewaySettings,
        outbox: Outbox,
        clock: Clock,
        *,
        on_reply: Callable[[Reply], None] | None = None,
        luck: random.Random | None = None,
        on_fatal: Callable[[BaseException], None] = end_process,
    ) -> None:
        self._settings, self._outbox, self._clock = settings, outbox, clock
        self._pause = threading.Event()
        self._line = _Line(settings, outbox, clock, on_reply, luck or random.Random(), on_fatal)  # noqa: S311  # jitter
        self._in_order = threading.Lock()

    @property
    def is_connected(self) -> bool:
        """Say whether the broker has taken us."""
        return self._line.session.is_connected

    @property
    def waiting(self) -> int:
        """Return how many events the outbox still holds."""
        return len(self._outbox)

    def start(self) -> None:
        """Start connecting; what an earlier start left in the outbox is sent first."""
        self._line.find_leftovers()
        self._line.session.start()
        self.set_state(self._settings.name, ONLINE)

    def publish(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Entry]:
        """Keep (device, CloudEvent fields) pairs on disk and send them; on return they can no longer be lost.

        Raises ``OutboxFull``, ``OutboxUnavailable`` or ``EventTooLarge``, ``WrongTopic`` for a device that cannot be;
        then none is kept.
        """
        network, lab = self._settings.network, self._settings.lab
        with self._in_order:
            entries = self._outbox.append([(f"/{network}/{lab}/{device}", event) for device, event in events])
            self._line.session.call_soon(lambda: self._line.appended(entries))
        return entries

    def scan(self, device: str, raw: bytes) -> None:
        """Publish what a plain barcode reader sent: at least once while connected, without outbox."""
        topic = self._topic(device, Channel.RAW)
        self._line.session.call_soon(lambda: self._line.say(topic, raw))

    def repeat(self, entry: Entry) -> None:
        """Publish once more what was already published, as instruments do that are not sure."""
        topic = str(topic_of_source(entry.stream.source, Channel.EVENT))
        self._line.session.call_soon(lambda: self._line.say(topic, entry.body))

    def set_state(self, device: str, state: bytes | Mapping[str, Any]) -> None:
        """Publish a device's retained state: ``online``, ``offline`` or a ``device.state`` document."""
        topic = self._topic(device, Channel.STATE)
        payload = state if isinstance(state, bytes) else orjson.dumps(state)
        self._line.session.call_soon(lambda: self._line.set_state(topic, payload))

    def flush(self, patience_s: float) -> bool:
        """Wait until the store has everything; return whether it has."""
        deadline = self._clock.monotonic_s() + patience_s
        while not self._outbox.is_empty and self._clock.monotonic_s() < deadline:
            self._pause.wait(_LOOK_EVERY_S)
        return self._outbox.is_empty

    def close(self, patience_s: float = 5.0) -> None:
        """Wait for the store as long as is asked, say offline for every device, disconnect. The outbox stays open."""
        self.flush(patience_s)
        if self.is_connected:
            self._say_goodbye(patience_s)
        self._line.session.stop()

    def _say_goodbye(self, patience_s: float) -> None:
        said = threading.Event()
        self._line.session.call_soon(self._line.all_offline)
        self._line.session.call_soon(said.set)
        said.wait(patience_s)
        deadline = self._clock.monotonic_s() + patience_s
        while self._line.is_busy and self._clock.monotonic_s() < deadline:
            self._pause.wait(_LOOK_EVERY_S)

    def _topic(self, device: str, channel: Channel) -> str:
        return str(build_topic(self._settings.network, self._settings.lab, device, channel))


class _Line:
    """The session's side of a gateway; everything but ``is_busy`` belongs to its thread."""

    def __init__(
        self,
        settings: GatewaySettings,
        outbox: Outbox,
        clock: Clock,
        on_reply: Callable[[Reply], None] | None,
        luck: random.Random,
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        self._settings, self._outbox, self._clock, self._on_reply = settings, outbox, clock, on_reply
        self._resending = Resending(luck, settings.patience)
        self._in_flight: set[int] = set()
        self._covered: dict[Stream, int] = {}
        self._states: dict[str, bytes] = {}
        self._unsaid: set[str] = set()
        self._own_state = str(build_topic(settings.network, settings.lab, settings.name, Channel.STATE))
        who = SessionSettings(settings.address, settings.client_id, will=Retained(self._own_state, OFFLINE))
        self.session = Session(who, self, luck=luck, on_fatal=on_fatal)

    def find_leftovers(self) -> None:
        for left in self._outbox.leftovers():
            self._resending.found(left.stream, left.first, left.last)

    def appended(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._resending.appended(entry.stream, entry.sequence)

    def say(self, topic: str, payload: bytes) -> None:
        self._in_flight.add(self.session.publish(topic, payload))

    def set_state(self, topic: str, payload: bytes) -> None:
        self._states[topic] = payload
        if self.session.is_connected:
            self._say_states([topic])
        else:
            self._unsaid.add(topic)

    def _say_states(self, topics: Iterable[str]) -> None:
        for topic in topics:
            self._in_flight.add(self.session.publish(topic, self._states[topic], retain=True))

    def all_offline(self) -> None:
        for topic in list(self._states):
            self.set_state(topic, OFFLINE)

    @property
    def is_busy(self) -> bool:
        return bool(self._in_flight)

    def connected(self, session_present: bool) -> None:
        """Subscribe whatever the broker remembers, say who is here; paho itself repeats what was under way.

        A broker that has kept our session has kept the retained states too, but has spoken our last will.
        """
        lab = (self._settings.network, self._settings.lab)
        self.session.subscribe([lab_filter(*lab, Channel.ACK), lab_filter(*lab, Channel.REPLY)])
        self._say_states(self._states.keys() & (self._unsaid | {self._own_state}) if session_present else self._states)
        self._unsaid.clear()

    def disconnected(self) -> None:
        """Keep what is under way: paho sends it again after the next connect."""

    def delivered(self, mid: int, accepted: bool) -> None:
        self._in_flight.discard(mid)
        if not accepted:
            log.error("the broker refuses what %s publishes: check its rights", self._settings.client_id)

    def wants_more(self) -> bool:
        return True

    def received(self, message: mqtt.MQTTMessage) -> None:
        try:
            self._hear(message)
        except Exception:
            log.exception("a message to %s was not understood", self._settings.client_id)

    def tick(self) -> float | None:
        """Forget what is covered, send what is due; return when more is."""
        self._forget_covered()
        now_s = self._clock.monotonic_s()
        if self.session.is_connected:
            self._send(now_s)
        can_mend = self.session.is_connected and not self._in_flight
        return self._resending.due_in_s(now_s) if can_mend else None

    def _send(self, now_s: float) -> None:
        room = _IN_FLIGHT - len(self._in_flight)
        for span in self._resending.to_send(now_s, room, is_idle=not self._in_flight):
            topic = str(topic_of_source(span.stream.source, Channel.EVENT))
            for entry in self._outbox.after(span.stream, span.after, span.most):
                self._in_flight.add(self.session.publish(topic, entry.body))
        for loss in self._resending.losses():
            log.error(
                "the store was put back to before it had events %d to %d of %s (boot %s): they are deleted here and"
                " cannot come again; what is after them is sent again",
                loss.first, loss.last, *loss.stream,
            )  # fmt: skip

    def _forget_covered(self) -> None:
        if not self._covered:
            return
        try:
            self._outbox.cover(self._covered)
        except HistotwinError:
            log.exception("what the store has cannot be deleted from the outbox; trying again")
        else:
            self._covered.clear()

    def _hear(self, message: mqtt.MQTTMessage) -> None:
        topic, said = parse_topic(message.topic), orjson.loads(message.payload)
        if topic.channel is Channel.ACK:
            self._acknowledged(Stream(topic.source, said["boot"]), int(said["sequence"]))
        else:
            self._replied(
                topic.source, Reply(topic.device, said.get("id"), said["verdict"], said["reason"], said["message"])
            )

    def _replied(self, source: str, reply: Reply) -> None:
        if reply.reason not in _NOT_STORED:
            self._confirm(source, reply.id)
        if self._on_reply is not None:
            self._on_reply(reply)

    def _confirm(self, source: str, event_id: str | None) -> None:
        """Count an answered event as stored where no acknowledgement can say so: beyond the gap of a restored store."""
        for stream, after in self._resending.fallen(source):
            for entry in self._outbox.after(stream, after, 1):
                if orjson.loads(entry.body)["id"] == event_id:
                    self._resending.confirmed(stream, entry.sequence, self._clock.monotonic_s())
                    self._covered[stream] = entry.sequence

    def _acknowledged(self, stream: Stream, through: int) -> None:
        if self._resending.acknowledged(stream, through, self._clock.monotonic_s()):
            self._covered[stream] = through
