"""The catalogue holds every system, each said as a lab file that names its sources, and counts what theory computes."""

from pathlib import Path

import pytest

from simulations.validation.catalogue import oracles
from simulations.validation.deterministic import CASES, CASES_IN_ORDER
from simulations.validation.inequalities import inequalities
from simulations.validation.oracle import ORACLES, Oracle
from simulations.validation.published import published, published_system
from simulations.validation.verdicts import FEWEST
from twin.lab import load_lab

NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 16, 17, 19, 20, 21, 23, 24, 25, 27, 28)
CASE_NUMBERS = (1, 2, 3, 4, 5, 6, 8, 9, 13, 15, 17, 18, 19, 20, 22)


def paths() -> list[Path]:
    paired = [system.path for one in inequalities(long=False) for system in one.systems]
    return [*(oracle.path for oracle in oracles()), *paired, *(case.path for case in CASES_IN_ORDER)]


def test_every_system_is_there() -> None:
    assert sorted({oracle.id for oracle in oracles()}, key=lambda name: int(name[1:])) == [f"Q{n}" for n in NUMBERS]
    assert [*dict.fromkeys(case.id for case in CASES_IN_ORDER)] == [f"D{n}" for n in CASE_NUMBERS]


def test_every_lab_file_is_tried_and_every_system_has_one() -> None:
    there = {*ORACLES.glob("*.yaml"), *CASES.glob("*.yaml")}
    assert {*paths()} == there


@pytest.mark.parametrize("path", sorted({*paths()}), ids=lambda path: path.stem)
def test_every_lab_file_says_what_it_is(path: Path) -> None:
    lab = load_lab(path)
    assert lab.name == path.stem
    assert lab.synthetic
    assert lab.sources
    assert (lab.timezone, lab.holidays) == ("UTC", "none")


@pytest.mark.parametrize("oracle", oracles(), ids=lambda oracle: f"{oracle.id}-{oracle.file}")
def test_every_control_is_known_of_the_same_system(oracle: Oracle) -> None:
    for measure in oracle.measures:
        for name in measure.controls:
            assert name != measure.kpi
            assert oracle.control(name, 1.0).kpi == name


def test_the_long_set_watches_longer_and_both_often_enough() -> None:
    for oracle in oracles():
        fast, long = oracle.lengths.fast, oracle.lengths.long
        assert long.hours * long.replications > 4 * fast.hours * fast.replications
        assert min(fast.replications, long.replications) >= FEWEST


def test_only_rare_states_are_asked_for_less_precisely() -> None:
    rough = [measure for oracle in oracles() for measure in oracle.measures if measure.precision is not None]
    assert all(measure.kpi.startswith("state_pct.") and measure.theory < 1.2 for measure in rough)


def test_published_figures_are_of_a_lab_that_ships() -> None:
    assert load_lab(published_system(long=False).path).name == published().lab
    assert all(figures.source for figures in published().sets)
