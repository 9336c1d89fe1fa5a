"""Reads a workbook in the Cambridge layout, or refuses it with every wrong cell. Its meaning for a lab is `document`'s.

The layout is that of the configuration workbook of the public Addenbrooke's model (dighosp-des, histopath-bim-des).
"""

from pathlib import Path

from twin.workbook.cells import Checks
from twin.workbook.chances import read_chances
from twin.workbook.contents import CambridgeWorkbook, Week
from twin.workbook.mistakes import WorkbookError
from twin.workbook.names import BatchSize, Journey, Runner, Stream
from twin.workbook.resources import read_resources
from twin.workbook.sheets import Sheets, Table, open_sheets
from twin.workbook.spreads import read_counts, read_durations


def read_workbook(path: Path) -> CambridgeWorkbook:
    """Read a workbook; raise `WorkbookError` with every mistake when anything in it is wrong or missing."""
    checks = Checks()
    workbook = _read(open_sheets(path, checks), checks)
    if checks.mistakes:
        raise WorkbookError(str(path), tuple(checks.mistakes))
    return workbook


def _read(sheets: Sheets, checks: Checks) -> CambridgeWorkbook:
    staff, machines = read_resources(sheets.table("Resource Allocation", "Resources"), checks)
    return CambridgeWorkbook(
        arrivals={stream: _week(sheets.table("Arrival Schedules", stream), checks) for stream in Stream},
        staff=staff,
        machines=machines,
        durations=read_durations(sheets.table("Task Durations", "TaskDurations"), checks),
        batch_sizes=_batch_sizes(sheets.table("Batch Sizes", "BatchSizes"), checks),
        journeys=_journeys(sheets.table("Runner Times output", "tableRunnerDistances"), checks),
        runner={name: checks.number((sheets.named(name) or (None,))[0]) for name in Runner},
        chances=read_chances(sheets, checks),
        counts=read_counts(sheets, checks),
    )


def _week(table: Table | None, checks: Checks) -> Week:
    if table is None or not table.has("Hour"):
        return ()
    hours = [cells for name, cells in table.rows if name != "Total"]
    if len(table.headings) != 8 or len(hours) != 24:
        found = f"{len(table.headings)} columns, {len(hours)} hours"
        checks.note(table.place, "", found, "expected Hour and seven days across, 24 hours down")
        return ()
    week = tuple(tuple(checks.number(cells[day]) for cells in hours) for day in range(1, 8))
    if not any(map(sum, week)):
        checks.note(table.place, "", 0, "expected arrivals in some hour of the week")
    return week


def _batch_sizes(table: Table | None, checks: Checks) -> dict[BatchSize, int]:
    if table is None or not table.has("Batch Name", "Size"):
        return {}
    return {name: checks.whole(table.row(name).get("Size"), least=1) for name in BatchSize}


def _journeys(table: Table | None, checks: Checks) -> dict[Journey, float]:
    if table is None or not table.has("runner_journey"):
        return {}
    times = next((heading for heading in table.headings if heading != "runner_journey"), None)
    if times is None:
        checks.note(table.place, "", None, "expected a second column with the runners' times in seconds")
        return {}
    return {name: checks.number(table.row(name).get(times)) for name in Journey}
