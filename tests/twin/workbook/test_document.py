"""What a Cambridge workbook says becomes a lab that `twin.lab` accepts, and a file that people can read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from openpyxl import Workbook

from tests.twin.workbook.cambridge import Week, put, save, workbook
from twin.lab import Lab, load_lab
from twin.workbook import import_workbook, write_yaml

LABS = Path(__file__).parents[3] / "data" / "labs"
SAID_OF_IT = {"name", "title", "assumptions", "sources"}
"""What a lab file says about itself, not about the lab."""


def shipped(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((LABS / f"{name}.yaml").read_text(encoding="utf-8"))
    return document


def arrivals(document: dict[str, Any]) -> list[Week]:
    return [list(stream["profile"].values()) for stream in document["demand"]["streams"]]


def imported(folder: Path, change: Callable[[Workbook], None] | None = None) -> dict[str, Any]:
    book = workbook(*arrivals(shipped("addenbrookes")))
    if change is not None:
        change(book)
    return import_workbook(save(book, folder))


def step(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(step for step in document["steps"] if step["name"] == name)


def test_addenbrookes_workbook_is_the_lab_that_is_shipped(tmp_path: Path) -> None:
    ours, theirs = shipped("addenbrookes"), imported(tmp_path)
    for key in SAID_OF_IT:
        del ours[key], theirs[key]
    assert theirs == ours


def test_what_is_imported_is_written_as_a_lab_file_that_loads(tmp_path: Path) -> None:
    document, file = imported(tmp_path), tmp_path / "lab.yaml"
    write_yaml(document, file)
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == document
    assert load_lab(file).name == "cambridge-base"


def test_a_written_lab_file_is_easy_on_the_eye(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    write_yaml(imported(tmp_path), file)
    text = file.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 120
    assert '- {from: "07:30", to: "09:00", people: 2}' in text
    assert "give: {bms: 80, pool: 20, large: 0}" in text
    assert "&id" not in text


def test_a_triangular_task_is_triangular_and_one_without_spread_is_constant(tmp_path: Path) -> None:
    def change(book: Workbook) -> None:
        tasks = book["Task Durations"]
        tasks["B5"] = "Triangular"
        tasks["C9"], tasks["D9"], tasks["E9"] = 7, 7, 7
        put(book, "NumBlocksLargeSurgical", "IntTriangular", 1, 10, 50)
        put(book, "NumBlocksMega", "Constant", None, 2, None)

    document = imported(tmp_path, change)
    sorting = step(document, "reception")["duration"]
    assert sorting == {"kind": "triangular", "low": 30, "mode": 60, "high": 90, "unit": "s"}
    assert {"kind": "constant", "value": 7, "unit": "min"} in _everything(step(document, "booking_in"))
    _, large, mega = document["demand"]["blocks_per_specimen"]
    assert large["give"] == {"kind": "rounded_triangular", "low": 1, "mode": 10, "high": 50}
    assert mega["give"] == 2
    Lab.model_validate(document)


def _everything(part: Any) -> list[Any]:
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [part, *(found for child in children for found in _everything(child))]


def test_half_hours_become_shifts_up_to_midnight_on_the_flagged_days(tmp_path: Path) -> None:
    def change(book: Workbook) -> None:
        resources = book["Resource Allocation"]
        for column in range(2, 57):
            resources.cell(3, column, 1 if column in {3, 8} else 0)
        resources["I3"], resources["BD3"] = 1, 2

    assert imported(tmp_path, change)["staff"]["biomedical_scientists"]["shifts"] == [
        {"days": ["tue", "sun"], "from": "00:00", "to": "00:30", "people": 1},
        {"days": ["tue", "sun"], "from": "23:30", "to": "24:00", "people": 2},
    ]


@pytest.mark.parametrize(
    ("easy", "hard", "probability"),
    [(0.05, 0, 0.05), (0, 0.01, 0.01), (0, 0, 0)],
    ids=["only easy ones", "only hard ones", "none"],
)
def test_an_internal_specimen_is_investigated_as_often_as_the_workbook_says(
    tmp_path: Path, easy: float, hard: float, probability: float
) -> None:
    def change(book: Workbook) -> None:
        put(book, "ProbInvestEasy", easy)
        put(book, "ProbInvestHard", hard)

    document = imported(tmp_path, change)
    internal, _ = step(document, "booking_in")["duration"]
    assert internal["give"]["parts"][-1]["probability"] == probability
    Lab.model_validate(document)


def test_without_the_lift_only_the_two_ways_between_the_floors_take_longer() -> None:
    for name in ("addenbrookes", "addenbrookes-as-shipped"):
        usual, lift = shipped(name), shipped(f"{name}-lift-out-of-order")
        for way in ("to_scanning", "to_check"):
            for leg in ("there", "back"):
                assert step(usual, way)["transport"].pop(leg)["value"] == pytest.approx(86.898, abs=0.001)
                assert step(lift, way)["transport"].pop(leg)["value"] == pytest.approx(155.863, abs=0.001)
        assert {key for key in usual if usual[key] != lift[key]} <= SAID_OF_IT


def test_the_published_code_departs_from_its_workbook_in_four_figures() -> None:
    workbook_says, code_does = shipped("addenbrookes"), shipped("addenbrookes-as-shipped")
    by_name = [{attribute["name"]: attribute for attribute in lab["attributes"]} for lab in (workbook_says, code_does)]
    assert [name for name in by_name[0] if by_name[0][name] != by_name[1][name]] == ["tissue"]
    assert workbook_says["steps"][2:] == code_does["steps"][2:]
    (cancer, others), demand = code_does["demand"].pop("streams"), workbook_says["demand"]
    assert cancer["priorities"] == others["priorities"]
    assert [cancer["profile"], others] == [demand["streams"][0]["profile"], demand.pop("streams")[1]]
    assert [key for key in demand if demand[key] != code_does["demand"][key]] == ["slides_per_block"]
    others_of_lab = {key for key in workbook_says if workbook_says[key] != code_does[key]} - SAID_OF_IT
    assert others_of_lab == {"attributes", "demand", "steps"}
