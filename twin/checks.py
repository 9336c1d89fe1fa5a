"""The laws every run must obey, whoever ran it: what came in is out or in progress, once; nobody works while away."""

from array import array
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from twin.items import AWAY, Case, Item
from twin.stations import HandStation

if TYPE_CHECKING:
    from twin.model import LabModel


class BrokenLawError(AssertionError):
    """A run that broke a law of nature; its results are worthless."""


def check(model: "LabModel") -> None:
    """Raise `BrokenLawError` when a run breaks a law."""
    broken = [*_conservation(model), *_single_places(model), *_presence(model), *_littles_law(model)]
    if broken:
        raise BrokenLawError(f"{model.lab.name}: " + "; ".join(broken))


def _conservation(model: "LabModel") -> Iterator[str]:
    if model.record.wip != len(model.open_cases):
        yield f"{model.record.wip} cases came and did not leave, but {len(model.open_cases)} are here"


def _single_places(model: "LabModel") -> Iterator[str]:
    for case in model.open_cases:
        lineages = list(_placed(case))
        if not lineages:
            yield f"case {case.barcode} is nowhere"
        if any(lineage[:depth] in lineages for lineage in lineages for depth in range(1, len(lineage))):
            yield f"case {case.barcode} is in two places"
        for block in case.blocks:
            indices = [index for part in block.parts for index in part.indices]
            if len(indices) != len(set(indices)):
                yield f"a slide of block {block.barcode} is in two places"


def _placed(case: Case) -> Iterator[tuple[Item, ...]]:
    if case.step != AWAY:
        yield (case,)
    for specimen in case.specimens:
        if specimen.step != AWAY:
            yield (case, specimen)
        for block in specimen.blocks:
            if block.step != AWAY:
                yield (case, specimen, block)
            yield from ((case, specimen, block, part) for part in block.parts if part.step != AWAY)


def _presence(model: "LabModel") -> Iterator[str]:
    model.marks()
    at_work = _at_work(model)
    for pool in model.pools.values():
        if pool.busy_us > pool.present_us:
            yield f"{pool.name} worked {pool.busy_us} µs of {pool.present_us} present"
        if pool.busy < at_work[pool.name]:
            yield f"{pool.name}: more at work than busy"
    for group in model.machines.values():
        if group.busy != len(group.users):
            yield f"{group.name}: {group.busy} busy and {len(group.users)} in use"


def _at_work(model: "LabModel") -> Counter[str]:
    """Count the items being worked on by hand, by the group whose person is at them."""
    found: Counter[str] = Counter()
    for case in model.open_cases:
        for lineage in _placed(case):
            item = lineage[-1]
            station = model.stations[item.step] if item.step < len(model.stations) else None
            if isinstance(station, HandStation) and item.started_us is not None:
                staff = station.terms[item.kind].staff
                group = staff.group_at(item) if staff is not None else None
                found[group or ""] += 1
    return found


def _littles_law(model: "LabModel") -> Iterator[str]:
    """The time all cases spent here is the integral of how many were here: an identity, to the microsecond."""
    record, now = model.record, model.agenda.now
    spent = _spent(record.received_us, record.finished_us, record.since_us)
    spent += _spent(record.lost_received_us, record.lost_at_us, record.since_us)
    spent += sum(now - max(case.received_us, record.since_us) for case in model.open_cases)
    if spent != record.wip_us(now):
        yield f"cases spent {spent} µs here, but work in progress adds up to {record.wip_us(now)}"


def _spent(received_us: "array[int]", left_us: "array[int]", since_us: int) -> int:
    """Return the time between two columns, what lies before `since_us` left out, µs."""
    received = np.maximum(np.asarray(received_us, dtype=np.int64), since_us)
    return int((np.asarray(left_us, dtype=np.int64) - received).sum())
