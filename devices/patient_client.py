"""paho, with buffers under it, a short way for plain messages, and without the poison it dies of.

A PUBLISH of QoS 1 without properties is what instruments send all day; framed by hand it costs a fifth of paho's way.
The poison is a PUBLISH whose properties paho cannot read: U+FEFF is legal in an MQTT 5 string (clause 1.5.4), brokers
pass it on, and paho calls the packet malformed, drops the connection and is sent the same message again for ever.
Nothing but what paho lacks may go in here.
"""

from __future__ import annotations

from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.exception import MalformedPacket

from devices.buffered_socket import BufferedSocket


class NoPublish(Exception):
    """The bytes are not even a PUBLISH packet's frame."""


class UnreadableMessage(mqtt.MQTTMessage):
    """A message whose properties could not be read; topic and payload are as they came."""


class PatientClient(mqtt.Client):
    """A paho client over a ``BufferedSocket`` that hands on what it cannot read instead of dying of it."""

    def _create_socket(self) -> Any:
        return BufferedSocket(super()._create_socket())

    def _handle_publish(self) -> MQTTErrorCode:
        packet = self._in_packet
        if self._manual_ack and self.on_message is not None:
            plain = plain_message(packet["command"], packet["packet"])
            if plain is not None:
                self.on_message(self, None, plain)
                return MQTTErrorCode.MQTT_ERR_SUCCESS
        try:
            return super()._handle_publish()
        except MalformedPacket as error:
            if self.on_message is None:
                raise
            try:
                message = unreadable_message(packet["command"], bytes(packet["packet"]))
            except NoPublish:
                raise error from None
            self.on_message(self, None, message)
            return MQTTErrorCode.MQTT_ERR_SUCCESS


def plain_message(header: int, packet: bytes | bytearray) -> mqtt.MQTTMessage | None:
    """Return the message of an MQTT 5 PUBLISH of QoS 1 that has a topic and no properties, else ``None``."""
    topic_end = 2 + int.from_bytes(packet[:2], "big")
    if header & 0x06 != 0x02 or topic_end == 2 or len(packet) < topic_end + 3 or packet[topic_end + 2]:
        return None
    message = mqtt.MQTTMessage(int.from_bytes(packet[topic_end : topic_end + 2], "big"), bytes(packet[2:topic_end]))
    message.qos, message.retain, message.dup = 1, bool(header & 1), bool(header & 8)
    message.payload = bytes(packet[topic_end + 3 :])
    return message


def unreadable_message(header: int, packet: bytes) -> UnreadableMessage:
    """Return topic, number and payload of an MQTT 5 PUBLISH, its properties skipped unread.

    Source: MQTT 5.0 (OASIS), clauses 3.3.1 and 3.3.2. Raises ``NoPublish``.
    """
    qos = (header & 0x06) >> 1
    topic_end = 2 + int.from_bytes(packet[:2], "big")
    properties_at = topic_end + (2 if qos else 0)
    length, payload_at = _variable_length(packet, properties_at)
    if payload_at + length > len(packet):
        raise NoPublish("the properties reach past the packet")
    message = UnreadableMessage(int.from_bytes(packet[topic_end:properties_at], "big"), packet[2:topic_end])
    message.qos, message.retain, message.dup = qos, bool(header & 1), bool(header & 8)
    message.payload = packet[payload_at + length :]
    return message


def _variable_length(packet: bytes, at: int) -> tuple[int, int]:
    """Return a variable byte integer and where it ends (clause 1.5.5)."""
    value = 0
    for place, byte in enumerate(packet[at : at + 4]):
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return value, at + place + 1
    raise NoPublish("a length does not end")
