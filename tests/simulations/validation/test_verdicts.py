"""A figure is accepted only when it is right and when it is known well enough to be called right."""

import numpy as np
import pytest

from simulations.validation.verdicts import (
    Control,
    controlled,
    judge,
    judge_agreement,
    judge_bound,
    plain,
)

HEAD = ("T1", "a test", "a measure")
ORACLE = 5.0


def values(mean: float = ORACLE, spread: float = 0.1, count: int = 40, seed: int = 1) -> list[float]:
    """Replications whose mean and standard deviation are exactly as wished."""
    drawn = np.random.default_rng(seed).standard_normal(count)
    scattered = (drawn - drawn.mean()) / drawn.std(ddof=1)
    return list(mean + spread * scattered)


def test_a_right_and_narrow_figure_passes() -> None:
    verdict = judge(HEAD, values(), ORACLE, 0.02)
    assert verdict.passes
    assert verdict.mean == pytest.approx(ORACLE)
    assert verdict.half_width_pct == pytest.approx(100 * 2.0227 * 0.1 / 40**0.5 / ORACLE, rel=1e-3)


def test_a_wrong_oracle_is_refused() -> None:
    verdict = judge(HEAD, values(), ORACLE + 0.07, 0.02)
    assert verdict.reasons == ("off by -4.4 standard errors",)


def test_a_figure_just_within_3_89_standard_errors_passes() -> None:
    error = 0.1 / 40**0.5
    assert judge(HEAD, values(), ORACLE + 3.88 * error, 0.02).passes
    assert not judge(HEAD, values(), ORACLE + 3.90 * error, 0.02).passes


def test_a_sloppy_run_is_refused_though_its_mean_is_right() -> None:
    verdict = judge(HEAD, values(spread=1.0), ORACLE, 0.02)
    assert verdict.reasons == ("interval too wide: ± 6.4% of the oracle, at most 2.0%",)


def test_few_replications_are_refused() -> None:
    assert judge(HEAD, values(count=19), ORACLE, 0.02).reasons == ("only 19 replications, at least 20 are needed",)


def test_replications_without_the_measure_are_refused() -> None:
    lacking = [*values(), float("nan")]
    assert judge(HEAD, lacking, ORACLE, 0.02).reasons == ("1 of 41 replications have no such measure",)


def test_a_measure_without_scatter_must_be_right_to_the_last_digits() -> None:
    assert judge(HEAD, [ORACLE] * 20, ORACLE * (1 + 1e-12), 0.02).passes
    assert not judge(HEAD, [ORACLE] * 20, ORACLE * (1 + 1e-6), 0.02).passes


def lucky(seed: int) -> tuple[list[float], list[float]]:
    """Measure and control that share most of their luck; the control's mean is 2."""
    rng = np.random.default_rng(seed)
    shared, own = rng.standard_normal((2, 40))
    return list(ORACLE + 0.3 * shared + 0.03 * own), list(2 + shared)


def test_a_control_takes_shared_luck_out() -> None:
    measured, control = lucky(2)
    free = controlled(measured, [Control("arrived", control, 2.0)])
    assert free.error < plain(measured).error / 5
    assert abs(free.off_by(ORACLE)) < 3
    assert free.freedom == 38


def test_the_interval_with_controls_holds_what_it_promises() -> None:
    inside = 0
    for seed in range(400):
        measured, control = lucky(seed)
        free = controlled(measured, [Control("arrived", control, 2.0)])
        inside += abs(free.mean - ORACLE) <= free.half_width
    assert 0.92 <= inside / 400 <= 0.98


def test_nothing_hides_behind_a_control_that_is_itself_off() -> None:
    measured, control = lucky(3)
    wrong = [value + 5 for value in control]
    verdict = judge(HEAD, measured, ORACLE, 0.5, [Control("arrived", wrong, 2.0)])
    assert any(reason.startswith("control arrived off by") for reason in verdict.reasons)


def test_nothing_hides_behind_a_control_when_the_plain_mean_is_off() -> None:
    measured, control = lucky(4)
    shifted = [value + 0.4 for value in measured]
    moved = [value + 0.4 / 0.3 for value in control]
    verdict = judge(HEAD, shifted, ORACLE, 0.5, [Control("arrived", moved, 2.0)])
    assert any(reason.startswith("without controls off by") for reason in verdict.reasons)


def test_a_bound_must_be_kept_clearly() -> None:
    assert judge_bound(HEAD, values(), ORACLE + 0.1).passes
    assert not judge_bound(HEAD, values(), ORACLE + 0.01).passes
    assert not judge_bound(HEAD, values(), ORACLE - 0.1).passes


def test_two_estimates_agree_within_the_errors_of_both() -> None:
    assert judge_agreement(HEAD, values(), ORACLE + 0.3, error=0.1).passes
    assert not judge_agreement(HEAD, values(), ORACLE + 0.3, error=0.01).passes
