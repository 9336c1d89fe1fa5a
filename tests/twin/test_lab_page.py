"""The pages on lab files name every key and every figure, and their first example runs."""

import re
from pathlib import Path

import pytest

from tests.twin.lab_parts import by_hand, in_machine
from tests.twin.micro import constant, lab
from twin.lab import DAYS, json_schema, parse_lab
from twin.simulate import simulate

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "lab-files.md").read_text(encoding="utf-8")
ALL_PAGES = PAGE + "".join(page.read_text(encoding="utf-8") for page in sorted((DOCS / "lab-files").glob("*.md")))


def test_every_key_of_a_lab_file_is_named() -> None:
    schema = json_schema()
    keys = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", {})}
    named = set(re.findall(r"\w+", " ".join(re.findall(r"```.*?```|`[^`]+`", ALL_PAGES, re.DOTALL))))
    assert keys - named <= set(DAYS)


def test_the_example_runs_as_it_says() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    result = simulate(parse_lab(text, "docs/lab-files.md"), seed=1)
    assert (result.weeks, result.warm_up_weeks, result.replications) == (4, 1, 5)
    assert result.measures["finished"].mean == pytest.approx(result.measures["arrived"].mean, rel=0.1)


def test_every_figure_of_a_simulation_is_explained() -> None:
    spec = lab(
        demand={"streams": [{"cases_per_week": 200, "priorities": {"urgent": 1, "routine": 1}}]},
        machines={"oven": {"count": 1}},
        steps=[in_machine(programme={"close": {"least": 1}}), by_hand("reporting", room=1, patience=constant(1))],
        run={"state_shares": ["reporting"], "weeks": 1, "warm_up_weeks": 0, "replications": 1},
    )
    measured = {name.partition(".")[0].removeprefix("lab_") for name in simulate(spec, seed=1).measures}
    assert measured >= {"tat_mean_d", "wait_p95_h", "refused_pct", "gave_up_pct", "state_pct", "empty_after_h"}
    explained = re.findall(r"`([a-z0-9_]+)[.A-Z]*`", PAGE[PAGE.index("## Measures") :])
    assert measured - set(explained) == set()
