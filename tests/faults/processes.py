"""A program of the world as a real process: started, asked to end, killed, looked after. Knows no part by name."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import tests

ROOT = Path(tests.__file__).resolve().parents[1]
PYTHON = sys.executable
_BELOW_EPHEMERAL = range(20_000, 32_000)


def steady_port() -> int:
    """Return a free loopback port that no outgoing connection can take while its program is down."""
    for port in random.sample(_BELOW_EPHEMERAL, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


@dataclass(slots=True)
class Program:
    """One program that is started again and again; what it prints goes to ``log``."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    takes_orders: bool = False
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self, *arguments: str, **environment: str) -> None:
        """Start it, with more arguments and variables for this start alone; does not wait for it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, *arguments],
                cwd=ROOT if self.user is None else "/",
                env={**os.environ, **self.environment, **environment},
                stdin=subprocess.PIPE if self.takes_orders else subprocess.DEVNULL,
                stdout=log, stderr=log, user=self.user,
            )  # fmt: skip
        self.starts += 1

    @property
    def is_running(self) -> bool:
        """Say whether it lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def code(self) -> int | None:
        """How it ended, ``None`` while it runs or before its first start; minus the signal's number."""
        return None if self.process is None else self.process.poll()

    def order(self, line: str) -> None:
        """Write a line to it; one that has just died does not hear it."""
        if self.process is not None and self.process.stdin is not None:
            try:
                self.process.stdin.write(f"{line}\n".encode())
                self.process.stdin.flush()
            except OSError:
                return

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self._end(signal.SIGKILL, 10)

    def ask_to_end(self) -> None:
        """Send SIGTERM and do not wait."""
        if self.is_running and self.process is not None:
            self.process.terminate()

    def stop(self, patience_s: float = 10.0) -> None:
        """Ask it to end and wait; kills what does not end in time."""
        self._end(signal.SIGTERM, patience_s)

    def _end(self, number: signal.Signals, patience_s: float) -> None:
        if self.process is None:
            return
        self.process.send_signal(number)
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        if self.process.stdin is not None:
            self.process.stdin.close()
