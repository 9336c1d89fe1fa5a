"""Puts a lab document together from what a workbook says: the lab file's head, and where each part comes from."""

import re
from datetime import date
from pathlib import Path
from typing import Any

from twin.workbook.contents import CambridgeWorkbook
from twin.workbook.demand import attributes_of, demand_of
from twin.workbook.pathway import steps_of
from twin.workbook.reading import read_workbook
from twin.workbook.staffing import machines_of, staff_of

Document = dict[str, Any]
"""A lab file's contents, not yet checked: `twin.lab.Lab` does that."""

PRIORITIES = ("urgent", "priority", "cancer", "routine")
ASSUMPTIONS = (
    "Synthetic: the figures of a simulation model's workbook, not a laboratory's records.",
    "The pathway, who does what and whose turn comes first are the public Addenbrooke's model's; the figures are the "
    "workbook's.",
    "Runner times are taken as seconds, whatever their column is headed; the workbook's runner speed changes nothing.",
    "Processors start whenever a batch is full and somebody is there; no start at 16:30 is applied.",
    "No public holidays, and no summer time: every week is the workbook's week.",
)


def import_workbook(path: Path | str) -> Document:
    """Return the lab document of a workbook in the Cambridge layout.

    Raises `WorkbookError` with every wrong cell when the workbook cannot be used.
    """
    file = Path(path)
    return _document(file, read_workbook(file))


def _document(file: Path, workbook: CambridgeWorkbook) -> Document:
    return {
        "name": _name(file),
        "title": f"Imported from {file.name}",
        "synthetic": True,
        "assumptions": list(ASSUMPTIONS),
        "sources": [f"Workbook {file.name}"],
        "timezone": "UTC",
        "holidays": "none",
        "priorities": list(PRIORITIES),
        "attributes": attributes_of(workbook),
        "demand": demand_of(workbook),
        "staff": staff_of(workbook.staff),
        "machines": machines_of(workbook.machines),
        "steps": steps_of(workbook),
        "lab_tat_ends": "quality_check",
        "run": {"start": date(2024, 1, 1), "weeks": 10, "warm_up_weeks": 0, "replications": 30},
    }


def _name(file: Path) -> str:
    """Return the file's name as a lab's name: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "imported"
