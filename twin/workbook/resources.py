"""Reads the table of resources: who is there in which half hour, and how many machines. No other table."""

from collections import Counter
from collections.abc import Mapping

from twin.workbook.cells import Cell, Checks
from twin.workbook.contents import Allocation
from twin.workbook.names import Machine, Staff
from twin.workbook.sheets import Table

DAY_FLAGS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
HALF_HOURS = tuple(f"{half // 2:02d}:{half % 2 * 30:02d}" for half in range(48))


def read_resources(table: Table | None, checks: Checks) -> tuple[dict[Staff, Allocation], dict[Machine, int]]:
    """Return the people by half hour and the machines; nothing when the table or a column is missing."""
    if table is None or not table.has("Resource", *DAY_FLAGS, *HALF_HOURS):
        return {}, {}
    staff = {name: _people(name, table, checks) for name in Staff}
    return staff, {name: _machines(table.row(name), checks) for name in Machine}


def _people(name: Staff, table: Table, checks: Checks) -> Allocation:
    row = table.row(name)
    days = tuple(day for day, heading in enumerate(DAY_FLAGS) if checks.flag(row.get(heading)))
    half_hours = tuple(checks.whole(row.get(heading), blank=0) for heading in HALF_HOURS)
    if row and not (days and any(half_hours)):
        checks.note(table.place, name, 0, "expected somebody to be there in some half hour of some day")
    return Allocation(days, half_hours)


def _machines(row: Mapping[str, Cell], checks: Checks) -> int:
    """Return how many machines there are: a lab file's machines stand ready at all hours, so each cell must agree."""
    if not row:
        return 0
    for heading in DAY_FLAGS:
        if row[heading].value != 1:
            checks.refuse(row[heading], "expected 1: machines stand ready on every day")
    usual = Counter(row[heading].value for heading in HALF_HOURS).most_common(1)[0][0]
    for heading in HALF_HOURS:
        if row[heading].value != usual:
            checks.refuse(row[heading], f"expected {usual} as in other half hours: machines stand ready at all hours")
    return checks.whole(next(row[heading] for heading in HALF_HOURS if row[heading].value == usual), least=1)
