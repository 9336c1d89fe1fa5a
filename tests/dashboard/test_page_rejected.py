"""The page of refused events in a real browser, over a real store: see why, correct, replay, set aside, close gaps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard.app import build_app
from dashboard.server import build_api, wire
from tests.browser import Watched, chromium, serving, watched
from tests.tracking.queries.stored_rows import shipped_registry
from tracking.access import Access, Role
from tracking.clock import SystemClock, to_rfc3339
from tracking.door import Door, Incoming
from tracking.store import tables
from tracking.store.database import open_database
from tracking.store.event_store import EventStore
from tracking.store.migrate import upgrade
from tracking.store.verify import rows_of

MICROTOME = "/bcps/rl4/microtome-3"
HOSTILE = "<img src=x onerror=\"document.title='hacked'\">"
PASSWORD = "a long enough password"


class Laboratory:
    """A whole product over one SQLite file, and the instruments that send to it."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'store.db'}"
        upgrade(url)
        self.database, self.registry, self.clock = open_database(url), shipped_registry(), SystemClock()
        self.door = Door(EventStore(self.database, self.registry), self.registry, self.clock)
        access = Access(self.database, self.clock)
        access.add_person("vera", PASSWORD, [Role.VIEWER], ["rl4"])
        parts = wire(self.database, self.registry, self.clock, self.door, is_demo=True, access=access)
        self.api = build_api(parts)
        self.api.content_policy.allow_scripts(build_app(self.api, parts).csp_hashes())
        self._numbers = count(1)

    def send(self, source: str = MICROTOME, **fields: Any) -> dict[str, Any]:
        """Have an instrument say something."""
        number = next(self._numbers)
        event = {"specversion": "1.0", "id": f"e{number}", "source": source, "type": "histotwin.step.completed",
                 "time": to_rfc3339(self.clock.now_us()), "subject": f"S26-{number:06d}-A-1",
                 "data": {"step": "microtomy"}, **fields}  # fmt: skip
        self.send_bytes(json.dumps(event).encode(), source)
        return event

    def send_bytes(self, body: bytes, source: str = MICROTOME, kind: Any = "event") -> None:
        channel = f"histotwin{source}/{kind}"
        self.door.take([Incoming(body, channel, self.clock.now_us(), origin=source, kind=kind)])

    def stored(self) -> list[dict[str, Any]]:
        with self.database.reading() as connection:
            column = list(tables.event.columns).index(tables.event.c.body)
            return [json.loads(row[column]) for row in rows_of(connection, tables.event)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Laboratory]]:
    laboratory = Laboratory(tmp_path_factory.mktemp("refused"))
    with serving(laboratory.api) as url:
        yield url, laboratory
    laboratory.database.close()


@pytest.fixture
def laboratory(served: tuple[str, Laboratory]) -> Laboratory:
    return served[1]


@pytest.fixture
def view(browser: Browser, served: tuple[str, Laboratory]) -> Iterator[Watched]:
    with watched(browser, served[0]) as one:
        yield one
    assert one.outside == [], "a page asked another host"
    assert one.errors == [], "a page wrote errors to the console"


def drawer(page: Page) -> Any:
    return page.locator("#refused-drawer")


def test_an_empty_list_says_so(view: Watched) -> None:
    page = view.open("/admin/rejected?lab=rbk")
    expect(page.get_by_role("heading", name="Nothing was refused.")).to_be_visible()
    expect(page.get_by_text("what every device has counted is here")).to_be_visible()


def test_a_wrong_step_is_corrected_and_all_of_its_events_are_stored(view: Watched, laboratory: Laboratory) -> None:
    sent = [laboratory.send(data={"step": "sectioning"}) for _ in range(3)]
    page = view.open("/admin/rejected?reason=unknown_step")
    rows = page.locator(".refused-list tbody tr")
    expect(rows).to_have_count(3)
    rows.first.get_by_role("button").press("Enter")
    expect(drawer(page).get_by_role("heading", level=2)).to_contain_text("sectioning is neither a step of rl4")
    expect(drawer(page).locator("pre")).to_contain_text('"step": "sectioning"')
    drawer(page).get_by_role("button", name="Try without storing").click()
    expect(drawer(page).get_by_role("status")).to_contain_text("It would be refused again")
    drawer(page).get_by_role("button", name="Correct…").click()
    page.select_option("#meant", "microtomy")
    page.fill("#why", "the vendor's word")
    drawer(page).get_by_role("button", name="Save and replay").click()
    expect(drawer(page).get_by_role("status")).to_contain_text("It is stored now, at position")
    drawer(page).get_by_role("button", name="Replay all others").click()
    expect(drawer(page).get_by_role("status")).to_have_text("2 events are stored now.")
    page.keyboard.press("Escape")
    expect(drawer(page)).to_be_hidden()
    expect(rows).to_have_count(0)
    corrected = [one for one in laboratory.stored() if one.get("correction")]
    assert sorted(one["id"] for one in corrected) == sorted(one["id"] for one in sent)
    expect(page.locator("section[aria-labelledby=rules-title]")).to_contain_text("the vendor's word")
    page.get_by_role("button", name="End the correction of sectioning").click()
    expect(page.locator("section[aria-labelledby=rules-title]")).to_contain_text("None.")


def test_a_conflict_shows_what_differs_and_is_set_aside_with_a_reason(view: Watched, laboratory: Laboratory) -> None:
    first = laboratory.send(data={"step": "microtomy", "operator": "bms-1"})
    laboratory.send(**first | {"subject": "S26-999999-A-1"})
    page = view.open("/admin/rejected?reason=identity_conflict")
    page.locator(".refused-list button").click()
    differing = drawer(page).locator(".differences tbody tr")
    expect(differing.filter(has_text="S26-999999-A-1")).to_contain_text(first["subject"])
    expect(drawer(page).get_by_role("button", name="Replay")).to_have_count(0)
    drawer(page).get_by_role("button", name="Set aside…").click()
    page.fill("#note", "a trial of the simulator")
    page.keyboard.press("Enter")
    expect(drawer(page).get_by_role("status")).to_contain_text("Set aside.")
    expect(drawer(page)).to_contain_text("Set aside by demo")
    drawer(page).get_by_role("button", name="Close").click()
    page.locator("select[data-refused=state]").select_option("dismissed")
    assert "state=dismissed" in page.url
    page.locator(".refused-list button").click()
    drawer(page).get_by_role("button", name="Take it up again…").click()
    page.fill("#note", "it was no trial")
    page.keyboard.press("Enter")
    expect(drawer(page).get_by_role("status")).to_contain_text("It waits again.")


def test_hostile_bytes_stay_bytes(view: Watched, laboratory: Laboratory) -> None:
    laboratory.send_bytes(HOSTILE.encode(), "/bcps/rl4/reader-1", "raw")
    laboratory.send_bytes(b'{"note": "\xff\xfe"}')
    page = view.open("/admin/rejected?reason=unreadable_barcode")
    page.locator(".refused-list button").click()
    expect(drawer(page).locator("pre")).to_have_text(HOSTILE)
    page.keyboard.press("Escape")
    page.locator('[data-reason="not_utf8"]').click()
    page.locator(".refused-list button").click()
    expect(drawer(page).locator("pre")).to_contain_text("ff fe")
    with page.expect_download() as download:
        drawer(page).get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == b'{"note": "\xff\xfe"}'
    assert page.title() != "hacked"


def test_a_gap_is_closed_with_a_reason(view: Watched, laboratory: Laboratory) -> None:
    for sequence in (1, 5):
        laboratory.send(boot="b", sequence=sequence)
    page = view.open("/admin/rejected")
    gap = page.locator("section[aria-labelledby=gaps-title] tbody tr")
    expect(gap).to_contain_text("numbers 2 to 4")
    gap.get_by_role("button").click()
    page.fill("#why", "its disk burnt")
    drawer(page).get_by_role("button", name="Close the gap").click()
    expect(drawer(page)).to_be_hidden()
    expect(gap).to_have_count(0)
    [said] = [one["data"] for one in laboratory.stored() if one["type"] == "histotwin.gap.closed"]
    assert (said["first"], said["last"], said["person"], said["reason"]) == (2, 4, "demo", "its disk burnt")


def test_the_labs_page_leads_to_the_refused_event(view: Watched, laboratory: Laboratory) -> None:
    laboratory.send(source="/bcps/rl4/microtome-77")
    page = view.open("/labs/rl4")
    page.locator("section[aria-labelledby=refused-title]").get_by_role("link", name="microtome-77").click()
    expect(drawer(page).get_by_role("heading", level=2)).to_contain_text("microtome-77 is not a device")


def test_who_may_only_look_is_shown_no_buttons(view: Watched, laboratory: Laboratory) -> None:
    laboratory.send(data={"step": "juggling"})
    view.page.goto(f"{view.url}/sign-in")
    view.page.fill("#name", "vera")
    view.page.fill("#password", PASSWORD)
    view.page.click("button")
    page = view.open("/admin/rejected?q=juggling")
    page.locator(".refused-list button").click()
    expect(drawer(page)).to_contain_text("A manager can replay, correct or set aside.")
    expect(drawer(page).get_by_role("button", name="Replay")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 760, 1440])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, served: tuple[str, Laboratory], laboratory: Laboratory, width: int
) -> None:
    laboratory.send(data={"step": "a" * 60})
    with watched(browser, served[0], viewport={"width": width, "height": 800}) as one:
        page = one.open("/admin/rejected")
        page.locator(".refused-list button").first.click()
        expect(drawer(page).locator("pre")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert drawer(page).evaluate("node => node.scrollWidth - node.clientWidth") <= 0
