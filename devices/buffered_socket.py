"""A socket that reads and writes in large pieces under paho, which asks for one byte at a time; speaks no MQTT.

Measured: paho makes four system calls a message received and one a message acknowledged, and each gives up the
interpreter's lock; with these buffers it is a few a batch.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

_PIECE = 65536
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class BufferedSocket:
    """What paho needs of a socket, over one that is connected. ``flush`` sends; ``pending`` counts what can be read."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._came = b""
        self._read_to = 0
        self._unsent = bytearray()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # we write whole turns; Nagle costs 40 ms a window

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` bytes. Raises ``BlockingIOError`` when nothing has come."""
        if self._read_to >= len(self._came):
            self._came, self._read_to = self._sock.recv(_PIECE), 0
        start = self._read_to
        self._read_to = min(start + size, len(self._came))
        return self._came[start : self._read_to]

    def pending(self) -> int:
        """Return how many bytes can be read without asking the system, and so without it waking us."""
        return len(self._came) - self._read_to + (self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0)

    def send(self, data: bytes | bytearray) -> int:
        """Keep bytes for ``flush``. Raises ``BlockingIOError`` while too many wait."""
        if len(self._unsent) >= _PIECE:
            self.flush()
            if self._unsent:
                raise BlockingIOError
        self._unsent += data
        return len(data)

    def flush(self) -> None:
        """Send what waits, as far as the system takes it. Raises ``OSError`` when the connection is gone."""
        while self._unsent:
            try:
                sent = self._sock.send(self._unsent)
            except _NOT_NOW:
                return
            del self._unsent[:sent]

    @property
    def has_unsent(self) -> bool:
        """Say whether bytes wait for the system to take them."""
        return bool(self._unsent)

    def close(self) -> None:
        """Send what waits if that takes no time, and close."""
        try:
            self.flush()
        except OSError:
            self._unsent.clear()
        finally:
            self._sock.close()

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return int(self._sock.fileno())

    def setblocking(self, flag: bool) -> None:
        """Pass it on."""
        self._sock.setblocking(flag)
