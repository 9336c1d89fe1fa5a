"""What is wrong in a workbook, cell by cell, said so that the cell can be found and mended. Reads nothing itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkbookMistake:
    """One cell, row, table, sheet or name of a workbook that is wrong or missing."""

    place: str
    """Where it stands, such as `Task Durations!C14`; empty for the file as a whole."""
    row: str
    """The name of the row or range it belongs to; empty when it has none."""
    value: object
    expected: str

    def __str__(self) -> str:
        where = self.place or "(file)"
        named = f"{where} ({self.row})" if self.row else where
        return f"{named} = {_short(self.value)}: {self.expected}"


class WorkbookError(ValueError):
    """A workbook that cannot be imported, with everything that is wrong in it."""

    def __init__(self, file: str, mistakes: tuple[WorkbookMistake, ...]) -> None:
        self.file = file
        self.mistakes = mistakes
        lines = "\n".join(f"  {mistake}" for mistake in mistakes)
        super().__init__(f"{file}: {len(mistakes)} mistake(s)\n{lines}")


def _short(value: object) -> str:
    text = "(empty)" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
