"""The examples in the documentation are labs that run."""

from pathlib import Path

import pytest

from tests.twin.engine.hours import go, start
from twin.lab import Lab, parse_lab

PAGES = Path(__file__).parents[3] / "docs" / "lab-files"


def example(page: str) -> Lab:
    text = (PAGES / f"{page}.md").read_text()
    return parse_lab(text.split("```yaml\n")[1].split("```")[0], f"{page}.md")


@pytest.mark.parametrize("page", ["people", "waiting"])
def test_an_example_runs_and_keeps_the_laws(page: str) -> None:
    model = go(start(example(page)), 24 * 28)
    assert model.record.finished > 100


def test_the_page_on_waiting_shows_every_rule() -> None:
    steps = example("waiting").steps
    assert {step.when_full for step in steps} > {"wait_before"}
    assert any(step.patience for step in steps)
    assert any(step.minimum_wait for step in steps)
    assert any(step.one_at_a_time for step in steps)


def test_the_page_on_people_shows_every_kind_of_group() -> None:
    groups = example("people").staff.values()
    assert {group.at_shift_end for group in groups} == {"finish", "pause", "hand_over"}
    assert {group.serves for group in groups} > {"all_at_once"}
    assert any(group.preempts for group in groups)
