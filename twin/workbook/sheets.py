"""Finds the tables and named cells of an Excel file, noting each that is not there. Judges no value."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell as ExcelCell
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from twin.workbook.cells import Cell, Checks
from twin.workbook.mistakes import WorkbookError, WorkbookMistake


@dataclass(frozen=True, slots=True)
class Table:
    """An Excel table: its headings and its rows, each known by what stands in the first column."""

    place: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    checks: Checks

    def row(self, name: str) -> dict[str, Cell]:
        """Return a row's cells by heading; a row that is not there once is noted, and none of its cells found."""
        found = [cells for row, cells in self.rows if row == name]
        if len(found) != 1:
            self.checks.note(self.place, name, None, f"expected one row of this name, found {len(found) or 'none'}")
            return {}
        return dict(zip(self.headings, found[0], strict=True))

    def has(self, *headings: str) -> bool:
        """Tell whether all these columns are there; each that is not is noted."""
        missing = [heading for heading in headings if heading not in self.headings]
        for heading in missing:
            self.checks.note(self.place, "", heading, "expected a column with this heading")
        return not missing


class Sheets:
    """The tables and names of one workbook."""

    def __init__(self, workbook: Workbook, checks: Checks) -> None:
        self._workbook = workbook
        self._checks = checks

    def table(self, sheet: str, name: str) -> Table | None:
        """Return a table of a sheet, or None when either is missing."""
        found = self._workbook[sheet] if sheet in self._workbook.sheetnames else None
        if not isinstance(found, Worksheet):
            self._checks.note(sheet, "", None, "expected a sheet of this name")
            return None
        if name not in found.tables:
            self._checks.note(sheet, name, None, "expected an Excel table of this name on this sheet")
            return None
        head, *body = _cells(found, found.tables[name].ref)
        rows = tuple(_row(sheet, cells) for cells in body)
        return Table(f"{sheet}!{found.tables[name].ref}", tuple(map(_heading, head)), rows, self._checks)

    def named(self, name: str, width: int = 1) -> tuple[Cell, ...] | None:
        """Return the cells of a defined name, which must be so many in a row, or None."""
        places = list(self._destinations(name))
        if len(places) != 1:
            self._checks.note(name, "", None, "expected a defined name of the workbook for one range of cells")
            return None
        sheet, reference = places[0]
        rows = _cells(self._workbook[sheet], reference.replace("$", ""))
        cells = tuple(Cell(f"{sheet}!{cell.coordinate}", name, cell.value) for row in rows for cell in row)
        if len(cells) != width:
            self._checks.note(f"{sheet}!{reference}", name, len(cells), f"expected {width} cell(s) in a row")
            return None
        return cells

    def _destinations(self, name: str) -> Iterator[tuple[str, str]]:
        defined = self._workbook.defined_names.get(name)
        for sheet, reference in defined.destinations if defined is not None else ():
            if sheet in self._workbook.sheetnames:
                yield sheet, reference


def open_sheets(path: Path, checks: Checks) -> Sheets:
    """Open a workbook, formulas as last calculated; raise `WorkbookError` when it cannot be read."""
    try:
        return Sheets(load_workbook(path, data_only=True), checks)
    except (OSError, BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, ParseError) as error:
        mistake = WorkbookMistake("", "", str(error), "expected an Excel workbook (.xlsx) that can be read")
        raise WorkbookError(str(path), (mistake,)) from error


def _cells(sheet: Any, reference: str) -> tuple[tuple[ExcelCell, ...], ...]:
    found = sheet[reference]
    return found if isinstance(found, tuple) else ((found,),)


def _row(sheet: str, cells: tuple[ExcelCell, ...]) -> tuple[str, tuple[Cell, ...]]:
    name = _heading(cells[0])
    return name, tuple(Cell(f"{sheet}!{cell.coordinate}", name, cell.value) for cell in cells)


def _heading(cell: ExcelCell) -> str:
    return "" if cell.value is None else str(cell.value).strip()
