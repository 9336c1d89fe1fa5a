"""A duration or count that makes no sense is refused with what was expected."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from twin.distributions import Count, Duration

ONE = {"kind": "constant", "value": 1}


def complaint(what: Any, value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(what).validate_python(value)
    (error,) = caught.value.errors()
    return f"{error['loc'][-1] if error['loc'] else ''}: {error['msg'].removeprefix('Value error, ')}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (5, ": expected a duration such as {kind: constant, value: 5, unit: min}, its kind one of constant, uniform"),
        ({"kind": "normal", "mean": 5}, ": expected a duration such as"),
        ({**ONE, "unit": "years"}, "unit: Input should be 's', 'min', 'h' or 'd'"),
        ({"kind": "constant", "value": -1}, "value: Input should be greater than or equal to 0"),
        ({"kind": "constant", "value": float("nan")}, "value: Input should be a finite number"),
        ({"kind": "constant", "value": 1e7, "unit": "h"}, "constant: expected a mean of at most 1000 years"),
        ({"kind": "lognormal", "mean": 1}, "cv: Field required"),
        ({"kind": "lognormal", "mean": 1, "cv": 1, "sd": 1}, "sd: Extra inputs are not permitted"),
        ({"kind": "erlang", "mean": 1, "stages": 0}, "stages: Input should be greater than or equal to 1"),
        ({"kind": "weibull", "shape": 0.01, "scale": 1}, "shape: Input should be greater than or equal to 0.1"),
        ({"kind": "uniform", "low": 3, "high": 1}, "uniform: expected low ≤ high, got low 3, high 1"),
        ({"kind": "pert", "low": 1, "mode": 9, "high": 5}, "pert: expected low ≤ mode ≤ high, got low 1, mode 9"),
        ({"kind": "triangular", "low": 2, "mode": 1, "high": 5}, "triangular: expected low ≤ mode ≤ high"),
        ({"kind": "discrete", "values": [1, 2], "weights": [1]}, "discrete: expected as many weights as values, got 1"),
        ({"kind": "empirical", "values": [1], "weights": [0]}, "empirical: expected at least one weight above zero"),
        ({"kind": "empirical", "values": [1, 2], "weights": [1, 0], "smooth": True}, "empirical: expected at least"),
        ({"kind": "sequence", "values": []}, "sequence: expected at least one value"),
        ({"kind": "sum", "parts": []}, "sum: expected at least one part"),
        ({"kind": "sum", "parts": [{"duration": ONE}, {"duration": 3}]}, "duration: expected a duration such as"),
        ({"kind": "mixture", "parts": [{"weight": 0, "duration": ONE}]}, "mixture: expected at least one weight"),
    ],
)  # fmt: skip
def test_a_wrong_duration_is_refused_by_name(spec: Any, expected: str) -> None:
    assert complaint(Duration, spec).startswith(expected)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (-1, "whole number: Input should be greater than or equal to 0"),
        (1.5, ": expected a count: a whole number, {weights: {1: 80, 2: 20}}, or a kind of rounded_pert"),
        (True, ": expected a count"),
        ({"kind": "binomial"}, ": expected a count"),
        ({"weights": {1: 0}}, "weights: expected at least one weight above zero"),
        ({"kind": "rounded_pert", "low": 3, "mode": 2, "high": 5}, "rounded_pert: expected low ≤ mode ≤ high"),
        ({"kind": "geometric", "mean": 0.5}, "mean: Input should be greater than or equal to 1"),
        ({"kind": "poisson", "mean": 0}, "mean: Input should be greater than 0"),
    ],
)  # fmt: skip
def test_a_wrong_count_is_refused_by_name(spec: Any, expected: str) -> None:
    assert complaint(Count, spec).startswith(expected)
