"""The line between two programs can be slowed, silenced, refused and cut, and what it carries is never changed."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults.processes import steady_port
from tests.faults.proxy import FaultProxy

SILENCE_S = 0.15


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A program that says back what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _answer(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with contextlib.suppress(OSError), connection:
        while data := connection.recv(65_536):
            connection.sendall(data)


@pytest.fixture
def proxy(echo_port: int) -> Iterator[FaultProxy]:
    proxy = FaultProxy(steady_port(), echo_port)
    proxy.start()
    yield proxy
    proxy.stop()


def call(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def hear(line: socket.socket, length: int) -> bytes:
    heard = b""
    while len(heard) < length and (data := line.recv(65_536)):
        heard += data
    return heard


def is_silent(line: socket.socket) -> bool:
    line.settimeout(SILENCE_S)
    try:
        line.recv(1)
    except TimeoutError:
        return True
    finally:
        line.settimeout(5)
    return False


def test_bytes_pass_unchanged_and_in_order(proxy: FaultProxy) -> None:
    said = bytes(range(256)) * 4000
    with call(proxy) as line:
        threading.Thread(target=line.sendall, args=(said,), daemon=True).start()
        assert hear(line, len(said)) == said


def test_a_slow_line_brings_everything_later_and_in_order(proxy: FaultProxy) -> None:
    with call(proxy) as line:
        proxy.delay(2 * SILENCE_S * 1000)
        line.sendall(b"first")
        assert is_silent(line)
        line.sendall(b"second")
        assert hear(line, 11) == b"firstsecond"


def test_a_silent_line_stays_open_and_loses_nothing(proxy: FaultProxy) -> None:
    with call(proxy) as line:
        proxy.blackhole()
        line.sendall(b"anybody?")
        with call(proxy) as another:
            another.sendall(b"hello?")
            assert is_silent(line)
            assert is_silent(another)
            proxy.heal()
            assert hear(line, 8) == b"anybody?"
            assert hear(another, 6) == b"hello?"


def test_a_silent_line_does_not_tell_that_the_other_has_hung_up(proxy: FaultProxy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = FaultProxy(steady_port(), server.getsockname()[1])
        far.start()
        with call(far) as line:
            there, _ = server.accept()
            far.blackhole()
            there.close()
            assert is_silent(line)
            far.heal()
            assert line.recv(1) == b""
        far.stop()


def test_a_refusing_line_cuts_and_takes_no_calls_until_healed(proxy: FaultProxy) -> None:
    with call(proxy) as line:
        line.sendall(b"x")
        assert hear(line, 1) == b"x"
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with pytest.raises(ConnectionRefusedError):
        call(proxy)
    proxy.heal()
    with call(proxy) as line:
        line.sendall(b"again")
        assert hear(line, 5) == b"again"


def test_a_reset_line_is_cut_and_takes_calls_at_once(proxy: FaultProxy) -> None:
    with call(proxy) as line:
        line.sendall(b"x")
        assert hear(line, 1) == b"x"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with call(proxy) as line:
        line.sendall(b"again")
        assert hear(line, 5) == b"again"


def test_a_call_through_to_nobody_is_ended(proxy: FaultProxy) -> None:
    nowhere = FaultProxy(steady_port(), steady_port())
    nowhere.start()
    with call(nowhere) as line, contextlib.suppress(ConnectionResetError):
        assert line.recv(1) == b""
    nowhere.stop()
