"""Reads the named cells that hold probabilities, and sees that those which exclude each other add up. Nothing else."""

from twin.workbook.cells import Cell, Checks
from twin.workbook.names import Chance
from twin.workbook.sheets import Sheets

_ROUNDING = 1e-9
_AT_MOST_ONE = (
    (Chance.URGENT_CANCER, Chance.PRIORITY_CANCER),
    (Chance.URGENT_NON_CANCER, Chance.PRIORITY_NON_CANCER),
    (Chance.INVESTIGATION_EASY, Chance.INVESTIGATION_HARD),
    (Chance.BONE_STATION, Chance.OVEN),
)
_EXACTLY_ONE = (
    (Chance.BMS, Chance.POOL, Chance.LARGE),
    (Chance.BMS_URGENT, Chance.POOL_URGENT, Chance.LARGE_URGENT),
)


def read_chances(sheets: Sheets, checks: Checks) -> dict[Chance, float]:
    """Return every probability."""
    cells = {name: (sheets.named(name) or (None,))[0] for name in Chance}
    chances = {name: checks.number(cell, most=1) for name, cell in cells.items()}
    for names in (*_AT_MOST_ONE, *_EXACTLY_ONE):
        total = sum(chances[name] for name in names)
        short = names in _EXACTLY_ONE and total < 1 - _ROUNDING
        if short or total > 1 + _ROUNDING:
            _refuse_total(cells[names[-1]], names, total, checks)
    return chances


def _refuse_total(cell: Cell | None, names: tuple[Chance, ...], total: float, checks: Checks) -> None:
    if cell is not None:
        how = "exactly" if names in _EXACTLY_ONE else "at most"
        checks.refuse(cell, f"expected {how} 1 together with {', '.join(names[:-1])}, found {total:g}")
