"""The pages in a real browser: live, reachable by keyboard, honest about age, deaf to hostile text, silent outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import Watched, chromium, serving, watched
from tests.dashboard.pages_fixture import HOSTILE, InventedLabs, build_server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, InventedLabs]]:
    app, labs = build_server()
    with serving(app) as url:
        yield url, labs


@pytest.fixture
def labs(served: tuple[str, InventedLabs]) -> Iterator[InventedLabs]:
    labs = served[1]
    before = {lab: dict(row) for lab, row in labs.rows.items()}
    yield labs
    labs.rows.update(before)
    labs.silent = False


@pytest.fixture
def view(browser: Browser, served: tuple[str, InventedLabs]) -> Iterator[Watched]:
    with watched(browser, served[0]) as one:
        yield one
    assert one.outside == [], "a page asked another host"
    assert one.errors == [], "a page wrote errors to the console"


def row(page: Page, lab: str) -> Any:
    return page.locator(f'tr[data-key="{lab}"]')


class TestNetworkBoard:
    def test_has_one_row_a_lab_worst_first(self, view: Watched, labs: InventedLabs) -> None:
        page = view.open("/")
        expect(page.locator("table.board tbody tr")).to_have_count(len(labs.rows))
        found = page.locator("table.board tbody tr").evaluate_all("rows => rows.map(row => row.dataset.status)")
        assert found == sorted(found, key=["late", "at_risk", "on_target", "no_data"].index)

    def test_a_status_is_a_shape_a_word_and_a_colour(self, view: Watched, labs: InventedLabs) -> None:
        labs.change("rl4", status="late")
        status = row(view.open("/"), "rl4").locator(".status")
        expect(status).to_have_text("Late")
        expect(status.locator("svg rect")).to_have_count(1)

    def test_a_row_changes_without_a_reload(self, view: Watched, labs: InventedLabs) -> None:
        page = view.open("/")
        page.evaluate("window.notReloaded = true")
        labs.change("rl4", received_today=777)
        expect(row(page, "rl4")).to_contain_text("777 /")
        assert page.evaluate("window.notReloaded")

    def test_a_change_keeps_the_focus_where_it_is(self, view: Watched, labs: InventedLabs) -> None:
        page = view.open("/")
        row(page, "rl4").locator("th a").focus()
        labs.change("rl4", received_today=778, status="no_data")
        expect(row(page, "rl4")).to_contain_text("778 /")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "/labs/rl4"

    def test_filters_live_in_the_address(self, view: Watched, labs: InventedLabs) -> None:
        page = view.open("/?network=bcps")
        expect(page.locator("table.board tbody tr")).to_have_count(4)
        page.locator("select[data-filter=network]").select_option("")
        expect(page.locator("table.board tbody tr")).to_have_count(len(labs.rows))
        assert "network" not in page.url

    def test_cases_that_no_figure_counts_are_named(self, view: Watched, labs: InventedLabs) -> None:
        page = view.open("/")
        expect(row(page, "rl4")).not_to_contain_text("not counted")
        labs.change("rl4", clocks_contradict_28d=2)
        expect(row(page, "rl4").get_by_title("2 finished cases are not counted")).to_have_text("2 not counted")

    def test_the_keyboard_reaches_a_row_and_opens_its_lab(self, view: Watched) -> None:
        page = view.open("/?network=bcps&order=name")
        page.locator("select[data-filter=order]").focus()
        for _ in range(20):
            page.keyboard.press("Tab")
            href = page.evaluate("document.activeElement.getAttribute('href') || ''")
            if href.startswith("/labs/") and page.evaluate("!!document.activeElement.closest('tr')"):
                break
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{href}")
        expect(page.get_by_role("heading", name="The line, from reception to authorisation")).to_be_visible()

    def test_a_lab_without_any_figure_shows_dashes_not_zeros(self, view: Watched, labs: InventedLabs) -> None:
        nothing = dict.fromkeys(("tat_p50_h", "tat_p90_h", "oldest_open", "oldest_urgent", "forecast"))
        labs.change("rl4", status="no_data", within=[], freshness={"last_event_at": None, "age_s": None}, **nothing)
        expect(row(view.open("/"), "rl4").locator(".tat .number")).to_have_text("–")
        expect(row(view.page, "rl4").locator(".fresh .number")).to_have_text("never")


class TestStaleData:
    def test_silence_is_said_and_values_are_greyed(self, view: Watched, labs: InventedLabs) -> None:
        page = view.open("/")
        expect(page.locator("#live-badge")).to_contain_text("live")
        labs.silent = True
        page.evaluate("histotwin.live.pretendSilent(45)")
        expect(page.locator("#live-badge")).to_contain_text("data 45 s old")
        page.evaluate("histotwin.live.pretendSilent(130)")
        expect(page.get_by_role("alert")).to_contain_text("NO LIVE DATA since")
        assert page.locator("table.board").evaluate("node => getComputedStyle(node).filter") == "grayscale(1)"

    def test_it_recovers_by_itself(self, view: Watched) -> None:
        page = view.open("/")
        page.evaluate("histotwin.live.pretendSilent(130)")
        expect(page.get_by_role("alert")).to_contain_text("NO LIVE DATA")
        expect(page.locator("#live-badge")).to_contain_text("live,", timeout=20_000)

    def test_two_tabs_share_one_stream(self, view: Watched, labs: InventedLabs) -> None:
        page = view.open("/")
        expect(page.locator("#live-badge")).to_contain_text("live,")
        before = len(labs.readers)
        other = page.context.new_page()
        other.goto(f"{view.url}/")
        expect(other.locator("table.board tbody tr")).to_have_count(len(labs.rows))
        assert len(labs.readers) == before
        page.close()
        labs_changed = threading.Timer(1.5, lambda: labs.change("rl4", received_today=901))
        labs_changed.start()
        expect(row(other, "rl4")).to_contain_text("901 /")


class TestLabPage:
    def test_shows_the_line_the_instruments_and_the_cases_at_risk(self, view: Watched, labs: InventedLabs) -> None:
        page = view.open("/labs/rl4")
        expect(page.locator(".step")).to_have_count(len(labs.registry.labs["rl4"].route))
        expect(page.get_by_text("microtome-8")).to_be_visible()
        expect(page.get_by_role("heading", name="Cases most at risk")).to_be_visible()

    def test_charts_are_drawn_with_the_shipped_bundle(self, view: Watched) -> None:
        page = view.open("/labs/rl4")
        expect(page.locator(".js-plotly-plot")).to_have_count(2)
        assert page.evaluate("Plotly.version") == "4.1.1"
        page.get_by_text("View as table").first.click()
        expect(page.get_by_role("link", name="Download CSV").first).to_be_visible()

    def test_an_unknown_lab_says_nothing_of_itself(self, view: Watched) -> None:
        page = view.open("/labs/nowhere")
        expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
        view.errors.clear()  # the 404 itself is a console line

    def test_hostile_text_is_shown_and_does_not_run(self, view: Watched) -> None:
        page = view.open("/labs/rl4")
        expect(page.get_by_text(HOSTILE, exact=True)).to_be_visible()
        assert page.title() != "hacked"
        assert page.locator("img[src=x]").count() == 0


class TestItems:
    def test_says_where_it_is_since_when_and_what_is_next(self, view: Watched) -> None:
        page = view.open("/items/S26-000123-A-1")
        expect(page.locator(".whereabouts")).to_contain_text("At Microtomy, 1 h")
        expect(page.locator(".whereabouts")).to_contain_text("Staining")
        expect(page.locator(".tree .leaf")).to_have_count(6)
        expect(page.locator(".history li")).to_have_count(5)
        expect(page.locator(".history li").first).to_contain_text("]d1S26-000123-A-1")

    def test_a_case_shows_its_forecast(self, view: Watched) -> None:
        expect(view.open("/cases/S26-000123").locator(".whereabouts")).to_contain_text("31\u202f%")

    def test_a_barcode_nobody_has_is_echoed(self, view: Watched) -> None:
        page = view.open("/items/NOPE-1")
        expect(page.get_by_text("NOPE-1", exact=True)).to_be_visible()
        view.errors.clear()

    def test_hostile_barcodes_show_as_text(self, view: Watched) -> None:
        page = view.open("/items/" + HOSTILE.replace("<", "%3C").replace(">", "%3E").replace('"', "%22"))
        expect(page.locator("h1")).to_have_text(HOSTILE)
        assert page.locator("img[src=x]").count() == 0


class TestSearch:
    def test_slash_focuses_the_box_and_enter_finds(self, view: Watched) -> None:
        page = view.open("/")
        page.keyboard.press("/")
        page.keyboard.type("S26-000123")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=S26-000123")
        expect(page.locator("table.list tbody tr")).to_have_count(2)

    def test_a_scan_is_taken_anywhere_and_presses_no_button(self, view: Watched) -> None:
        page = view.open("/")
        page.locator("#theme-toggle").focus()
        theme = page.evaluate("document.documentElement.dataset.theme")
        for key in ["]", *"d1S26-000777-A"]:
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=S26-000777-A")
        assert page.evaluate("document.documentElement.dataset.theme") == theme

    def test_nothing_found_echoes_what_was_read(self, view: Watched) -> None:
        page = view.open("/search?q=NOPE")
        expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
        expect(page.get_by_text("NOPE", exact=True)).to_be_visible()


AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class TestEveryPage:
    PATHS = ("/?network=bcps", "/labs/rl4", "/cases/S26-000123", "/items/S26-000123-A-1", "/search?q=S26", "/nowhere")

    @pytest.mark.parametrize("width", [1440, 320])
    def test_never_scrolls_sideways(self, browser: Browser, served: tuple[str, InventedLabs], width: int) -> None:
        with watched(browser, served[0], viewport={"width": width, "height": 800}) as view:
            for path in self.PATHS:
                page = view.open(path)
                page.wait_for_timeout(300)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path

    @pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
    def test_breaks_no_accessibility_rule(
        self, browser: Browser, served: tuple[str, InventedLabs], theme: Any, width: int
    ) -> None:
        size = {"width": width, "height": 900}
        with watched(browser, served[0], viewport=size, color_scheme=theme, reduced_motion="reduce") as view:
            for path in self.PATHS:
                page = view.open(path)
                page.wait_for_timeout(800)
                page.evaluate(AXE)
                found = page.evaluate("rules => axe.run({runOnly: rules})", RULES)["violations"]
                assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path

    def test_remembers_the_theme(self, view: Watched) -> None:
        page = view.open("/")
        before = page.evaluate("document.documentElement.dataset.theme")
        page.locator("#theme-toggle").click()
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") != before
