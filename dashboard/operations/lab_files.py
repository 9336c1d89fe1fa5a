"""A lab file that a command names, read; what is wrong in it is told like every other wrong input, with its lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tracking.errors import InputMistakes, Mistake
from twin.lab import Lab, LabFileError, load_lab
from twin.lab import Mistake as NamedMistake


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


def _told(file: str, mistake: NamedMistake) -> Mistake:
    value = str(mistake.value)[:80]
    return LabMistake(file, mistake.path or "file", value, _one_line(mistake.expected), _one_line(str(mistake)))


def _one_line(text: str) -> str:
    return " ".join(text.split())
