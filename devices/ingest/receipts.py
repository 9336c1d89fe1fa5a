"""What devices are told after a commit: cumulative acknowledgements and replies, as topics and payloads. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import orjson

from devices.topics import Channel, WrongTopic, parse_topic, topic_of_source
from tracking.clock import to_rfc3339
from tracking.offering import Incoming, Receipt

Settled = tuple[Incoming, Receipt]


@dataclass(frozen=True, slots=True)
class Answer:
    """One message to one device; ``boot`` is the one that an acknowledgement is about."""

    topic: str
    payload: bytes
    boot: str | None = None


@dataclass(frozen=True, slots=True)
class StoreWord:
    """What the store says of itself: which history it holds, how far, and what its clock shows (µs UTC)."""

    store: str
    head: int
    at_us: int


def answers_to(settled: Iterable[Settled], word: StoreWord | None = None) -> list[Answer]:
    """Return what to tell the devices: one ``ack`` per (device, boot) of the batch, then the replies in order.

    ``word`` is what the store says of itself, where that is known.
    """
    through: dict[tuple[str, str], int] = {}
    replies: list[Answer] = []
    for incoming, receipt in settled:
        stream = stored_stream(incoming, receipt)
        if stream is not None:
            through[stream] = max(through.get(stream, 0), receipt.stored_through or 0)
        if needs_reply(incoming, receipt):
            replies.extend(_reply(incoming, receipt))
    about = _about(word)
    return [_ack(topic, boot, sequence, about) for (topic, boot), sequence in through.items()] + replies


def standing_ack(source: str, boot: str, through: int, word: StoreWord) -> Answer | None:
    """Return the acknowledgement that tells a device how it stands, ``None`` for a source that has no topic."""
    topic = _topic_to(source, "", Channel.ACK)
    return None if topic is None else _ack(topic, boot, through, _about(word))


def stored_stream(incoming: Incoming, receipt: Receipt) -> tuple[str, str] | None:
    """Return the ack topic and boot that a receipt speaks of, ``None`` where the event had no place in a sequence."""
    if receipt.stored_through is None or receipt.boot is None:
        return None
    topic = _topic_to(incoming.origin, incoming.channel, Channel.ACK)
    return None if topic is None else (topic, receipt.boot)


def needs_reply(incoming: Incoming, receipt: Receipt) -> bool:
    """Say whether the device is answered one by one: scans, all but plainly accepted events, events without an ack."""
    if incoming.kind == "state":
        return receipt.fate == "rejected"
    is_scan = incoming.kind == "raw" or receipt.event_type == "histotwin.item.scanned"
    return is_scan or receipt.fate != "accepted" or receipt.verdict != "accepted" or receipt.stored_through is None


def _reply(incoming: Incoming, receipt: Receipt) -> list[Answer]:
    topic = _topic_to(incoming.origin, incoming.channel, Channel.REPLY)
    if topic is None:
        return []
    said = {
        "id": receipt.event_id,
        "verdict": receipt.verdict,
        "reason": receipt.reason,
        "message": receipt.message,
    }
    return [Answer(topic, orjson.dumps(said))]


def _ack(topic: str, boot: str, sequence: int, about: dict[str, object]) -> Answer:
    return Answer(topic, orjson.dumps({"boot": boot, "sequence": sequence, **about}), boot)


def _about(word: StoreWord | None) -> dict[str, object]:
    return {"store": word.store, "head": word.head, "at": to_rfc3339(word.at_us)} if word else {}


@lru_cache(maxsize=16_384)
def _topic_to(origin: str | None, channel: str, to: Channel) -> str | None:
    try:
        return str(topic_of_source(origin, to) if origin else topic_of_source(parse_topic(channel).source, to))
    except WrongTopic:
        return None
