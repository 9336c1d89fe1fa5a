"""How long this disk takes to flush a file, and how to have a receiver's flushes take longer. Knows no receiver."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

_SOURCE = Path(__file__).parent / "slow_flush.c"
_PAGE = b"x" * 4096


def flush_us() -> float:
    """Return the median time in microseconds that ``fdatasync`` of a written page takes where receivers store."""
    times_us = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            os.write(file.fileno(), _PAGE)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times_us.append((time.perf_counter() - began) * 1e6)
    return statistics.median(times_us)


def can_slow_flushes() -> bool:
    """Say whether there is a C compiler to make the preloaded library with."""
    return shutil.which("cc") is not None


def slowed_environment(folder: Path, delay_ms: float) -> dict[str, str]:
    """Return the environment of a process whose flushes take ``delay_ms`` longer; the library lands in ``folder``."""
    if not delay_ms:
        return {**os.environ}
    library = folder / "slow_flush.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, _SOURCE, "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": str(library), "FLUSH_DELAY_US": str(int(delay_ms * 1000))}
