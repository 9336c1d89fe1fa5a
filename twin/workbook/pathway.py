"""The pathway of the public Addenbrooke's model with a workbook's figures in it: which steps, who, how served.

The figures come from the workbook, the structure from the model's own process descriptions (reception to reporting).
"""

from collections.abc import Iterator
from typing import Any

from twin.workbook.contents import CambridgeWorkbook
from twin.workbook.figures import duration, figure, weights
from twin.workbook.names import BatchSize, Chance, Journey, Machine, Staff, Task
from twin.workbook.staffing import GROUPS, MACHINES
from twin.workbook.steps import LAST, all_together, carried, handling, programme, task

Steps = Iterator[dict[str, Any]]


def steps_of(workbook: CambridgeWorkbook) -> list[dict[str, Any]]:
    """Return the `steps` of a lab document."""
    before_slides = (_reception, _cut_up, _decalcification, _processing, _microtomy)
    parts = (*before_slides, _staining, _labelling, _scanning, _reporting)
    return [step for part in parts for step in part(workbook)]


def _reception(workbook: CambridgeWorkbook) -> Steps:
    staff = GROUPS[Staff.RECEPTION]
    sorting = task(workbook, Task.RECEIVE_AND_SORT)
    yield {"name": "reception", "per": "case", "staff": staff, "duration": sorting, "served_as": "urgent"}
    yield {"name": "booking_in", "per": "case", "staff": staff, "duration": _booking(workbook)}
    yield carried(workbook, "to_cut_up", "case", Staff.RECEPTION, BatchSize.TO_CUT_UP, Journey.TO_CUT_UP)


def _booking(workbook: CambridgeWorkbook) -> list[dict[str, Any]]:
    pre_booking = _part(workbook, workbook.chances[Chance.PRE_BOOKING], Task.PRE_BOOKING_INVESTIGATION)
    internal = _part(workbook, 1.0, Task.BOOKING_INTERNAL)
    external = _part(workbook, 1.0, Task.BOOKING_EXTERNAL)
    later = _part(workbook, workbook.chances[Chance.INVESTIGATION_EXTERNAL], Task.INVESTIGATION_EXTERNAL)
    return [
        {
            "when": {"origin": "internal"},
            "give": {"kind": "sum", "parts": [pre_booking, internal, *_internal_investigation(workbook)]},
        },
        {"give": {"kind": "sum", "parts": [pre_booking, external, later]}},
    ]


def _internal_investigation(workbook: CambridgeWorkbook) -> list[dict[str, Any]]:
    """Return the easy or the hard investigation: never both for one specimen."""
    easy, hard = workbook.chances[Chance.INVESTIGATION_EASY], workbook.chances[Chance.INVESTIGATION_HARD]
    if not hard:
        return [_part(workbook, easy, Task.INVESTIGATION_EASY)]
    shares = weights({Task.INVESTIGATION_EASY: easy, Task.INVESTIGATION_HARD: hard})
    parts = [{"weight": share, "duration": task(workbook, Task(name))} for name, share in shares.items()]
    return [{"probability": figure(easy + hard), "duration": {"kind": "mixture", "parts": parts}}]


def _part(workbook: CambridgeWorkbook, probability: float, name: Task) -> dict[str, Any]:
    often = {} if probability == 1 else {"probability": figure(probability)}
    return {**often, "duration": task(workbook, name)}


def _cut_up(workbook: CambridgeWorkbook) -> Steps:
    kinds = (
        ("bms", Staff.BIOMEDICAL_SCIENTIST, Task.CUT_UP_BMS),
        ("pool", Staff.CUT_UP_ASSISTANT, Task.CUT_UP_POOL),
        ("large", Staff.CUT_UP_ASSISTANT, Task.CUT_UP_LARGE),
    )
    yield {
        "name": "cut_up",
        "per": "specimen",
        "makes": "block",
        "staff": _ruled("cut_up_type", [(kind, GROUPS[staff]) for kind, staff, _ in kinds]),
        "duration": _ruled("cut_up_type", [(kind, task(workbook, name)) for kind, _, name in kinds]),
    }
    for kind, staff, _ in kinds:
        size, journey = BatchSize.TO_PROCESSING, Journey.TO_PROCESSING
        of_kind = {"cut_up_type": kind}
        yield carried(workbook, f"{kind}_to_processing", "specimen", staff, size, journey, when=of_kind)


def _ruled(attribute: str, values: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    *others, (_, last) = values
    return [*({"when": {attribute: name}, "give": value} for name, value in others), {"give": last}]


def _decalcification(workbook: CambridgeWorkbook) -> Steps:
    staff, durations = Staff.BIOMEDICAL_SCIENTIST, workbook.durations
    size = workbook.batch_sizes[BatchSize.BONE_STATION]
    yield {
        "name": "bone_station",
        "per": "block",
        "when": {"decalcification": "bone_station"},
        "batch": {
            "machine": MACHINES[Machine.BONE_STATION],
            "load": handling(staff, durations[Task.BONE_STATION_LOAD]),
            "unload": handling(staff, durations[Task.BONE_STATION_UNLOAD]),
            "programmes": [programme("decalcification", size, durations[Task.DECALCIFICATION])],
        },
    }
    by_hand = {"staff": GROUPS[staff], "served_as": LAST}
    oven = {"per": "block", "when": {"decalcification": "oven"}}
    yield {"name": "oven_loading", **oven, **by_hand, "duration": task(workbook, Task.OVEN_LOAD)}
    yield {"name": "oven", **oven, "duration": task(workbook, Task.DECALCIFICATION)}
    yield {"name": "oven_unloading", **oven, **by_hand, "duration": task(workbook, Task.OVEN_UNLOAD)}


def _processing(workbook: CambridgeWorkbook) -> Steps:
    durations = workbook.durations
    yield {
        "name": "processing",
        "per": "block",
        "batch": {
            "machine": MACHINES[Machine.PROCESSOR],
            "load": handling(Staff.PROCESSING, durations[Task.PROCESSOR_LOAD]),
            "unload": handling(Staff.PROCESSING, durations[Task.PROCESSOR_UNLOAD]),
            "programmes": list(_programmes(workbook)),
        },
    }
    by_hand = {"per": "block", "staff": GROUPS[Staff.PROCESSING], "served_as": LAST}
    yield {"name": "embedding", **by_hand, "duration": task(workbook, Task.EMBEDDING)}
    yield {"name": "cooling", "per": "block", "duration": task(workbook, Task.COOLING)}
    yield {"name": "trimming", **by_hand, "duration": task(workbook, Task.TRIMMING)}
    size, journey = BatchSize.TO_MICROTOMY, Journey.TO_MICROTOMY
    yield carried(workbook, "to_microtomy", "specimen", Staff.PROCESSING, size, journey)


def _programmes(workbook: CambridgeWorkbook) -> Steps:
    durations = workbook.durations
    regular, mega = workbook.batch_sizes[BatchSize.PROCESSOR], workbook.batch_sizes[BatchSize.PROCESSOR_MEGA]
    urgent, small = {"priority": "urgent"}, {"tissue": "small_surgical"}
    yield programme("urgent", regular, durations[Task.PROCESSING_URGENT], served_as="urgent", when=urgent)
    yield programme("small_surgical", regular, durations[Task.PROCESSING_SMALL], when=small)
    yield programme("mega", mega, durations[Task.PROCESSING_MEGA], when={"tissue": "mega"})
    yield programme("large_surgical", regular, durations[Task.PROCESSING_LARGE])


def _microtomy(workbook: CambridgeWorkbook) -> Steps:
    cuts = (
        ("levels", Task.MICROTOMY_LEVELS),
        ("serials", Task.MICROTOMY_SERIALS),
        ("larges", Task.MICROTOMY_LARGES),
        ("megas", Task.MICROTOMY_MEGAS),
    )
    yield {
        "name": "microtomy",
        "per": "block",
        "makes": "slide",
        "staff": GROUPS[Staff.MICROTOMY],
        "one_at_a_time": True,
        "duration": _ruled("cut", [(cut, task(workbook, name)) for cut, name in cuts]),
    }
    yield carried(workbook, "to_staining", "specimen", Staff.MICROTOMY, BatchSize.TO_STAINING, Journey.TO_STAINING)


def _staining(workbook: CambridgeWorkbook) -> Steps:
    durations, sizes = workbook.durations, workbook.batch_sizes
    mega = programme(
        "mega", sizes[BatchSize.STAINER_MEGA], durations[Task.STAINING_MEGA], when={"tissue": "mega"},
        load=handling(Staff.STAINING, durations[Task.STAINER_LOAD_MEGA]),
        unload=handling(Staff.STAINING, durations[Task.STAINER_UNLOAD_MEGA]),
        by_hand_after=duration(durations[Task.COVERSLIPPING_MEGA]),
    )  # fmt: skip
    regular = programme(
        "regular", sizes[BatchSize.STAINER], durations[Task.STAINING],
        load=handling(Staff.STAINING, durations[Task.STAINER_LOAD]),
        unload=handling(Staff.STAINING, durations[Task.STAINER_UNLOAD]),
    )  # fmt: skip
    stainer = {"machine": MACHINES[Machine.STAINER], "programmes": [mega, regular]}
    yield {"name": "staining", "per": "slide", "batch": stainer}
    yield _coverslipping(workbook)
    yield carried(workbook, "to_labelling", "specimen", Staff.MICROTOMY, BatchSize.TO_LABELLING, Journey.TO_LABELLING)


def _coverslipping(workbook: CambridgeWorkbook) -> dict[str, Any]:
    """Return coverslipping of regular slides: they come stained in full batches and so fill the same batches again."""
    durations = workbook.durations
    return {
        "name": "coverslipping",
        "per": "slide",
        "when": {"tissue": ["small_surgical", "large_surgical"]},
        "batch": {
            "machine": MACHINES[Machine.COVERSLIPPER],
            "load": handling(Staff.STAINING, durations[Task.COVERSLIPPER_LOAD]),
            "unload": handling(Staff.STAINING, durations[Task.COVERSLIPPER_UNLOAD]),
            "programmes": [
                programme("regular", workbook.batch_sizes[BatchSize.STAINER], durations[Task.COVERSLIPPING])
            ],
        },
    }


def _labelling(workbook: CambridgeWorkbook) -> Steps:
    yield {
        "name": "labelling",
        "per": "specimen",
        "staff": GROUPS[Staff.MICROTOMY],
        "for_each": "slide",
        "duration": task(workbook, Task.LABELLING),
    }
    yield carried(workbook, "to_scanning", "specimen", Staff.MICROTOMY, BatchSize.TO_SCANNING, Journey.TO_SCANNING)


def _scanning(workbook: CambridgeWorkbook) -> Steps:
    durations, sizes = workbook.durations, workbook.batch_sizes
    mega = programme(
        "mega", sizes[BatchSize.SCANNER_MEGA], durations[Task.SCANNING_MEGA], when={"tissue": "mega"},
        machine=MACHINES[Machine.MEGA_SCANNER],
        load=handling(Staff.SCANNING, durations[Task.SCANNER_LOAD_MEGA]),
        unload=handling(Staff.SCANNING, durations[Task.SCANNER_UNLOAD_MEGA]),
    )  # fmt: skip
    regular = programme(
        "regular", sizes[BatchSize.SCANNER], durations[Task.SCANNING],
        machine=MACHINES[Machine.SCANNER],
        load=handling(Staff.SCANNING, durations[Task.SCANNER_LOAD]),
        unload=handling(Staff.SCANNING, durations[Task.SCANNER_UNLOAD]),
    )  # fmt: skip
    yield {"name": "scanning", "per": "slide", "batch": {"programmes": [mega, regular]}}
    walk = carried(workbook, "to_check", "specimen", Staff.SCANNING, BatchSize.TO_CHECK, Journey.TO_CHECK)
    yield all_together(walk)


def _reporting(workbook: CambridgeWorkbook) -> Steps:
    check, pathologists = GROUPS[Staff.CHECK], GROUPS[Staff.PATHOLOGIST]
    yield {"name": "quality_check", "per": "case", "staff": check, "duration": task(workbook, Task.CHECK)}
    yield {"name": "assignment", "per": "case", "staff": check, "duration": task(workbook, Task.ASSIGNMENT)}
    yield {"name": "reporting", "per": "case", "staff": pathologists, "duration": task(workbook, Task.REPORT)}
