"""Worked examples come out to the microsecond, and one that does not is told."""

from dataclasses import replace

import pytest

from simulations.validation.deterministic import CASES_IN_ORDER, Case, Visited, judge_case


@pytest.mark.parametrize("case", CASES_IN_ORDER, ids=lambda case: f"{case.id}-{case.file}")
def test_every_moment_is_as_worked_out(case: Case) -> None:
    assert judge_case(case).reasons == ()


def test_a_moment_that_differs_by_a_microsecond_is_told() -> None:
    first = CASES_IN_ORDER[0]
    wrong = replace(first, visited=(Visited("serve", ended="2.5 4 5.5 7 8.5000000003"),))
    assert judge_case(wrong).reasons == ("serve ended 2.5 4 5.5 7 8.5, not 2.5 4 5.5 7 8.5000000003",)


def test_a_measure_that_differs_is_told() -> None:
    wrong = replace(CASES_IN_ORDER[0], measures={"finished": 4})
    assert judge_case(wrong).reasons == ("finished is 5.0, not 4",)
