"""Spells single steps of a lab document: carried, loaded into a machine. Which steps there are is `pathway`'s."""

from typing import Any

from twin.workbook.contents import CambridgeWorkbook, Spread
from twin.workbook.figures import duration, seconds
from twin.workbook.names import BatchSize, Journey, Runner, Staff, Task
from twin.workbook.staffing import GROUPS

URGENT = {"priority": "urgent"}
LAST = "last"
"""The workbook's model asks for most people and machines without a priority, which puts those requests behind all."""


def task(workbook: CambridgeWorkbook, name: Task) -> dict[str, Any]:
    """Return how long a task takes."""
    return duration(workbook.durations[name])


def handling(staff: Staff, spread: Spread) -> dict[str, Any]:
    """Return who loads or unloads a machine, and how long it takes."""
    return {"staff": GROUPS[staff], "duration": duration(spread)}


def programme(name: str, size: int, run: Spread, served_as: str = LAST, **more: Any) -> dict[str, Any]:
    """Return a programme that starts when exactly full, and only then."""
    return {"name": name, **more, "size": size, "run": duration(run), "served_as": served_as}


def carried(
    workbook: CambridgeWorkbook, name: str, per: str, staff: Staff, size: BatchSize, journey: Journey, **more: Any
) -> dict[str, Any]:
    """Return a walk with a full batch, or with one urgent item at once; there and back take equally long."""
    way = seconds(workbook.journeys[journey])
    transport = {
        "staff": GROUPS[staff],
        "size": workbook.batch_sizes[size],
        "alone": URGENT,
        "batches_line_up": True,
        "load": seconds(workbook.runner[Runner.LOADING]),
        "there": way,
        "unload": seconds(workbook.runner[Runner.UNLOADING]),
        "back": way,
        "served_as": "routine",
    }
    return {"name": name, "per": per, **more, "transport": transport}


def all_together(step: dict[str, Any]) -> dict[str, Any]:
    """Return the same walk where urgent items too wait for a full batch."""
    journey = {key: value for key, value in step["transport"].items() if key not in {"alone", "batches_line_up"}}
    return {**step, "transport": journey}
