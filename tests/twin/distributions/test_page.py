"""The page on durations and counts names every kind, and each of its examples is valid and has the mean it states."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from tests.twin.distributions.known import duration
from twin.distributions import MICROSECONDS, Count
from twin.distributions.compound import KINDS
from twin.distributions.counts import Form

PAGE = Path(__file__).parents[3] / "docs" / "lab-files" / "distributions.md"
ROW = re.compile(
    r"^\| (?P<name>[^|]+) \|.* \| `(?P<example>[^`]+)` \| (?P<mean>[\d.]+) ?(?P<unit>\w*) \|$", re.MULTILINE
)
ROWS = [match.groupdict() for match in ROW.finditer(PAGE.read_text(encoding="utf-8"))]
DURATIONS = [row for row in ROWS if row["unit"]]
COUNTS = [row for row in ROWS if not row["unit"]]


def test_every_kind_is_on_the_page() -> None:
    assert sorted(row["name"].strip("`") for row in DURATIONS) == sorted(KINDS)
    tags = [get_args(form)[-1].tag for form in get_args(get_args(Form)[0])]
    assert sorted(row["name"].strip("`").removeprefix("a ") for row in COUNTS) == sorted(tags)


@pytest.mark.parametrize("row", DURATIONS, ids=lambda row: row["name"])
def test_a_duration_on_the_page_has_the_mean_it_states(row: dict[str, str]) -> None:
    stated = duration(yaml.safe_load(row["example"]))
    assert f"kind: {row['name'].strip('`')}," in row["example"]
    assert stated.mean_us() / MICROSECONDS[row["unit"]] == pytest.approx(float(row["mean"]), rel=1e-4)  # type: ignore[index]


@pytest.mark.parametrize("row", COUNTS, ids=lambda row: row["name"])
def test_a_count_on_the_page_has_the_mean_it_states(row: dict[str, str]) -> None:
    assert Count.model_validate(yaml.safe_load(row["example"])).mean() == pytest.approx(float(row["mean"]), rel=1e-4)
