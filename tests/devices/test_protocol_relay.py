"""The relay looks at one thing, the protocol level, and carries everything else unchanged."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.protocol_relay import Address, NotMqtt, protocol_level, start_relay

CONNECT_5 = b"\x10\x1d\x00\x04MQTT\x05\x02\x00\x0f"
CONNECT_4 = b"\x10\x81\x01\x00\x04MQTT\x04\x02\x00\x0f"
CONNECT_3 = b"\x10\x1d\x00\x06MQIsdp\x03\x02\x00\x0f"


@pytest.mark.parametrize(("packet", "level"), [(CONNECT_5, 5), (CONNECT_4, 4), (CONNECT_3, 3)])
def test_the_level_is_known_as_soon_as_it_has_come(packet: bytes, level: int) -> None:
    known = [protocol_level(packet[:size]) for size in range(len(packet) + 1)]
    assert known == sorted(known, key=lambda seen: seen is not None)
    assert known[-1] == level


@given(st.binary(max_size=64))
def test_any_bytes_get_an_answer_or_a_refusal(prelude: bytes) -> None:
    try:
        assert protocol_level(prelude) in {None, *range(256)}
    except NotMqtt:
        assert prelude


def test_an_endless_prelude_is_refused() -> None:
    with pytest.raises(NotMqtt):
        protocol_level(b"\x10" + b"\xff" * 40)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _relay_to_echo() -> tuple[asyncio.Server, asyncio.Server, int]:
    far = await asyncio.start_server(_echo, "127.0.0.1", 0)
    near = await start_relay(Address("127.0.0.1", 0), {5: Address("127.0.0.1", far.sockets[0].getsockname()[1])})
    return far, near, near.sockets[0].getsockname()[1]


async def test_every_byte_arrives_in_order_both_ways() -> None:
    far, near, port = await _relay_to_echo()
    async with far, near:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = CONNECT_5 + bytes(range(256)) * 8000
        writer.write(sent[:3])
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(sent[3:])
        assert await asyncio.wait_for(reader.readexactly(len(sent)), 10) == sent
        writer.close()


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", CONNECT_4])
async def test_what_nobody_serves_is_hung_up(first: bytes) -> None:
    far, near, port = await _relay_to_echo()
    async with far, near:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
