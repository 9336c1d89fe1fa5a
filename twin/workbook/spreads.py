"""Reads distributions: of the task durations' table, and of the named rows that say how many. No other part."""

from collections.abc import Mapping, Sequence

from twin.workbook.cells import Cell, Checks
from twin.workbook.contents import Spread
from twin.workbook.names import HowMany, Task
from twin.workbook.sheets import Sheets, Table

_BOUNDS = ("Optimistic", "Most Likely", "Pessimistic")
_UNITS = {"s": "s", "m": "min", "h": "h"}
_SHAPES = {"Constant": "constant", "Triangular": "triangular", "PERT": "pert"}
_WHOLE_SHAPES = {"Constant": "constant", "IntTriangular": "rounded_triangular", "IntPERT": "rounded_pert"}


def read_durations(table: Table | None, checks: Checks) -> dict[Task, Spread]:
    """Return how long each task takes; nothing when the table or a column is missing."""
    if table is None or not table.has("Task", "Distribution", *_BOUNDS, "Units"):
        return {}
    return {task: _duration(table.row(task), checks) for task in Task}


def read_counts(sheets: Sheets, checks: Checks) -> dict[HowMany, Spread]:
    """Return how many blocks and slides there are of each kind: a distribution, then lowest, most likely, highest."""
    return {name: _count(sheets.named(name, width=4) or (None,) * 4, checks) for name in HowMany}


def _duration(row: Mapping[str, Cell], checks: Checks) -> Spread:
    unit = _UNITS.get(checks.initial(row.get("Units"), _UNITS), "")
    kind = _SHAPES.get(checks.word(row.get("Distribution"), _SHAPES), "")
    cells = [row.get(heading) for heading in _BOUNDS]
    if kind == "constant":
        value = checks.number(cells[1])
        return Spread(kind, value, value, value, unit)
    return _spread(kind, cells, [checks.number(cell) for cell in cells], unit, checks)


def _count(cells: Sequence[Cell | None], checks: Checks) -> Spread:
    kind = _WHOLE_SHAPES.get(checks.word(cells[0], _WHOLE_SHAPES), "")
    if kind == "constant":
        value = checks.whole(cells[2], least=1)
        return Spread(kind, value, value, value)
    return _spread(kind, cells[1:], [checks.whole(cell, least=1) for cell in cells[1:]], "", checks)


def _spread(kind: str, cells: Sequence[Cell | None], values: Sequence[float], unit: str, checks: Checks) -> Spread:
    low, mode, high = values
    for cell, value, before in zip(cells[1:], values[1:], values, strict=False):
        if cell is not None and value < before:
            checks.refuse(cell, f"expected at least the value before it, {before:g}")
    return Spread("constant" if low == high else kind, low, mode, high, unit)
