"""The laws every run must obey, whoever ran it: what came in is out or in progress, once; nobody works while away."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from twin.items import AWAY, Case, Item
from twin.recorder import Recorder
from twin.stations import HandStation

if TYPE_CHECKING:
    from twin.model import LabModel


class BrokenLawError(AssertionError):
    """A run that broke a law of nature; its results are worthless."""


def check(model: "LabModel", recorder: Recorder | None = None, since_us: int | None = None) -> None:
    """Raise `BrokenLawError` when a run breaks a law; with a recorder started at `since_us`, Little's law too."""
    broken = [*_conservation(model), *_single_places(model), *_presence(model)]
    if recorder is not None and since_us is not None:
        broken += _littles_law(model, recorder, since_us)
    if broken:
        raise BrokenLawError(f"{model.lab.name}: " + "; ".join(broken))


def _conservation(model: "LabModel") -> Iterator[str]:
    came, left, here = model.initial + model.received, model.finished, len(model.open_cases)
    if came != left + here:
        yield f"{came} cases came, {left} left and {here} are here"


def _single_places(model: "LabModel") -> Iterator[str]:
    for case in model.open_cases.values():
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
    for pool in model.pools.values():
        if pool.busy_us > pool.present_us:
            yield f"{pool.name} worked {pool.busy_us} µs of {pool.present_us} present"
        if pool.busy < _working(model, pool.name):
            yield f"{pool.name}: more at work than busy"
    for group in model.machines.values():
        if group.busy != len(group.users):
            yield f"{group.name}: {group.busy} busy and {len(group.users)} in use"


def _working(model: "LabModel", pool: str) -> int:
    stations = {
        station.index
        for station in model.stations
        if isinstance(station, HandStation) and station.pool is not None and station.pool.name == pool
    }
    return sum(
        lineage[-1].step in stations and lineage[-1].started_us is not None
        for case in model.open_cases.values()
        for lineage in _placed(case)
    )


def _littles_law(model: "LabModel", recorder: Recorder, since_us: int) -> Iterator[str]:
    now = model.agenda.now
    spent = sum(finish.finished_us - max(finish.received_us, since_us) for finish in recorder.finishes)
    spent += sum(now - max(case.received_us, since_us) for case in model.open_cases.values())
    if spent != recorder.wip_us(now):
        yield f"cases spent {spent} µs here, but work in progress adds up to {recorder.wip_us(now)}"
