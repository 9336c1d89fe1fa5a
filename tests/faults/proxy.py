"""A TCP proxy whose line can be broken on purpose. Bytes are held or delayed, never changed, dropped or reordered.

A dropped byte inside a stream would be corruption, which TCP does not allow; what networks really do is fall silent,
refuse or reset. Nothing about MQTT or SQL may go in here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any

HOST = "127.0.0.1"
_READ_BYTES = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PATIENCE_S = 10.0


class FaultProxy:
    """Forwards ``port`` to ``target_port`` on loopback until told otherwise; its calls may come from any thread."""

    def __init__(self, port: int, target_port: int) -> None:
        self.port, self._target_port = port, target_port
        self._delay_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._open: asyncio.Event = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)

    def start(self) -> None:
        """Listen and forward. Raises ``OSError`` when the port is taken."""
        self._open.set()
        self._thread.start()
        self._do(self._listen())

    def stop(self) -> None:
        """Close everything and end the thread."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()

    def heal(self) -> None:
        """Forward again, at once; what was held in a silence goes on in order, as TCP would send it again."""
        self._do(self._heal())

    def delay(self, milliseconds: float) -> None:
        """Hold every piece of data for so long, in both directions."""
        self._delay_s = milliseconds / 1000

    def blackhole(self) -> None:
        """Fall silent both ways: connections stay open, new ones are taken and hear nothing, no end is told."""
        self._soon(self._open.clear)

    def refuse(self) -> None:
        """Reset what is connected and close the listener, as a host whose program has ended does."""
        self._do(self._refuse())

    def reset(self) -> None:
        """Reset every connection now; who calls again is forwarded again."""
        self._soon(self._reset_all)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    def _soon(self, act: Callable[[], None]) -> None:
        async def once() -> None:
            act()

        self._do(once())

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def _heal(self) -> None:
        self._delay_s = 0.0
        self._open.set()
        await self._listen()

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._reset_all()

    async def _close(self) -> None:
        await self._refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _reset_all(self) -> None:
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection; a caller hears nothing before the line is open."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._open.wait()
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(HOST, self._target_port)
        self._writers.add(far_writer)
        pumps = [asyncio.ensure_future(self._pump(*way)) for way in ((reader, far_writer), (far_reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            self._writers.discard(far_writer)
            far_writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction until its end; in a silence the end is not told either."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_READ_BYTES):
                await self._hold()
                writer.write(data)
                await writer.drain()
        await self._open.wait()

    async def _hold(self) -> None:
        await self._open.wait()
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
            await self._open.wait()
