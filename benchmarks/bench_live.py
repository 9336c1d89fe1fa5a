"""How long after its commit an event is on an open page, with fifty open: a few in Chromium, the rest as streams.

The whole product runs (no virtual laboratory, a week of history); a case is announced over MQTT every two seconds. The
commit is taken to be when the reply to the device arrives, which ingest sends right after it. In Chromium, "on the
page" is when the laboratory's row has changed in the document; for a stream, when the row has arrived: to the server
an open page is a stream, and fifty drawn by a machine without a graphics card would measure its drawing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from playwright.sync_api import Page

from benchmarks.whole import running
from tests.browser import chromium

LAB = "rl4"
TOPIC = f"histotwin/bcps/{LAB}/lims-1"
WATCH = """
() => {
  const cell = () => document.querySelector('[data-key="rl4"] .flow')?.textContent || '';
  let last = cell();
  window.changes = [];
  const look = () => {
    const now = cell();
    if (now && now !== last) { last = now; window.changes.push([now, Date.now()]); }
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}
"""


def announce(number: int) -> str:
    """Return a new case as an event."""
    case = f"S26-{900_000 + number}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({
        "specversion": "1.0", "id": f"bench-{number}", "source": f"/bcps/{LAB}/lims-1",
        "type": "histotwin.case.received", "subject": case, "time": now, "data": {"case": case, "received_at": now},
    })  # fmt: skip


def open_pages(browser: Any, url: str, pages: int) -> list[Page]:
    """Open the network page so often, each in a profile of its own, so that each has its own stream."""
    opened: list[Page] = []
    for _ in range(pages):
        page = browser.new_context().new_page()
        page.goto(url)
        page.wait_for_selector(f'[data-key="{LAB}"] .flow', timeout=60_000)
        page.evaluate(WATCH)
        opened.append(page)
    return opened


class Streams:
    """So many readers of the board's stream, on a thread of their own; notes when each hears a new count."""

    def __init__(self, port: int, readers: int) -> None:
        self.heard: list[list[float]] = [[] for _ in range(readers)]
        self._port = port
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_until_complete, args=(self._read_all(),), daemon=True).start()

    async def _read_all(self) -> None:
        await asyncio.gather(*(self._read(heard) for heard in self.heard))

    async def _read(self, heard: list[float]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
        writer.write(b"GET /api/v1/stream?topics=board HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        last: int | None = None
        while line := await reader.readline():
            if not line.startswith(b"data:"):
                continue
            for count in counts_in(json.loads(line[5:])):
                if last is not None and count != last:
                    heard.append(time.time())
                last = count


def counts_in(said: Any) -> Iterator[int]:
    """Yield what a message says of the laboratory's cases received today, however deep it stands."""
    if isinstance(said, dict):
        if said.get("id") == LAB and "received_today" in said:
            yield said["received_today"]
        else:
            for part in said.values():
                yield from counts_in(part)
    elif isinstance(said, list):
        for part in said:
            yield from counts_in(part)


def report(what: str, seen: list[list[float]], committed: list[float]) -> None:
    """Print the percentiles of the delays."""
    delays = sorted(at - when for times in seen for at, when in zip(times, committed, strict=False))
    missed = len(committed) * len(seen) - len(delays)
    cuts = statistics.quantiles(delays, n=100)
    print(f"{what}: {len(delays)} changes seen, {missed} missed")
    print(f"  commit to page: p50 {cuts[49]:.3f} s, p95 {cuts[94]:.3f} s, p99 {cuts[98]:.3f} s")


def main() -> None:
    """Print the percentiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=4, help="pages in Chromium")
    parser.add_argument("--streams", type=int, default=46, help="pages as streams")
    parser.add_argument("--events", type=int, default=30)
    options = parser.parse_args()
    committed: list[float] = []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "--no-virtual-lab", weeks=1) as product:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.on_message = lambda *_: committed.append(time.time())
        client.connect("127.0.0.1", product.mqtt_port)
        client.subscribe(f"{TOPIC}/reply")
        client.loop_start()
        streams = Streams(product.port, options.streams)
        with chromium() as browser:
            pages = open_pages(browser, f"http://127.0.0.1:{product.port}/", options.pages)
            for number in range(options.events):
                client.publish(f"{TOPIC}/event", announce(number), qos=1)
                time.sleep(2)
            drawn = [[at / 1000 for _, at in page.evaluate("() => window.changes")] for page in pages]
        client.loop_stop()
    report(f"{options.pages} pages in Chromium", drawn, committed)
    report(f"{options.streams} streams", streams.heard, committed)


if __name__ == "__main__":
    main()
