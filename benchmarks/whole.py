"""The whole product, started for a benchmark on free ports and a folder of its own. Measures nothing itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.services import free_port

WITHIN_S = 600


@dataclass(frozen=True)
class Product:
    """A running histotwin; ``live_after_s`` is from the start of the command to its word that it is live."""

    process: subprocess.Popen[str]
    port: int
    mqtt_port: int
    live_after_s: float


@contextlib.contextmanager
def running(folder: Path, *options: str, weeks: float = 8) -> Iterator[Product]:
    """Start ``histotwin up`` with so many weeks of history, wait until it is live, stop it at the end."""
    port, mqtt_port = free_port(), free_port()
    where = ["--data-dir", str(folder / "data"), "--port", str(port), "--mqtt-port", str(mqtt_port)]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "histotwin", "up", *where, *options],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "HISTOTWIN_HISTORY_WEEKS": str(weeks)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "is live" in line:
                break
        else:
            raise RuntimeError("histotwin did not start")
        yield Product(process, port, mqtt_port, time.monotonic() - began)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
