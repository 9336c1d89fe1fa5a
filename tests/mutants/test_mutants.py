"""Every seeded fault is noticed by the tests that name it, and the list of them does not rot."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.faults import FAULTS, named
from tests.mutants.harness import REPO, FaultMistakeError, first_failure, judge_all, place, pristine_copy

SAMPLE = FAULTS[0]


@pytest.fixture(scope="module")
def pristine() -> Iterator[Path]:
    with pristine_copy() as folder:
        yield folder


def _tests_in(path: Path) -> set[str]:
    """The names under which pytest knows what is in a file, without their parameters."""
    found = {""}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {node.name, *(f"{node.name}::{inner.name}" for inner in node.body if hasattr(inner, "name"))}
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


def test_every_fault_can_still_be_put_in_and_its_name_is_its_own() -> None:
    places = {fault.name: (REPO / fault.file).read_text(encoding="utf-8").count(fault.old) for fault in FAULTS}
    assert {name: count for name, count in places.items() if count != 1} == {}
    assert len(places) == len(FAULTS)


def test_every_test_that_must_catch_a_fault_is_there() -> None:
    wanted = {test.partition("[")[0].partition("::")[::2] for fault in FAULTS for test in fault.caught_by}
    assert {(file, name) for file, name in wanted if name not in _tests_in(REPO / file)} == set()


def test_without_a_fault_its_tests_pass(pristine: Path) -> None:
    assert first_failure(pristine, SAMPLE.caught_by) is None


@pytest.mark.parametrize(("old", "count"), [("not to be found", 0), ("\n", r"\d+")])
def test_a_fault_whose_place_is_not_certain_is_refused(pristine: Path, old: str, count: object) -> None:
    with pytest.raises(FaultMistakeError, match=rf"its old text once in {SAMPLE.file}, found it {count} times"):
        place(replace(SAMPLE, old=old), pristine)


def test_a_test_that_is_not_there_catches_nothing(pristine: Path) -> None:
    with pytest.raises(FaultMistakeError, match="cannot be run"):
        first_failure(pristine, [f"{SAMPLE.caught_by[0]}_twice"])


def test_a_fault_that_survives_is_told() -> None:
    harmless = replace(SAMPLE, new=SAMPLE.old)
    assert [(verdict.fault, verdict.caught_by) for verdict in judge_all([harmless], jobs=1)] == [(harmless, None)]


def test_faults_are_chosen_by_a_part_of_their_name_or_file() -> None:
    assert SAMPLE in named(SAMPLE.name[:20])
    assert {fault.file for fault in named("twin/engine/slots")} == {"twin/engine/slots.py"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_fault_is_caught() -> None:
    assert [verdict.fault.name for verdict in judge_all(FAULTS, jobs=2) if verdict.caught_by is None] == []
