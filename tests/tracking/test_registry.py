"""Network files: the shipped ones are whole, and a wrong one is told everything that is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracking.errors import InputMistakes, NotFound
from tracking.registry import load_registry

NETWORKS = sorted((Path(__file__).parents[2] / "data" / "networks").glob("*.yaml"))

WRONG = """
network: bcps
name: Black Country
base: {base}
labs:
  - {{id: RL4, name: upper case, profile: large, cases_per_week: 1, cases_source: x, case_prefix: S}}
  - {{id: rna, name: no load, profile: large, cases_per_week: -3, cases_source: x, case_prefix: D}}
  - {{id: rbk, name: extra key, profile: large, cases_per_week: 3, cases_source: x, case_prefix: W, colour: red}}
"""
UNKNOWN_PROFILE = """
network: bcps
name: Black Country
base: {base}
labs:
  - {{id: rl4, name: x, profile: enormous, cases_per_week: 1, cases_source: x, case_prefix: S}}
  - {{id: rna, name: x, profile: small, cases_per_week: 1, cases_source: x}}
"""


def test_the_shipped_networks_have_seventeen_and_six_labs() -> None:
    registry = load_registry(NETWORKS)
    west_midlands = {"bcps": 4, "bsol": 3, "smp": 5, "nmsc": 5}
    counted = {name: sum(lab.network == name for lab in registry.labs.values()) for name in registry.networks}
    assert counted == west_midlands | {"npic": 6}


def test_every_shipped_lab_says_that_it_is_synthetic_and_where_its_load_is_from() -> None:
    for lab in load_registry(NETWORKS).labs.values():
        assert lab.synthetic
        assert lab.cases_source


def test_the_device_of_the_contracts_example_exists() -> None:
    assert load_registry(NETWORKS).devices["/bcps/rl4/microtome-3"].step == "microtomy"


def test_no_label_of_one_lab_can_be_read_as_anothers() -> None:
    labs = load_registry(NETWORKS).labs.values()
    prefixes = [lab.case_prefix for lab in labs]
    assert len(set(prefixes)) == len(prefixes)


def test_a_grouping_spans_network_files() -> None:
    (west_midlands,) = load_registry(NETWORKS).groupings
    assert len(west_midlands.labs) == 17


def test_an_unknown_lab_is_named() -> None:
    with pytest.raises(NotFound, match="'atlantis'"):
        load_registry(NETWORKS).lab("atlantis")


def _write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "wrong.yaml"
    file.write_text(text.format(base=NETWORKS[0].parent / "common" / "uk-histology.yaml"), encoding="utf-8")
    return file


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputMistakes) as error:
        load_registry([_write(tmp_path, WRONG)])
    fields = {mistake.field for mistake in error.value.mistakes}
    assert fields == {"labs.0.id", "labs.1.cases_per_week", "labs.2.colour"}
    assert all(str(mistake).startswith(str(tmp_path)) for mistake in error.value.mistakes)


def test_what_does_not_fit_together_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(InputMistakes) as error:
        load_registry([_write(tmp_path, UNKNOWN_PROFILE)])
    assert {mistake.field for mistake in error.value.mistakes} == {"labs.rl4.profile", "labs.rna"}


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("timezone: Europe/Lodnon", "timezone"),
        ("country: ZZ", "country"),
        ("groupings: [{id: all, name: All, labs: [rl4, atlantis]}]", "groupings.all.labs"),
    ],
)
def test_a_place_or_a_lab_that_does_not_exist_is_named(tmp_path: Path, line: str, field: str) -> None:
    lab = "- {id: rl4, name: x, profile: small, cases_per_week: 1, cases_source: x, case_prefix: S}"
    text = f"network: bcps\nname: x\nbase: {{base}}\n{line.replace('{', '{{').replace('}', '}}')}\nlabs:\n  {lab}\n"
    with pytest.raises(InputMistakes) as error:
        load_registry([_write(tmp_path, text.replace(lab, lab.replace("{", "{{").replace("}", "}}")))])
    assert [mistake.field for mistake in error.value.mistakes] == [field]


@pytest.mark.parametrize("text", ["", "- a list", "labs: [", "\x00"])
def test_a_file_that_is_no_network_file_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rubbish.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputMistakes):
        load_registry([file])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputMistakes, match=r"nowhere\.yaml"):
        load_registry([tmp_path / "nowhere.yaml"])
