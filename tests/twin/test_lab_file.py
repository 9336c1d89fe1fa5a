"""A lab file is refused with every mistake named: file, key path, value and what was expected."""

from pathlib import Path

import pytest
import yaml

from tests.twin.micro import always, constant, document, lab
from twin.lab import DAYS, Lab, LabFileError, json_schema, load_lab

SHIPPED = sorted((Path(__file__).parents[2] / "data" / "labs").glob("*.yaml"))


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "lab.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_lab_loads_and_says_what_it_rests_on(file: Path) -> None:
    shipped = load_lab(file)
    assert shipped.name == file.stem
    assert shipped.synthetic
    assert shipped.sources
    assert "ynthetic" in shipped.assumptions[0]


def test_all_mistakes_are_listed_with_their_paths(tmp_path: Path) -> None:
    wrong = document(
        staff={"hands": {"shifts": [{"from": "9", "to": "17:00", "people": 0}]}},
        steps=[{"name": "reporting", "per": "case", "staff": "hands", "duration": {**constant(1), "unit": "years"}}],
    )
    file = write(tmp_path, yaml.safe_dump(wrong))
    with pytest.raises(LabFileError) as caught:
        load_lab(file)
    paths = [mistake.path for mistake in caught.value.mistakes]
    assert "staff.hands.shifts[0].from" in paths
    assert "staff.hands.shifts[0].people" in paths
    assert any(path.startswith("steps[0].duration") for path in paths)
    assert str(file) in str(caught.value)


def test_contradictions_are_all_listed(tmp_path: Path) -> None:
    wrong = document(
        timezone="Mars/Olympus",
        steps=[
            {"name": "embedding", "per": "block", "staff": "hands", "duration": constant(1)},
            {"name": "reporting", "per": "case", "staff": "ghosts", "machine": "none", "duration": constant(1)},
        ],
        rework=[{"kind": "ihc", "probability": 1.0, "slides": {"weights": {1: 1}}}],
    )
    with pytest.raises(LabFileError) as caught:
        load_lab(write(tmp_path, yaml.safe_dump(wrong)))
    paths = [mistake.path for mistake in caught.value.mistakes]
    assert paths == [
        "timezone", "steps[1].staff", "steps[1].machine", "steps[0].per", "rework[0].return_to", "rework",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["a: [", "name: a\nname: b", "\x00", "- 1"])
def test_what_is_no_lab_file_at_all_is_a_clear_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(LabFileError):
        load_lab(write(tmp_path, text))


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(LabFileError, match="nowhere"):
        load_lab(tmp_path / "nowhere.yaml")


def test_an_unquoted_time_means_the_same_as_a_quoted_one(tmp_path: Path) -> None:
    text = yaml.safe_dump(document()).replace("'24:00'", "17:30")
    assert load_lab(write(tmp_path, text)).staff["hands"].shifts[0].end == 17 * 60 + 30


def test_a_batch_that_could_starve_is_refused() -> None:
    batch = {
        "machine": "oven",
        "programmes": [{"size": 5, "close": {"full": False}, "run": constant(1)}],
    }
    with pytest.raises(ValueError, match="closes it"):
        lab(machines={"oven": {"count": 1}}, steps=[{"name": "reporting", "per": "case", "batch": batch}])


def test_the_load_can_be_set_from_outside() -> None:
    assert lab().with_load(12).demand.cases_per_week == 12


def test_the_schema_names_every_part_and_uses_the_file_s_keys() -> None:
    schema = json_schema()
    assert set(Lab.model_fields) == set(schema["properties"])
    assert "from" in schema["$defs"]["Shift"]["properties"]


def test_more_staff_can_be_named() -> None:
    assert lab(staff={"hands": always(2)}).staff["hands"].shifts[0].people == 2


def test_every_key_of_a_lab_file_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "lab-files.md").read_text(encoding="utf-8")
    schema = json_schema()
    keys = {key for part in [schema, *schema["$defs"].values()] for key in part["properties"]}
    undocumented = {
        key for key in keys if f"`{key}`" not in text and f"`{key}:" not in text and f"`{{{key}:" not in text
    }
    assert undocumented - {"country", "subdivision", "kind", "unit", "weights", "people"} <= set(DAYS)
