"""A message that ingest sends to itself, through the broker, its inbox and its writer: proof that the way is open.

It is no event and never reaches the store.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as mqtt

from devices.ingest.arrivals import Arrival
from devices.topics import ROOT
from tracking.clock import Clock

CANARY_ROOT = f"{ROOT}-canary"


@dataclass(frozen=True, slots=True)
class CanaryRule:
    """How often the canary is sent, and after how long a silence ingest ends itself, in seconds."""

    every_s: float = 5.0
    patience_s: float = 20.0


class Canary:
    """What was sent and what came back. Sent on the session's thread, heard on the writer's."""

    def __init__(self, client_id: str, rule: CanaryRule, clock: Clock, run: str | None = None) -> None:
        self.topic = f"{CANARY_ROOT}/{client_id}"
        self._every_s, self._clock = rule.every_s, clock
        self._run = run or secrets.token_hex(8)
        self._next_s = 0.0
        self.heard = 0
        self.round_trip_s: float | None = None

    def tick(self, send: Callable[[str, bytes], object]) -> float:
        """Send what is due and return the seconds until the next is."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            send(self.topic, f"{self._run} {now_s!r}".encode())
        return self._next_s - now_s

    def sing_at_once(self) -> None:
        """Have the next turn send one: the connection is new."""
        self._next_s = 0.0

    def arrival(self, message: mqtt.MQTTMessage, epoch: int) -> Arrival | None:
        """Return a canary's message as an arrival, ``None`` for every other message."""
        try:
            is_ours = message.topic == self.topic
        except UnicodeDecodeError:
            return None
        return Arrival(epoch, message.mid if message.qos else 0, None, bytes(message.payload)) if is_ours else None

    def came_through(self, song: bytes) -> bool:
        """Take note of a canary that came all the way; return whether it is one of this process's own."""
        run, _, sent = song.partition(b" ")
        if run != self._run.encode():
            return False
        self.heard += 1
        self.round_trip_s = max(0.0, self._clock.monotonic_s() - float(sent))
        return True
