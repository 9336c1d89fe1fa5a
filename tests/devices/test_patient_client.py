"""What paho cannot read is framed by hand, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.patient_client import NoPublish, plain_message, unreadable_message


@given(st.binary(max_size=40), st.integers(1, 65535), st.binary(max_size=300), st.binary(max_size=40), st.booleans())
def test_topic_number_and_payload_are_as_they_came(
    topic: bytes, mid: int, properties: bytes, payload: bytes, retain: bool
) -> None:
    size = len(properties)
    length = bytes([size]) if size < 128 else bytes([size % 128 | 128, size // 128])
    packet = len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big") + length + properties + payload
    message = unreadable_message(0x32 | retain, packet)
    assert (message._topic, message.mid, message.payload) == (topic, mid, payload)
    assert (message.qos, message.retain) == (1, retain)


@pytest.mark.parametrize(
    "packet", [b"", b"\x00", b"\x00\x01a\x00\x01\xff\xff\xff\xff\xff", b"\x00\x01a\x00\x01\x09abc"]
)
def test_what_is_no_publish_is_said_to_be_none(packet: bytes) -> None:
    with pytest.raises(NoPublish):
        unreadable_message(0x32, packet)


@given(st.binary(min_size=1, max_size=40), st.integers(1, 65535), st.binary(max_size=300), st.booleans(), st.booleans())
def test_a_plain_message_is_what_paho_itself_would_make_of_it(
    topic: bytes, mid: int, payload: bytes, retain: bool, dup: bool
) -> None:
    packet = len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big") + b"\x00" + payload
    message = plain_message(0x32 | retain | dup << 3, packet)
    assert message is not None
    assert (message._topic, message.mid, message.payload) == (topic, mid, payload)
    assert (message.qos, message.retain, message.dup) == (1, retain, dup)


@pytest.mark.parametrize(
    ("header", "packet"),
    [
        pytest.param(0x30, b"\x00\x01a\x00payload", id="QoS 0"),
        pytest.param(0x34, b"\x00\x01a\x00\x01\x00payload", id="QoS 2"),
        pytest.param(0x32, b"\x00\x01a\x00\x01\x02\x01\x01payload", id="with properties"),
        pytest.param(0x32, b"\x00\x00\x00\x01\x00payload", id="no topic"),
        pytest.param(0x32, b"\x00\x09a\x00\x01", id="cut short"),
        pytest.param(0x32, b"", id="nothing"),
    ],
)
def test_what_is_not_plain_goes_pahos_way(header: int, packet: bytes) -> None:
    assert plain_message(header, packet) is None


@given(st.binary(max_size=60))
def test_no_bytes_do_anything_else(packet: bytes) -> None:
    try:
        assert unreadable_message(0x32, packet).payload in packet
    except NoPublish:
        assert packet is not None
