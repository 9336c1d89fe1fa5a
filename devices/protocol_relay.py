"""One MQTT port for both protocol versions: looks at the CONNECT's protocol level and splices to the right listener.

It exists because rumqttd needs a listener per version. It reads the first bytes of a connection and nothing after
them: no MQTT is spoken here, no packet changed, nobody authenticated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

CONNECT = 0x10
MQTT_3_1_1 = 4
MQTT_5 = 5
_LONGEST_PRELUDE = 32
_PATIENCE_S = 10.0


class NotMqtt(Exception):
    """The first bytes are no MQTT CONNECT packet."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener is."""

    host: str
    port: int


def protocol_level(prelude: bytes) -> int | None:
    """Return the protocol level of a CONNECT packet's first bytes, ``None`` while too few have come.

    Source: MQTT 3.1.1 and 5.0 (OASIS), clause 3.1.2.2. Raises ``NotMqtt``.
    """
    if prelude and prelude[0] != CONNECT:
        raise NotMqtt("the first packet is not CONNECT")
    name_at = _after_remaining_length(prelude)
    if name_at is None or len(prelude) < name_at + 2:
        _refuse_endless(prelude)
        return None
    level_at = name_at + 2 + int.from_bytes(prelude[name_at : name_at + 2], "big")
    if level_at > _LONGEST_PRELUDE:
        raise NotMqtt("the protocol name is too long")
    return prelude[level_at] if len(prelude) > level_at else None


def _after_remaining_length(prelude: bytes) -> int | None:
    for position in range(1, min(5, len(prelude))):
        if not prelude[position] & 0x80:
            return position + 1
    return None


def _refuse_endless(prelude: bytes) -> None:
    if len(prelude) >= _LONGEST_PRELUDE:
        raise NotMqtt("the remaining length does not end")


class _End(asyncio.Protocol):
    """One end of a spliced connection: what comes in goes out at the other end, at the pace it can take."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # TCP gives no other
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the protocol's signature
        self.transport = None
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class _Caller(_End):
    """The client's end: collects the prelude, chooses the listener, then only splices."""

    def __init__(self, listeners: Mapping[int, Address], calls: set[asyncio.Task[None]]) -> None:
        super().__init__()
        self._listeners = listeners
        self._calls = calls
        self._prelude = b""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._deadline = asyncio.get_running_loop().call_later(_PATIENCE_S, transport.close)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            super().data_received(data)
            return
        self._prelude += data
        self._look_at_prelude()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _look_at_prelude(self) -> None:
        assert self.transport is not None  # noqa: S101  # data comes only over a transport
        try:
            level = protocol_level(self._prelude)
        except NotMqtt:
            self.transport.close()
            return
        if level is not None:
            self._call(self._listeners.get(level))

    def _call(self, listener: Address | None) -> None:
        assert self.transport is not None  # noqa: S101  # data comes only over a transport
        self._stop_waiting()
        if listener is None:
            self.transport.close()
            return
        self.transport.pause_reading()
        task = asyncio.get_running_loop().create_task(self._splice(listener))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _splice(self, listener: Address) -> None:
        try:
            _, far = await asyncio.get_running_loop().create_connection(_End, listener.host, listener.port)
        except OSError:
            if self.transport is not None:
                self.transport.close()
            return
        self._join(far)

    def _join(self, far: _End) -> None:
        if self.transport is None:
            if far.transport is not None:
                far.transport.close()
            return
        self.other, far.other = far, self
        super().data_received(self._prelude)
        self._prelude = b""
        self.transport.resume_reading()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


async def start_relay(front: Address, listeners: Mapping[int, Address]) -> asyncio.Server:
    """Listen on ``front`` and splice each connection to the listener of its protocol level.

    ``listeners`` maps protocol level (4, 5) to an address. Raises ``OSError`` when the port is taken.
    """
    calls: set[asyncio.Task[None]] = set()
    return await asyncio.get_running_loop().create_server(lambda: _Caller(listeners, calls), front.host, front.port)
