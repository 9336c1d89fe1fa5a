"""The topic grammar of the wires, to build and to take apart; knows no client, no payload and no store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from tracking.errors import Refusal

ROOT = "histotwin"
EVERYTHING = f"{ROOT}/#"
_LEVELS = 5


class Channel(StrEnum):
    """What a topic carries: its last level."""

    EVENT = "event"
    RAW = "raw"
    STATE = "state"
    ACK = "ack"
    REPLY = "reply"

    @property
    def is_from_device(self) -> bool:
        """Say whether devices speak here (otherwise they are spoken to)."""
        return self in {Channel.EVENT, Channel.RAW, Channel.STATE}


class WrongTopic(Refusal):
    """A topic is not one of the product's; ``message`` says which part is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__("wrong_topic", message)


@dataclass(frozen=True, slots=True)
class Topic:
    """One channel of one device: ``histotwin/{network}/{lab}/{device}/{channel}``."""

    network: str
    lab: str
    device: str
    channel: Channel

    def __str__(self) -> str:
        return f"{ROOT}/{self.network}/{self.lab}/{self.device}/{self.channel.value}"

    @property
    def source(self) -> str:
        """The CloudEvents source that this topic proves: ``/{network}/{lab}/{device}``."""
        return f"/{self.network}/{self.lab}/{self.device}"


def build_topic(network: str, lab: str, device: str, channel: Channel) -> Topic:
    """Return a topic, every level checked. Raises ``WrongTopic`` naming the level that cannot stand in a topic."""
    for name, level in (("network", network), ("lab", lab), ("device", device)):
        _check_level(name, level)
    return Topic(network, lab, device, channel)


def topic_of_source(source: str, channel: Channel) -> Topic:
    """Return a device's topic from its source ``/{network}/{lab}/{device}``. Raises ``WrongTopic``."""
    parts = source.split("/")
    if len(parts) != 4 or parts[0]:
        raise WrongTopic(f"{source!r} is not a source: expected /network/lab/device")
    return build_topic(parts[1], parts[2], parts[3], channel)


@lru_cache(maxsize=16_384)
def parse_topic(text: str) -> Topic:
    """Return what a topic says. Raises ``WrongTopic`` with one plain sentence."""
    parts = text.split("/")
    if parts[0] != ROOT or len(parts) != _LEVELS:
        raise WrongTopic(f"{text!r} is not a topic: expected {ROOT}/network/lab/device/channel")
    return build_topic(parts[1], parts[2], parts[3], _channel(text, parts[4]))


def lab_filter(network: str, lab: str, channel: Channel) -> str:
    """Return the subscription for one channel of all devices of a lab."""
    build_topic(network, lab, "any", channel)
    return f"{ROOT}/{network}/{lab}/+/{channel.value}"


def _channel(text: str, word: str) -> Channel:
    try:
        return Channel(word)
    except ValueError:
        expected = ", ".join(Channel)
        raise WrongTopic(f"{text!r} ends in {word!r}: expected one of {expected}") from None


def _check_level(name: str, level: str) -> None:
    if not level or not level.isprintable() or any(sign in level for sign in "/+#"):
        raise WrongTopic(f"{level!r} is not a {name}: expected printable text without '/', '+' and '#'")
