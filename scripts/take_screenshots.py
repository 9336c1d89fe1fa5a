"""Photographs every page of a running histotwin, light and dark, wide and narrow; refuses anything from outside.

    python scripts/take_screenshots.py --url http://127.0.0.1:8050 [--out docs/screenshots] [--only network]

Uses Debian's Chromium. Exits 1 when a page asked another host for something or wrote an error to the console.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}
LONGEST = 2400  # px; a longer page is cut there
THEMES = ("light", "dark")


@dataclass
class Complaints:
    """What went wrong while the pages were open."""

    outside: set[str] = field(default_factory=set)
    console: list[str] = field(default_factory=list)

    def listen(self, page: Page, host: str) -> None:
        """Block every other host, and note each attempt and each console error."""

        def guard(route: Route) -> None:
            if urlsplit(route.request.url).hostname in {host, "127.0.0.1", "localhost"}:
                route.continue_()
            else:
                self.outside.add(route.request.url)
                route.abort()

        def note(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.console.append(f"{page.url}: {message.text}")

        page.route(lambda url: not url.startswith(("data:", "blob:")), guard)
        page.on("console", note)
        page.on("pageerror", lambda error: self.console.append(f"{page.url}: {error}"))


def find_pages(browser: Browser, url: str) -> dict[str, str]:
    """Return the pages to photograph: the fixed ones, the worst lab, and a case of it."""
    page = browser.new_page()
    labs = page.request.get(f"{url}/api/v1/labs").json()["labs"]
    rank = {"late": 0, "at_risk": 1, "on_target": 2}
    worst = min(labs, key=lambda row: (rank.get(row["status"], 3), -row["wip"]))
    page.close()
    pages = {"network": "/", "lab": f"/labs/{worst['id']}", "rejected": "/admin/rejected", "health": "/admin/health"}
    if case := (worst.get("oldest_open") or {}).get("case"):
        pages |= {"case": f"/cases/{case}", "search": f"/search?q={case[:6]}"}
    return pages


def photograph(browser: Browser, url: str, path: str, theme: str, size: str, to: Path, complaints: Complaints) -> None:
    """Open one page in one theme and size and keep what it looks like, whole."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce", locale="en-GB", timezone_id="Europe/London",
    )  # fmt: skip
    page = context.new_page()
    complaints.listen(page, urlsplit(url).hostname or "")
    page.goto(url + path)
    page.wait_for_selector("#page h1", timeout=20_000)
    page.wait_for_selector("#page .skeleton", state="detached", timeout=20_000)
    if path.startswith("/labs/"):
        page.wait_for_selector(".js-plotly-plot .main-svg, .chart-card .soft", timeout=20_000)
    page.wait_for_timeout(1500)
    tall = min(int(page.evaluate("document.documentElement.scrollHeight")), LONGEST)
    page.set_viewport_size({"width": width, "height": max(height, tall)})
    page.screenshot(path=to)
    context.close()


def main() -> int:
    """Take all pictures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8050")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "screenshots")
    parser.add_argument("--only", nargs="*", help="names of pages: network lab rejected health case search")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    complaints = Complaints()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, path in find_pages(browser, options.url).items():
            if options.only and name not in options.only:
                continue
            for theme in THEMES:
                for size in SIZES:
                    to = options.out / f"{name}-{size}-{theme}.png"
                    photograph(browser, options.url, path, theme, size, to, complaints)
                    print(to)
        browser.close()
    for line in [*(f"asked outside: {url}" for url in sorted(complaints.outside)), *complaints.console]:
        print(line, file=sys.stderr)
    return 1 if complaints.outside or complaints.console else 0


if __name__ == "__main__":
    sys.exit(main())
