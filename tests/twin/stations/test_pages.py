"""The examples of the pages on machines and transport are lab files, and run as the pages say."""

import re
from pathlib import Path

import pytest

from tests.twin.stations.micro import run, start, visits
from twin.checks import check
from twin.lab import Lab, parse_lab

PAGES = Path(__file__).parents[3] / "docs" / "lab-files"
DAY_S = 86_400


def example(page: str) -> Lab:
    (text,) = re.findall(r"```yaml\n(.*?)```", (PAGES / page).read_text(encoding="utf-8"), re.DOTALL)
    return parse_lab(text, page)


@pytest.mark.parametrize("page", ["machines.md", "transport.md"])
def test_an_example_runs_and_brings_cases_through(page: str) -> None:
    model = run(start(example(page)), 21 * DAY_S)
    check(model)
    assert model.record.finished > 0


def test_the_overnight_programme_waits_for_its_time_and_the_rapid_one_for_nobody() -> None:
    model = run(start(example("machines.md")), 3 * DAY_S)
    clock = [round(started % DAY_S) for _, started, _ in visits(model, "processing")]
    assert any(16.5 * 3600 <= at < 17 * 3600 for at in clock)
    assert any(at < 16 * 3600 for at in clock)


def test_the_van_goes_at_nine_and_at_three() -> None:
    model = run(start(example("transport.md")), 10 * DAY_S)
    assert {started % DAY_S for _, started, _ in visits(model, "to_scanner")} == {9 * 3600, 15 * 3600}
