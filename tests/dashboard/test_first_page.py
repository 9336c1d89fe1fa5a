"""The very first page after a start is whole, also for somebody who had to sign in to see it."""

from __future__ import annotations

from pathlib import Path

from dashboard.app import build_app
from dashboard.server import build_api, wire
from tests.browser import chromium, serving
from tests.simulations.conftest import DATA
from tracking.access import Access, Role
from tracking.clock import SystemClock
from tracking.door import Door
from tracking.registry import load_registry
from tracking.store.database import open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade

PASSWORD = "a long enough password"


def test_the_first_page_after_signing_in_is_whole(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    database, clock = open_database(url), SystemClock()
    registry = load_registry(sorted((DATA / "networks").glob("*.yaml")))
    access = Access(database, clock)
    access.add_person("anna", PASSWORD, [Role.VIEWER], ["rl4"])
    parts = wire(database, registry, clock, Door(EventStore(database, registry), registry, clock), access=access)
    api = build_api(parts)
    api.content_policy.allow_scripts(build_app(api, parts).csp_hashes())
    errors: list[str] = []
    with serving(api) as address, chromium() as browser:
        page = browser.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/labs/rl4")
        page.fill("#name", "anna")
        page.fill("#password", PASSWORD)
        page.click("button")
        page.wait_for_selector("text=The Royal Wolverhampton Trust")
        assert page.url == f"{address}/labs/rl4"
        assert page.evaluate("document.styleSheets.length") > 0
        page.goto(f"{address}/labs/rna")
        page.wait_for_selector("text=rna")
        assert "Dudley" not in page.inner_text("body")
    database.close()
    assert [error for error in errors if "404" not in error] == []
