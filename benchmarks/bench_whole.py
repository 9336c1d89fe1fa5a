"""What the whole product costs at real-time speed on a Tuesday morning: seconds to live, CPU and memory of all parts.

Twenty-three laboratories, eight weeks of history. CPU is that of every process together over the window, which holds
at least one forecast of each laboratory; memory is the sum of the resident sets (shared pages counted in each).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from benchmarks.whole import WITHIN_S, Product, running


def wait_for_history(product: Product) -> float:
    """Return the seconds until the older weeks are in as well."""
    began = time.monotonic()
    while time.monotonic() - began < WITHIN_S:
        rows = httpx.get(f"http://127.0.0.1:{product.port}/api/v1/progress", timeout=30).json()["work"]
        if all(row["finished_at"] for row in rows):
            return time.monotonic() - began
        time.sleep(1)
    raise TimeoutError("the history did not come to an end")


def name_of(part: psutil.Process) -> str:
    """Return the command a process runs; the broker's own engine runs none."""
    words = part.cmdline()
    return words[words.index("histotwin") + 1] if "histotwin" in words else "broker's engine"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=330, help="window; more than five minutes holds every forecast"
    )
    window_s = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "--start-at", "2026-11-24T10:00Z") as product:
        print(f"live after {product.live_after_s:.0f} s, with two weeks of history")
        print(f"all eight weeks in after another {wait_for_history(product):.0f} s")
        time.sleep(20)
        root = psutil.Process(product.process.pid)
        parts = [root, *root.children(recursive=True)]
        before = {part: sum(part.cpu_times()[:2]) for part in parts}
        time.sleep(window_s)
        total = 0.0
        for part in parts:
            share = 100 * (sum(part.cpu_times()[:2]) - before[part]) / window_s
            total += share
            print(f"  {name_of(part):24} {share:5.1f} % of a core  {part.memory_info().rss / 1e6:6.0f} MB")
        memory = sum(part.memory_info().rss for part in parts) / 1e6
        print(f"all parts over {window_s:.0f} s: {total:.1f} % of one core, {memory:.0f} MB resident")


if __name__ == "__main__":
    main()
