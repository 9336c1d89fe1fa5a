"""Turns cells into numbers and words, and notes each one that is wrong. Knows no workbook file and no lab."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from twin.workbook.mistakes import WorkbookMistake


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell's value and where it stands; `row` names the row or range it belongs to."""

    place: str
    row: str
    value: object


@dataclass(slots=True)
class Checks:
    """Reads cells one by one and keeps every mistake instead of stopping at the first.

    A wrong cell gives a placeholder, as does a cell that is None because its absence is already noted: whoever reads
    looks at `mistakes` before using what was read. A wrong number is nan, which no comparison finds wrong again.
    """

    mistakes: list[WorkbookMistake] = field(default_factory=list)

    def note(self, place: str, row: str, value: object, expected: str) -> None:
        """Keep one mistake."""
        self.mistakes.append(WorkbookMistake(place, row, value, expected))

    def refuse(self, cell: Cell, expected: str) -> None:
        """Keep a mistake about a cell."""
        self.note(cell.place, cell.row, cell.value, expected)

    def number(self, cell: Cell | None, least: float = 0.0, most: float = math.inf) -> float:
        """Return a cell's number, which must lie between two bounds."""
        if cell is None:
            return math.nan
        value = cell.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self.refuse(cell, f"expected a number{_between(least, most)}")
            return math.nan
        return float(value)

    def whole(self, cell: Cell | None, least: int = 0, blank: int | None = None) -> int:
        """Return a cell's whole number, at least so much; `blank` is what an empty cell stands for."""
        if cell is None:
            return least
        value = blank if cell.value is None else cell.value
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < least:
            self.refuse(cell, f"expected a whole number{_between(least, math.inf)}")
            return least
        return int(value)

    def flag(self, cell: Cell | None) -> bool:
        """Return a cell's 0 or 1; an empty cell is 0."""
        if cell is None or cell.value is None:
            return False
        if cell.value not in (0, 1):
            self.refuse(cell, "expected 0 or 1")
        return cell.value == 1

    def initial(self, cell: Cell | None, allowed: Collection[str]) -> str:
        """Return the first letter of a cell's word, small, which must be one of those allowed."""
        if cell is None:
            return ""
        found = cell.value.strip()[:1].lower() if isinstance(cell.value, str) else ""
        if found not in allowed:
            self.refuse(cell, f"expected a word that begins with {', '.join(allowed)}")
        return found

    def word(self, cell: Cell | None, allowed: Collection[str]) -> str:
        """Return a cell's word, which must be one of those allowed."""
        if cell is None:
            return ""
        found = cell.value.strip() if isinstance(cell.value, str) else ""
        if found not in allowed:
            self.refuse(cell, f"expected one of {', '.join(allowed)}")
        return found


def _between(least: float, most: float) -> str:
    return f", at least {least:g}" if most == math.inf else f", from {least:g} to {most:g}"
