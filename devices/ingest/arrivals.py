"""What a message from the wire is to the store, before anybody trusts it: pure, never fails, keeps every byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt

from devices.patient_client import UnreadableMessage
from devices.topics import Channel, Topic, WrongTopic, parse_topic
from tracking.offering import Incoming
from tracking.reasons import Reason

STRUCTURED = "application/cloudevents"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message of one connection: its number there (0 where QoS 0 has none), and what to offer the store.

    ``incoming`` is ``None`` for what is said *to* devices: acknowledged in its turn and otherwise ignored. ``song`` is
    what a canary sang.
    """

    epoch: int
    mid: int
    incoming: Incoming | None
    song: bytes | None = None


def arrival_of(message: mqtt.MQTTMessage, epoch: int, received_us: int) -> Arrival:
    """Return what a message is. Whatever is wrong with it becomes a refusal with its bytes, never an exception."""
    mid = message.mid if message.qos else 0
    if isinstance(message, UnreadableMessage):
        return Arrival(epoch, mid, _unreadable(message, received_us))
    try:
        return Arrival(epoch, mid, incoming_of(message, received_us))
    except Exception:  # RecursionError, UnicodeDecodeError, what paho may think of: the bytes are kept
        return Arrival(epoch, mid, _unreadable(message, received_us))


def incoming_of(message: mqtt.MQTTMessage, received_us: int) -> Incoming | None:
    """Return what to offer the store, ``None`` for acknowledgements and replies passing by."""
    text, body = message.topic, bytes(message.payload)
    try:
        topic = parse_topic(text)
    except WrongTopic as wrong:
        return Incoming(body, text, received_us, refusal=wrong.reason)
    if not topic.channel.is_from_device:
        return None
    return _from_device(topic, text, body, message, received_us)


def binary_mode_attributes(properties: Any) -> Mapping[str, str] | None:
    """Return the CloudEvents attributes of MQTT 5 binary mode, ``None`` for structured mode.

    Source: CloudEvents MQTT Protocol Binding 1.0, clause 3.1: user properties are the attributes, the content type is
    ``datacontenttype``.
    """
    pairs = getattr(properties, "UserProperty", None)
    content_type = getattr(properties, "ContentType", "")
    if not pairs or content_type.startswith(STRUCTURED) or not any(name == "specversion" for name, _ in pairs):
        return None
    attributes = dict(pairs)
    if content_type:
        attributes["datacontenttype"] = content_type
    return attributes


def _from_device(topic: Topic, text: str, body: bytes, message: mqtt.MQTTMessage, received_us: int) -> Incoming:
    kind = topic.channel.value
    attributes = binary_mode_attributes(message.properties) if topic.channel is Channel.EVENT else None
    is_stale = message.retain and topic.channel is not Channel.STATE
    return Incoming(
        body=body,
        channel=text,
        received_us=received_us,
        origin=topic.source,
        kind=kind,  # type: ignore[arg-type]  # the three channels from devices are the three kinds
        attributes=attributes,
        refusal=Reason.RETAINED_EVENT.value if is_stale else None,
    )


def _unreadable(message: mqtt.MQTTMessage, received_us: int) -> Incoming:
    raw_topic = getattr(message, "_topic", b"")
    channel = raw_topic.decode("utf-8", "backslashreplace") if isinstance(raw_topic, bytes) else repr(raw_topic)
    return Incoming(_bytes_of(message), channel, received_us, refusal="unreadable_message")


def _bytes_of(message: mqtt.MQTTMessage) -> bytes:
    try:
        return bytes(message.payload)
    except Exception as error:  # nothing may end the thread that reads for everybody
        return repr(error).encode()
