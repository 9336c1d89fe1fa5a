"""A workbook is refused with every wrong cell named: where it stands, whose it is, what was expected."""

from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook

from tests.twin.workbook.cambridge import put, save, workbook
from twin.workbook import WorkbookError, import_workbook

QUIET: list[list[float]] = [[0.0] * 24] * 6 + [[0.0] * 9 + [1.5] + [0.0] * 14]
"""One and a half specimens an hour on Sunday mornings."""


def mistakes(tmp_path: Path, spoil: Callable[[Workbook], None]) -> list[str]:
    book = workbook(QUIET, QUIET)
    spoil(book)
    with pytest.raises(WorkbookError) as caught:
        import_workbook(save(book, tmp_path))
    return [str(mistake) for mistake in caught.value.mistakes]


def test_every_wrong_cell_is_named_at_once_with_its_row_its_value_and_what_was_expected(tmp_path: Path) -> None:
    def spoil(book: Workbook) -> None:
        tasks = book["Task Durations"]
        tasks["B5"], tasks["C12"], tasks["F6"] = "Normal", "soon", "days"
        tasks["E7"] = 59
        book["Batch Sizes"]["B9"] = 30.5
        book["Arrival Schedules"]["I12"] = -1

    assert mistakes(tmp_path, spoil) == [
        "Arrival Schedules!I12 (8) = -1: expected a number, at least 0",
        "Task Durations!B5 (Receive and sort) = 'Normal': expected one of Constant, Triangular, PERT",
        "Task Durations!F6 (Pre-booking-in investigation) = 'days': expected a word that begins with s, m, h",
        "Task Durations!E7 (Booking-in (internal)) = 59: expected at least the value before it, 60",
        "Task Durations!C12 (Cut-up (BMS)) = 'soon': expected a number, at least 0",
        "Batch Sizes!B9 (Bone station (blocks)) = 30.5: expected a whole number, at least 1",
    ]


def test_an_empty_cell_of_a_formula_never_calculated_is_a_mistake(tmp_path: Path) -> None:
    def spoil(book: Workbook) -> None:
        book["Runner Times output"]["B2"] = "=1+1"

    assert mistakes(tmp_path, spoil) == [
        "Runner Times output!B2 ((reception, cutup)) = (empty): expected a number, at least 0",
    ]


def test_a_missing_sheet_table_name_row_or_column_is_a_mistake_of_its_own(tmp_path: Path) -> None:
    def spoil(book: Workbook) -> None:
        del book["Runner Times output"]
        del book["Arrival Schedules"].tables["ArrivalScheduleCancer"]
        del book.defined_names["ProbInternal"]
        book["Batch Sizes"]["A2"] = "Delivery (by pigeon)"
        book["Task Durations"]["F4"] = "Unit"

    assert mistakes(tmp_path, spoil) == [
        "Arrival Schedules (ArrivalScheduleCancer) = (empty): expected an Excel table of this name on this sheet",
        "Task Durations!A4:F52 = 'Units': expected a column with this heading",
        "Batch Sizes!A1:B15 (Delivery (reception to cut-up)) = (empty): expected one row of this name, found none",
        "Runner Times output = (empty): expected a sheet of this name",
        "ProbInternal = (empty): expected a defined name of the workbook for one range of cells",
    ]


def test_people_come_in_whole_numbers_on_flagged_days_and_machines_stand_ready_at_all_hours(tmp_path: Path) -> None:
    def spoil(book: Workbook) -> None:
        resources = book["Resource Allocation"]
        resources["B2"], resources["AA3"] = 2, 4.5
        resources["G12"], resources["I12"] = 0, 4
        for column in range(2, 9):
            resources.cell(4, column, 0)

    found = mistakes(tmp_path, spoil)
    assert [mistake.partition(":")[0] for mistake in found] == [
        "Resource Allocation!B2 (Booking-in staff) = 2",
        "Resource Allocation!AA3 (BMS) = 4.5",
        "Resource Allocation!A1",
        "Resource Allocation!G12 (Processing machine) = 0",
        "Resource Allocation!I12 (Processing machine) = 4",
    ]
    assert "(Cut-up assistant)" in found[2]


def test_chances_lie_between_0_and_1_and_those_that_exclude_each_other_add_up(tmp_path: Path) -> None:
    def spoil(book: Workbook) -> None:
        put(book, "ProbInternal", 75.6)
        put(book, "ProbDecalcBone", 0.96)
        put(book, "ProbBMSCutupUrgent", 0.7)

    others = "ProbBMSCutupUrgent, ProbPoolCutupUrgent"
    assert [mistake.partition(" ")[2] for mistake in mistakes(tmp_path, spoil)] == [
        "(ProbInternal) = 75.6: expected a number, from 0 to 1",
        "(ProbDecalcOven) = 0.05: expected at most 1 together with ProbDecalcBone, found 1.01",
        f"(ProbLargeCutupUrgent) = 0: expected exactly 1 together with {others}, found 0.9",
    ]


def test_how_many_are_whole_numbers_in_order(tmp_path: Path) -> None:
    def spoil(book: Workbook) -> None:
        put(book, "NumBlocksMega", "PERT", 1, 2, 5)
        put(book, "NumSlidesLarges", "IntPERT", 0, 3, 2)

    assert [mistake.partition(" ")[2] for mistake in mistakes(tmp_path, spoil)] == [
        "(NumBlocksMega) = 'PERT': expected one of Constant, IntTriangular, IntPERT",
        "(NumSlidesLarges) = 0: expected a whole number, at least 1",
        "(NumSlidesLarges) = 2: expected at least the value before it, 3",
    ]


def test_a_week_without_arrivals_is_a_mistake(tmp_path: Path) -> None:
    def spoil(book: Workbook) -> None:
        for hour in range(4, 28):
            book["Arrival Schedules"].cell(hour, 9, 0)

    assert mistakes(tmp_path, spoil) == [
        "Arrival Schedules!B3:I28 = 0: expected arrivals in some hour of the week",
    ]


@pytest.mark.parametrize("content", [None, b"no workbook"], ids=["missing", "not Excel"])
def test_what_is_no_workbook_at_all_is_a_clear_error(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "lab.xlsx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WorkbookError, match=r"lab\.xlsx: 1 mistake"):
        import_workbook(file)
