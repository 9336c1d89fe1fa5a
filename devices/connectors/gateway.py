"""One MQTT connection for the instruments of a lab: events through the disk outbox, scans and states straight on.

What the events say may not go in here; a connector for a kind of instrument makes them and hands them to ``publish``.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from devices.connectors.line import OFFLINE, ONLINE, GatewaySettings, Line, Listeners, Reply
from devices.outbox import Outbox
from devices.outbox.streams import Entry, Loss
from devices.session import end_process
from devices.topics import Channel, build_topic, topic_of_source
from tracking.clock import Clock

__all__ = ["OFFLINE", "ONLINE", "Gateway", "GatewaySettings", "Loss", "Reply"]

_LOOK_EVERY_S = 0.02


class Gateway:
    """Publishes for many devices of one lab. Any thread may call any method; listeners are called on the session's.

    ``on_loss`` hears what a store that was put back lacks and the outbox no longer holds; ``losses`` is all of it.
    A gateway that dies speaks one last will, its own: MQTT has one for each connection. Its devices' retained states
    stay as they were until it starts again and says them anew, so whoever shows a device as online looks at its
    gateway too.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        outbox: Outbox,
        clock: Clock,
        *,
        on_reply: Callable[[Reply], None] | None = None,
        on_loss: Callable[[Loss], None] | None = None,
        luck: random.Random | None = None,
        on_fatal: Callable[[BaseException], None] = end_process,
    ) -> None:
        self._settings, self._outbox, self._clock = settings, outbox, clock
        self._pause = threading.Event()
        listeners = Listeners(on_reply, on_loss, on_fatal)
        self._line = Line(settings, outbox, clock, listeners, luck or random.Random())  # noqa: S311  # jitter, no secret
        self._in_order = threading.Lock()

    @property
    def is_connected(self) -> bool:
        """Say whether the broker has taken us."""
        return self._line.session.is_connected

    @property
    def waiting(self) -> int:
        """Return how many events wait for their acknowledgement."""
        return len(self._outbox)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Return what has been lost since this gateway started."""
        return tuple(self._line.losses)

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
            entries = self._outbox.append(
                [(f"/{network}/{lab}/{device}", event) for device, event in events],
                clock_offset_us=self._line.clock_offset_us,
            )
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
