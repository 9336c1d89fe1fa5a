"""How many: exact probabilities, drawn as often as they say."""

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from tests.twin.distributions.known import luck, z_of_mean
from twin.distributions import Count

WORKBOOK = {
    (1, 2, 5): [0.054592, 0.705419, 0.194521, 0.044592, 0.000877],
    (1, 3, 6): [0.012334, 0.155889, 0.585717, 0.186571, 0.05754, 0.00195],
    (5, 10, 20): [
        0.002715, 0.030009, 0.06448, 0.092713, 0.111668, 0.241809, 0.113453, 0.10012, 0.082972, 0.064056, 0.045326,
        0.028529, 0.015073, 0.00588, 0.001173, 0.000024,
    ],
    (1, 10, 50): [
        0.002677, 0.015078, 0.024079, 0.030663, 0.035614, 0.03931, 0.041992, 0.043829, 0.044955, 0.090959, 0.045051,
        0.044248, 0.043133, 0.041757, 0.040168, 0.038407, 0.036511, 0.034514, 0.032448, 0.030338, 0.02821, 0.026085,
        0.023983, 0.021921, 0.019914, 0.017976, 0.016117, 0.014347, 0.012674, 0.011104, 0.009642, 0.008291, 0.007053,
        0.005929, 0.004918, 0.004019, 0.003228, 0.002542, 0.001957, 0.001466, 0.001062, 0.000739, 0.000489, 0.000303,
        0.000171, 0.000085, 0.000034, 0.00001, 0.000001, 0.0,
    ],
}  # fmt: skip
"""Blocks and slides as the public Addenbrooke's workbook rounds them: low, mode, high and the chances from low on."""

COUNTS: dict[str, Any] = {
    "plain": 3,
    "weights": {"weights": {4: 1, 1: 3, 7: 0}},
    "pert": {"kind": "rounded_pert", "low": 1, "mode": 3, "high": 6},
    "triangular": {"kind": "rounded_triangular", "low": 0, "mode": 2, "high": 3},
    "geometric": {"kind": "geometric", "mean": 2.5},
    "poisson": {"kind": "poisson", "mean": 1.7},
}
parametrized = pytest.mark.parametrize("spec", COUNTS.values(), ids=COUNTS)


def count(spec: Any) -> Count:
    return Count.model_validate(spec)


@pytest.mark.parametrize("points", WORKBOOK, ids=str)
def test_rounded_pert_has_the_chances_of_the_workbook(points: tuple[int, int, int]) -> None:
    low, mode, high = points
    table = count({"kind": "rounded_pert", "low": low, "mode": mode, "high": high}).table()
    assert list(table) == list(range(low, high + 1))
    assert list(table.values()) == pytest.approx(WORKBOOK[points], abs=1e-6)


@pytest.mark.parametrize(("low", "mode", "high"), [(0, 2, 3), (1, 1, 4), (2, 6, 6), (5, 5, 5)])
def test_rounding_takes_everything_within_one_of_the_mode(low: int, mode: int, high: int) -> None:
    bottom, top = low - mode - 0.5, high - mode + 0.5
    width = top - bottom
    laws = {
        "rounded_triangular": stats.triang(-bottom / width, bottom, width),
        "rounded_pert": stats.beta(1 - 4 * bottom / width, 1 + 4 * top / width, bottom, width),
    }
    edges = [bottom, *range(low - mode, 0), *range(1, high - mode + 1), top]
    for kind, law in laws.items():
        table = count({"kind": kind, "low": low, "mode": mode, "high": high}).table()
        assert list(table.values()) == pytest.approx(np.diff(law.cdf(edges)), abs=1e-12)


def test_endless_families_have_the_chances_of_their_formula() -> None:
    for spec, law in ((COUNTS["geometric"], stats.geom(1 / 2.5)), (COUNTS["poisson"], stats.poisson(1.7))):
        table = count(spec).table()
        assert list(table.values()) == pytest.approx(law.pmf(list(table)), abs=1e-12)
        assert sum(table.values()) == pytest.approx(1, abs=1e-15)
        assert law.sf(max(table)) <= 1e-12


@parametrized
def test_counts_are_drawn_as_often_as_the_table_says(spec: Any) -> None:
    sample = np.array(count(spec).sample(luck(), 40_000))
    table = count(spec).table()
    assert set(sample) <= set(table)
    for number, chance in table.items():
        if 0.001 < chance < 1:
            assert abs(z_of_mean(sample == number, chance)) <= 4


@pytest.mark.parametrize(
    ("name", "mean", "least"),
    [("plain", 3, 3), ("weights", 1.75, 1), ("geometric", 2.5, 1), ("poisson", 1.7, 0), ("pert", 3.1269, 1)],
)
def test_mean_and_least(name: str, mean: float, least: int) -> None:
    assert count(COUNTS[name]).mean() == pytest.approx(mean, abs=1e-4)
    assert count(COUNTS[name]).least() == least


@parametrized
def test_what_is_written_is_what_is_read_back(spec: Any) -> None:
    assert count(count(spec).model_dump()) == count(spec)
    assert count(count(spec).model_dump(mode="json")).table() == count(spec).table()


def test_the_schema_says_a_whole_number_or_an_object() -> None:
    schema = TypeAdapter(Count).json_schema()
    forms = [schema["$defs"][form["$ref"].split("/")[-1]] if "$ref" in form else form for form in schema["oneOf"]]
    assert [form["type"] for form in forms] == ["integer"] + ["object"] * 5
