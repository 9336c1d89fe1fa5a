"""How long after its commit an event is on an open page, with fifty pages open in a real Chromium.

The whole product runs (no virtual laboratory, a week of history); a case is announced over MQTT every two seconds, and
each page says when its row changed. The commit is taken to be when the reply to the device arrives, which ingest sends
right after it. Pages and clock are on this machine, so the two clocks are one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
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


def open_pages(browser: Any, url: str, pages: int, contexts: int) -> list[Page]:
    """Open the network page so often, spread over so many browser profiles (each has one event stream)."""
    opened: list[Page] = []
    profiles = [browser.new_context() for _ in range(contexts)]
    for number in range(pages):
        page = profiles[number % contexts].new_page()
        page.goto(url)
        page.wait_for_selector(f'[data-key="{LAB}"] .flow', timeout=60_000)
        page.evaluate(WATCH)
        opened.append(page)
    return opened


def main() -> None:
    """Print the percentiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--contexts", type=int, default=10, help="browser profiles the pages are spread over")
    parser.add_argument("--events", type=int, default=20)
    options = parser.parse_args()
    committed: list[float] = []
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "--no-virtual-lab", weeks=1) as product:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.on_message = lambda *_: committed.append(time.time())
        client.connect("127.0.0.1", product.mqtt_port)
        client.subscribe(f"{TOPIC}/reply")
        client.loop_start()
        with chromium() as browser:
            pages = open_pages(browser, f"http://127.0.0.1:{product.port}/", options.pages, options.contexts)
            for number in range(options.events):
                client.publish(f"{TOPIC}/event", announce(number), qos=1)
                time.sleep(2)
            changes = [page.evaluate("() => window.changes") for page in pages]
        client.loop_stop()
    delays = sorted(at / 1000 - when for page in changes for (_, at), when in zip(page, committed, strict=False))
    missed = options.events * options.pages - len(delays)
    cuts = statistics.quantiles(delays, n=100)
    print(f"{options.pages} pages in {options.contexts} profiles, {options.events} events announced")
    print(f"{len(delays)} changes seen, {missed} missed")
    print(
        f"commit to page: p50 {cuts[49]:.3f} s, p95 {cuts[94]:.3f} s, p99 {cuts[98]:.3f} s, largest {delays[-1]:.3f} s"
    )


if __name__ == "__main__":
    main()
