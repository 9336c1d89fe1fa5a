"""What is wrong is said on every page by a small sign, and in full on a page of its own, to whom it concerns."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, insert, select, update

from dashboard.app import build_app
from dashboard.troubles_told import TroubleWatch
from tests.browser import Watched, chromium, serving, watched
from tests.dashboard.api_world import ApiWorld, api_world
from tests.tracking.queries.stored_rows import NOW_US
from tracking.access import Principal, Role
from tracking.clock import HOUR_US
from tracking.queries.troubles import Trouble
from tracking.store import tables
from tracking.store.heartbeats import Heart

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HIDDEN_IN_HEADER = """[...document.querySelectorAll('.header a, .header input, .header button')].filter((one) => {
  const { left, top, width, height } = one.getBoundingClientRect();
  const at = (share) => document.elementFromPoint(left + share * width, top + height / 2);
  return width > 0 && [0.1, 0.9].some((share) => !one.contains(at(share)));
}).map((one) => one.outerHTML)"""
"""What somebody wants to press in the header and something else covers."""
PASSWORD = "a long enough password"
FUTURE_US = 4_070_908_800_000_000  # 2099-01-01


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ApiWorld]]:
    with (
        pytest.MonkeyPatch.context() as patch,
        api_world(tmp_path_factory.mktemp("health"), is_demo=True) as world,
    ):
        patch.setattr("dashboard.live.TROUBLES_EVERY_S", 0.2)
        world.access.add_person("vera", PASSWORD, [Role.VIEWER], ["rl4"])
        world.api.content_policy.allow_scripts(build_app(world.api, world.api.gate_parts).csp_hashes())
        with serving(world.api) as url:
            yield url, world


@pytest.fixture
def world(served: tuple[str, ApiWorld]) -> ApiWorld:
    """The laboratories with nothing wrong in any of them."""
    world = served[1]
    with world.rows.database.writing() as connection:
        connection.execute(delete(tables.watermark))
        connection.execute(update(tables.rejected).values(state="dismissed", reason="not_utf8"))
        connection.execute(update(tables.device).values(clock_off_us=0))
    Heart(world.rows.database, world.clock, "ingest").beat("working", round_trip_ms=12.5, waiting=3)
    return world


@pytest.fixture
def view(browser: Browser, served: tuple[str, ApiWorld], world: ApiWorld) -> Iterator[Watched]:
    with watched(browser, served[0]) as one:
        yield one
    assert one.outside == [], "a page asked another host"
    assert one.errors == [], "a page wrote errors to the console"


def refuse(world: ApiWorld, lab: str, reason: str = "not_utf8") -> None:
    """Let a message of a lab wait for somebody to look."""
    with world.rows.database.writing() as connection:
        connection.execute(update(tables.rejected).where(tables.rejected.c.lab == lab).values(
            state="open", reason=reason))  # fmt: skip


def miss(world: ApiWorld, lab: str) -> None:
    """Let events of a lab's reception desk be missing for an hour."""
    with world.rows.database.writing() as connection:
        connection.execute(insert(tables.watermark).values(
            source_id=_reception(connection, lab), boot="b1", contiguous=4, highest=9,
            beyond=f"[[8,9,{NOW_US - HOUR_US}]]"))  # fmt: skip


def set_clock_wrong(world: ApiWorld, lab: str) -> None:
    with world.rows.database.writing() as connection:
        connection.execute(update(tables.device).where(tables.device.c.source_id == _reception(connection, lab)).values(
            clock_off_us=-2 * HOUR_US))  # fmt: skip


def _reception(connection: Any, lab: str) -> int:
    path = f"/bcps/{lab}/reception-1"
    return int(connection.execute(select(tables.source.c.id).where(tables.source.c.path == path)).scalar_one())


def sign(page: Page) -> Any:
    return page.locator("#trouble-sign a")


def line(page: Page, text: str) -> Any:
    return page.locator(".health-list tbody tr").filter(has_text=text)


def sign_in(view: Watched) -> None:
    view.page.goto(f"{view.url}/sign-in")
    view.page.fill("#name", "vera")
    view.page.fill("#password", PASSWORD)
    view.page.click("button")


def test_all_is_well_is_said_calmly(view: Watched) -> None:
    page = view.open("/admin/health")
    expect(page.get_by_role("heading", name="Nothing is wrong")).to_be_visible()
    expect(sign(page)).to_have_text("Health")
    expect(sign(page).locator("svg")).to_have_count(0)
    expect(line(page, "keeps every event")).to_contain_text("works")
    expect(line(page, "brings it into the database")).to_contain_text("13 ms from broker to database")
    expect(line(page, "This screen")).to_contain_text("live")


def test_the_sign_comes_and_goes_by_itself_and_leads_to_what_is_wrong(view: Watched, world: ApiWorld) -> None:
    page = view.open("/")
    page.evaluate("window.notReloaded = true")
    refuse(world, "rl4")
    expect(sign(page)).to_have_text("1 trouble")
    expect(sign(page).locator("svg path")).to_have_count(1)
    miss(world, "rl4")
    expect(sign(page)).to_have_text("Alarm: 2 troubles")
    expect(sign(page).locator("svg rect")).to_have_count(1)
    sign(page).press("Enter")
    expect(page.get_by_role("heading", name="How histotwin is", level=1)).to_be_visible()
    expect(page.locator("tbody .severity")).to_have_text(["Alarm", "Warning"])
    with world.rows.database.writing() as connection:
        connection.execute(delete(tables.watermark))
        connection.execute(update(tables.rejected).values(state="dismissed"))
    expect(sign(page)).to_have_text("Health")
    expect(page.get_by_role("heading", name="Nothing is wrong")).to_be_visible()
    assert page.evaluate("window.notReloaded")


def test_each_trouble_leads_to_what_can_be_done(view: Watched, world: ApiWorld) -> None:
    refuse(world, "rl4")
    refuse(world, "rna", "identity_conflict")
    miss(world, "rl4")
    set_clock_wrong(world, "rl4")
    page = view.open("/admin/health")
    for said, href in (
        ("1 refused message", "/admin/rejected?lab=rl4"),
        ("under the name of another", "/admin/rejected?lab=rna&reason=identity_conflict"),
        ("3 events of reception-1 (5 to 7, boot b1) did not come", "/admin/rejected?lab=rl4"),
        ("The clock of reception-1 is 2 hours ahead.", "/labs/rl4"),
    ):
        expect(line(page, said).get_by_role("link")).to_have_attribute("href", href)
    expect(line(page, "did not come")).to_contain_text("1 h ago")
    expect(line(page, "did not come")).to_contain_text("Royal Wolverhampton")
    line(page, "did not come").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Refused events", level=1)).to_be_visible()


def test_a_viewer_is_told_of_their_own_laboratories_alone(view: Watched, world: ApiWorld) -> None:
    miss(world, "rna")
    sign_in(view)
    page = view.open("/admin/health")
    expect(page.get_by_role("heading", name="Nothing is wrong in your laboratories")).to_be_visible()
    expect(sign(page)).to_have_text("Health")
    refuse(world, "rl4")
    expect(sign(page)).to_have_text("1 trouble")
    expect(page.locator("tbody .severity")).to_have_text(["Warning"])


def test_an_ingest_never_started_is_not_taken_for_a_trouble_elsewhere(view: Watched, world: ApiWorld) -> None:
    with world.rows.database.writing() as connection:
        connection.execute(delete(tables.heartbeat))
    before = world.api.state.parts
    with socket.create_server(("127.0.0.1", 0)) as broker:
        world.api.state.parts = replace(before, broker=broker.getsockname())
        page = view.open("/admin/health")
        expect(page.get_by_role("heading", name="No trouble beside what the parts say")).to_be_visible()
        expect(line(page, "brings it into the database")).to_contain_text("nothing yet")
    world.api.state.parts = before


def test_a_database_that_is_away_is_the_one_trouble(view: Watched, world: ApiWorld) -> None:
    page = view.open("/admin/health")
    expect(sign(page)).to_have_text("Health")
    database = world.rows.database
    file = Path(database.engine.url.database or "")
    away = file.with_suffix(".away")
    database.engine.dispose()
    file.rename(away)
    file.mkdir()  # nothing can be opened here
    try:
        expect(sign(page)).to_have_text("Alarm: 1 trouble")
        expect(line(page, "keeps every event")).to_contain_text("does not work")
        expect(line(page, "Connectors keep their events until it does.").first).to_be_visible()
        expect(line(page, "brings it into the database")).to_contain_text("unknown")
    finally:
        file.rmdir()
        away.rename(file)
    expect(sign(page)).to_have_text("Health")
    expect(page.get_by_role("heading", name="Nothing is wrong")).to_be_visible()
    view.errors[:] = [one for one in view.errors if "503" not in one]  # the browser notes the answer that was meant


def test_a_silent_server_is_said_by_the_sign_and_what_was_known_stays(view: Watched) -> None:
    page = view.open("/admin/health")
    expect(sign(page)).to_have_text("Health")
    page.context.set_offline(True)
    page.evaluate("window.histotwin.live.pretendSilent(130)")
    expect(sign(page)).to_have_text("histotwin does not answer")
    expect(page.locator("#health-board").get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(line(page, "keeps every event")).to_be_visible()
    page.context.set_offline(False)
    expect(sign(page)).to_have_text("Health", timeout=15_000)
    expect(page.locator("#health-board").get_by_role("alert")).to_have_count(0)
    view.errors[:] = [one for one in view.errors if "ERR_INTERNET_DISCONNECTED" not in one]


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 780), ("light", 390), ("dark", 360)])
def test_it_fits_every_screen_and_breaks_no_accessibility_rule(
    browser: Browser, served: tuple[str, ApiWorld], world: ApiWorld, theme: Any, width: int
) -> None:
    miss(world, "rl4")
    refuse(world, "rna")
    size = {"width": width, "height": 900}
    with watched(browser, served[0], viewport=size, color_scheme=theme, reduced_motion="reduce") as one:
        page = one.open("/admin/health")
        expect(sign(page)).to_have_text("Alarm: 2 troubles")
        expect(page.locator("tbody .severity")).to_have_count(2)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(HIDDEN_IN_HEADER) == []
        page.evaluate(AXE)
        found = page.evaluate("rules => axe.run({runOnly: rules})", RULES)["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_a_history_says_where_the_clock_of_a_device_was_set_aside(view: Watched, world: ApiWorld) -> None:
    with world.rows.database.writing() as connection:
        connection.execute(update(tables.event).where(tables.event.c.position == 1).values(time_us=FUTURE_US))
    token = world.token(Role.VIEWER)
    [told] = world.get("/api/v1/items/S26-000001-A", token).json()["events"]
    assert (told["device_time"], told["time"]) == ("2099-01-01T00:00:00.000Z", "2026-11-21T10:30:00.000Z")
    page = view.open("/items/S26-000001-A")
    expect(page.locator(".history li")).to_contain_text("clock of the device set aside: it said 00:00:00 on 1 Jan 2099")
    with world.rows.database.writing() as connection:
        connection.execute(update(tables.event).values(time_us=tables.event.c.at_us))
    [told] = world.get("/api/v1/items/S26-000001-A", token).json()["events"]
    assert "device_time" not in told


def test_a_case_whose_clocks_contradict_is_said_not_to_count(view: Watched, world: ApiWorld) -> None:
    world.rows.closed("rl4", "S26-000778", -3)
    world.rows.event("rl4", "lims-1", "case.authorised", "S26-000778", case="S26-000778")
    expect(view.open("/cases/S26-000778").locator(".whereabouts")).to_contain_text("authorised before it was received")
    expect(view.open("/labs/rl4").locator("#lab-board")).to_contain_text("1 finished case is not counted")


def test_no_age_is_ever_negative(view: Watched) -> None:
    page = view.open("/")
    said = page.evaluate("[histotwin.brief(-0.2), histotwin.brief(-30), histotwin.duration(-5), histotwin.hours(-2)]")
    assert said == ["0 min", "0 min", "0 s", "0 s"]


def test_troubles_are_found_once_for_all_and_told_by_scope() -> None:
    answers = iter([[Trouble("gap_open", "alarm", "Gone.", lab="rl4"), Trouble("storage_low", "warning", "Full.")]] * 2)
    watch = TroubleWatch(lambda: next(answers))
    assert (watch.has_looked, watch.look(), watch.look()) == (False, True, False)

    def words(labs: frozenset[str] | None) -> list[str]:
        return re.findall(r'"word":"(\w+)"', watch.told(Principal("somebody", frozenset({Role.VIEWER}), labs)).decode())

    assert words(None) == words(frozenset({"rl4", "rna"})) == ["gap_open", "storage_low"]
    assert words(frozenset({"rna"})) == ["storage_low"]
