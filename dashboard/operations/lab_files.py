"""A lab file that a command names: read, described, or made from a workbook.

What is wrong in it is told like every other wrong input, with its lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulations.documents import stress
from tracking.errors import InputMistakes, Mistake
from twin.lab import Lab, LabFileError, load_lab
from twin.lab import Mistake as NamedMistake
from twin.workbook import WorkbookError, WorkbookMistake, import_workbook, write_yaml


@dataclass(frozen=True, slots=True)
class LabMistake(Mistake):
    """One thing wrong in a lab file; ``told`` names line, key, value and what was expected, in one line."""

    told: str

    def __str__(self) -> str:
        return f"{self.file}: {self.told}"


def read_lab(file: Path) -> Lab:
    """Read and check a lab file; raises ``InputMistakes`` with everything that is wrong in it."""
    try:
        return load_lab(file)
    except LabFileError as error:
        raise InputMistakes([_told(error.file, mistake) for mistake in error.mistakes]) from None


def describe_lab(file: Path) -> str:
    """Return the STRESS-DES document of a lab file; raises ``InputMistakes`` for a wrong file."""
    return stress(read_lab(file))


def import_lab_workbook(workbook: Path, out: Path) -> str:
    """Write the lab file of a workbook and say so; raises ``InputMistakes`` with every wrong cell, writing nothing."""
    if out.exists():
        raise InputMistakes([Mistake("command line", "--out", str(out), "a file that does not exist yet")])
    try:
        document = import_workbook(workbook)
    except WorkbookError as error:
        raise InputMistakes([_cell(str(workbook), mistake) for mistake in error.mistakes]) from None
    write_yaml(document, out)
    lab = read_lab(out)
    return f"Wrote {out}: {lab.title}, {lab.demand.cases_per_week:.0f} cases a week, {len(lab.steps)} steps."


def _cell(file: str, mistake: WorkbookMistake) -> Mistake:
    return LabMistake(file, mistake.place or "file", str(mistake.value)[:80], mistake.expected, _one_line(str(mistake)))


def _told(file: str, mistake: NamedMistake) -> Mistake:
    value = str(mistake.value)[:80]
    return LabMistake(file, mistake.path or "file", value, _one_line(mistake.expected), _one_line(str(mistake)))


def _one_line(text: str) -> str:
    return " ".join(text.split())
