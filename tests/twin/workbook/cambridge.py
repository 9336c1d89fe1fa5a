"""Builds a workbook in the Cambridge layout, as Excel would save it, for tests to import, and to spoil first."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.table import Table
from openpyxl.worksheet.worksheet import Worksheet

Value = str | float | None
Week = Sequence[Sequence[float]]
"""Arrivals per hour: seven days from Monday, 24 hours each."""

OFFICE_DAYS = (1, 1, 1, 1, 1, 0, 0)
EVERY_DAY = (1,) * 7
HALF_HOURS = tuple(f"{half // 2:02d}:{half % 2 * 30:02d}" for half in range(48))

STAFF: dict[str, list[tuple[float, float, int]]] = {
    "Booking-in staff": [(7.5, 9, 2), (9, 12, 4), (12, 14, 2), (14, 17.5, 4), (17.5, 18.5, 2), (18.5, 20, 1)],
    "BMS": [(9, 12.5, 5), (13.5, 17.5, 5)],
    "Cut-up assistant": [(9, 12.5, 4), (13.5, 17.5, 4)],
    "Processing room staff": [(9, 12, 8), (12, 14, 4), (14, 17.5, 8)],
    "Microtomy staff": [(9, 12, 10), (12, 14, 5), (14, 17.5, 10)],
    "Staining staff": [(9, 12.5, 2), (13.5, 17.5, 2)],
    "Scanning staff": [(9, 17.5, 3)],
    "QC staff": [(9, 12, 6), (12, 14, 3), (14, 17.5, 6)],
    "Histopathologist": [(9, 10, 9), (10, 12, 18), (12, 14, 9), (14, 16.5, 18), (16.5, 17.5, 9)],
}
MACHINES = {
    "Bone station": 3,
    "Processing machine": 5,
    "Staining machine": 2,
    "Coverslip machine": 2,
    "Scanning machine (regular)": 5,
    "Scanning machine (megas)": 3,
}
TASKS = (
    ("Receive and sort", "PERT", 30, 60, 90, "s"),
    ("Pre-booking-in investigation", "PERT", 5, 10, 15, "m"),
    ("Booking-in (internal)", "PERT", 30, 60, 90, "s"),
    ("Booking-in (external)", "PERT", 60, 90, 120, "s"),
    ("Booking-in investigation (internal, easy)", "PERT", 1, 2, 3, "m"),
    ("Booking-in investigation (internal, hard)", "PERT", 5, 10, 15, "m"),
    ("Booking-in investigation (external)", "PERT", 2, 3, 5, "m"),
    ("Cut-up (BMS)", "PERT", 1, 1.5, 2, "m"),
    ("Cut-up (pool)", "PERT", 2, 3, 5, "m"),
    ("Cut-up (large specimens)", "PERT", 5, 10, 30, "m"),
    ("Load bone station", "PERT", 1, 2, 3, "m"),
    ("Decalc", "Constant", None, 24, None, "h"),
    ("Unload bone station", "PERT", 1, 2, 3, "m"),
    ("Load into decalc oven", "PERT", 10, 20, 30, "s"),
    ("Unload from decalc oven", "PERT", 10, 20, 30, "s"),
    ("Load processing machine", "PERT", 3, 4, 5, "m"),
    ("Unload processing machine", "PERT", 3, 4, 5, "m"),
    ("Processing machine (urgent)", "Constant", 2.3, 2.3, 2.3, "hours"),
    ("Processing machine (small surgicals)", "Constant", None, 13 + 5 / 6, None, "h"),
    ("Processing machine (large surgicals)", "Constant", None, 15 + 5 / 6, None, "h"),
    ("Processing machine (megas)", "Constant", None, 26, None, "h"),
    ("Embedding", "PERT", 30, 60, 90, "s"),
    ("Embedding (cooldown)", "PERT", 4, 5, 6, "m"),
    ("Block trimming", "PERT", 20, 30, 40, "s"),
    ("Microtomy (serials)", "PERT", 3, 4, 6, "m"),
    ("Microtomy (levels)", "PERT", 2, 3, 4, "m"),
    ("Microtomy (larges)", "PERT", 1.5, 2, 2.5, "m"),
    ("Microtomy (megas)", "PERT", 4, 5, 6, "m"),
    ("Load staining machine (regular)", "PERT", 3, 4, 5, "m"),
    ("Load staining machine (megas)", "PERT", 3, 4, 5, "m"),
    ("Staining (regular)", "PERT", 35, 40, 45, "m"),
    ("Staining (megas)", "PERT", 35, 40, 45, "m"),
    ("Unload staining machine (regular)", "PERT", 3, 4, 5, "m"),
    ("Unload staining machine (megas)", "PERT", 3, 4, 5, "m"),
    ("Load coverslip machine (regular)", "PERT", 3, 4, 5, "m"),
    ("Coverslipping (regular)", "PERT", 10, 15, 20, "m"),
    ("Coverslipping (megas)", "PERT", 1, 1.5, 2, "m"),
    ("Unload coverslip machine (regular)", "PERT", 3, 4, 5, "m"),
    ("Labelling", "PERT", 10, 15, 20, "s"),
    ("Load scanning machine (regular)", "PERT", 3, 4, 5, "m"),
    ("Load scanning machine (megas)", "PERT", 1, 2, 3, "m"),
    ("Scanning (regular)", "PERT", 35, 40, 45, "m"),
    ("Scanning (megas)", "PERT", 35, 40, 45, "m"),
    ("Unload scanning machine (regular)", "PERT", 3, 4, 5, "m"),
    ("Unload scanning machine (megas)", "PERT", 1, 2, 3, "m"),
    ("Block and quality check", "PERT", 2, 5, 10, "m"),
    ("Assign histopathologist", "PERT", 60, 90, 120, "s"),
    ("Write histopathological report", "PERT", 15, 20, 30, "m"),
)
BATCHES = {
    "Delivery (reception to cut-up)": 50,
    "Delivery (cut-up to processing)": 50,
    "Delivery (processing to microtomy)": 50,
    "Delivery (microtomy to staining)": 50,
    "Delivery (staining to labelling)": 50,
    "Delivery (labelling to scanning)": 50,
    "Delivery (scanning to QC)": 50,
    "Bone station (blocks)": 30,
    "Processing machine (regular blocks)": 300,
    "Processing machine (mega blocks)": 36,
    "Staining (regular slides)": 300,
    "Staining (mega slides)": 36,
    "Scanning (regular slides)": 150,
    "Scanning (mega slides)": 10,
}
JOURNEYS = {
    "(reception, cutup)": 8.452305794138642,
    "(cutup, processing)": 6.968697389230382,
    "(processing, microtomy)": 28.08925565098879,
    "(microtomy, staining)": 3.678511301977579,
    "(staining, labelling)": 3.678511301977579,
    "(labelling, scanning)": 86.89847882754336,
    "(scanning, qc)": 86.89847882754337,
}
SINGLE = {
    "runnerSpeed": 1.2,
    "runnerLoadingTime": 15,
    "runnerUnloadingTime": 15,
    "ProbInternal": 0.756,
    "ProbUrgentCancer": 0.0987053225627974,
    "ProbUrgentNonCancer": 0.09245534017483846,
    "ProbPriorityCancer": 0.12006196746707978,
    "ProbPriorityNonCancer": 0.0417141771189662,
    "ProbPrebook": 0.05,
    "ProbInvestEasy": 0.05,
    "ProbInvestHard": 0.01,
    "ProbInvestExternal": 0.03,
    "ProbBMSCutup": 0.5,
    "ProbBMSCutupUrgent": 0.8,
    "ProbLargeCutup": 0.25,
    "ProbLargeCutupUrgent": 0,
    "ProbPoolCutup": 0.25,
    "ProbPoolCutupUrgent": 0.2,
    "ProbMegaBlocks": 0.14,
    "ProbDecalcBone": 0.02,
    "ProbDecalcOven": 0.05,
    "ProbMicrotomyLevels": 0.75,
}
COUNTS = {
    "NumBlocksLargeSurgical": ("IntPERT", 1, 10, 50),
    "NumBlocksMega": ("IntPERT", 1, 2, 5),
    "NumSlidesLarges": ("IntPERT", 1, 3, 6),
    "NumSlidesLevels": ("IntPERT", 1, 3, 6),
    "NumSlidesMegas": ("IntPERT", 1, 2, 5),
    "NumSlidesSerials": ("IntPERT", 5, 10, 20),
}


def workbook(cancer: Week, non_cancer: Week) -> Workbook:
    """Return Addenbrooke's workbook with these arrivals."""
    book = Workbook()
    book.remove(book.worksheets[0])
    arrivals = book.create_sheet("Arrival Schedules")
    _table(arrivals, "ArrivalScheduleCancer", "B3", _arrivals(cancer))
    _table(arrivals, "ArrivalScheduleNonCancer", "K3", _arrivals(non_cancer))
    heading = ("Resource", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN", *HALF_HOURS)
    _table(book.create_sheet("Resource Allocation"), "Resources", "A1", [heading, *_resources()])
    bounds = ("Task", "Distribution", "Optimistic", "Most Likely", "Pessimistic", "Units")
    _table(book.create_sheet("Task Durations"), "TaskDurations", "A4", [bounds, *TASKS])
    _table(book.create_sheet("Batch Sizes"), "BatchSizes", "A1", [("Batch Name", "Size"), *BATCHES.items()])
    times: list[Sequence[Value]] = [("runner_journey", "distance_m"), *JOURNEYS.items()]
    _table(book.create_sheet("Runner Times output"), "tableRunnerDistances", "A1", times)
    _names(book, book.create_sheet("Globals"))
    return book


def put(book: Workbook, name: str, *values: Value) -> None:
    """Write other values into the cells of a defined name."""
    sheet, _, reference = book.defined_names[name].attr_text.partition("!")
    first = book[sheet][reference.replace("$", "").partition(":")[0]]
    for across, value in enumerate(values):
        book[sheet].cell(first.row, first.column + across, value)


def save(book: Workbook, folder: Path) -> Path:
    """Write a workbook to a folder and return its file."""
    file = folder / "Cambridge base.xlsx"
    book.save(file)
    return file


def _arrivals(week: Week) -> Iterable[Sequence[Value]]:
    yield ("Hour", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    yield from ((hour, *(day[hour] for day in week)) for hour in range(24))
    yield ("Total", *(sum(day) for day in week))


def _resources() -> Iterable[Sequence[Value]]:
    for name, shifts in STAFF.items():
        halves = [sum(n for start, end, n in shifts if start <= half / 2 < end) or None for half in range(48)]
        yield (name, *OFFICE_DAYS, *halves)
    for name, count in MACHINES.items():
        yield (name, *EVERY_DAY, *[count] * 48)


def _table(sheet: Worksheet, name: str, corner: str, rows: Iterable[Sequence[Value]]) -> None:
    first = sheet[corner]
    last = first
    for down, values in enumerate(rows):
        for across, value in enumerate(values):
            last = sheet.cell(first.row + down, first.column + across, value)
    sheet.add_table(Table(displayName=name, ref=f"{corner}:{last.coordinate}"))


def _names(book: Workbook, sheet: Worksheet) -> None:
    ranges: dict[str, Sequence[Value]] = {**{name: (value,) for name, value in SINGLE.items()}, **COUNTS}
    for row, (name, values) in enumerate(ranges.items(), start=2):
        for column, value in enumerate(values, start=3):
            sheet.cell(row, column, value)
        end = f":${get_column_letter(2 + len(values))}${row}" if len(values) > 1 else ""
        book.defined_names[name] = DefinedName(name, attr_text=f"Globals!$C${row}{end}")
