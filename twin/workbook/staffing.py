"""Turns the workbook's half hours into a lab file's shifts. Knows no steps and no demand."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from twin.workbook.contents import Allocation
from twin.workbook.names import Machine, Staff

GROUPS: Mapping[Staff, str] = {
    Staff.RECEPTION: "reception_staff",
    Staff.BIOMEDICAL_SCIENTIST: "biomedical_scientists",
    Staff.CUT_UP_ASSISTANT: "cut_up_assistants",
    Staff.PROCESSING: "processing_staff",
    Staff.MICROTOMY: "microtomy_staff",
    Staff.STAINING: "staining_staff",
    Staff.SCANNING: "scanning_staff",
    Staff.CHECK: "check_staff",
    Staff.PATHOLOGIST: "pathologists",
}
MACHINES: Mapping[Machine, str] = {
    Machine.BONE_STATION: "bone_station",
    Machine.PROCESSOR: "processor",
    Machine.STAINER: "stainer",
    Machine.COVERSLIPPER: "coverslipper",
    Machine.SCANNER: "scanner",
    Machine.MEGA_SCANNER: "mega_scanner",
}
"""What a lab file calls the workbook's people and machines."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAYS = (0, 1, 2, 3, 4)


def staff_of(allocations: Mapping[Staff, Allocation]) -> dict[str, Any]:
    """Return the `staff` of a lab document."""
    return {group: {"shifts": _shifts(allocations[name])} for name, group in GROUPS.items()}


def machines_of(counts: Mapping[Machine, int]) -> dict[str, Any]:
    """Return the `machines` of a lab document."""
    return {group: {"count": counts[name]} for name, group in MACHINES.items()}


def _shifts(allocation: Allocation) -> list[dict[str, Any]]:
    """Return one shift for each run of half hours with equally many people; weekdays, the default, go unsaid."""
    days = {} if allocation.days == _WEEKDAYS else {"days": [_DAYS[day] for day in allocation.days]}
    shifts = []
    for people, run in groupby(range(48), key=lambda half: allocation.half_hours[half]):
        halves = list(run)
        if people:
            shifts.append({**days, "from": _clock(halves[0]), "to": _clock(halves[-1] + 1), "people": people})
    return shifts


def _clock(half: int) -> str:
    return f"{half // 2:02d}:{half % 2 * 30:02d}"
