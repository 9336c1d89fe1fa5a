"""Labs whose every moment can be worked out by hand, told in hours from a midnight on which everything starts.

An hour that is off by a microsecond compares unequal: whole microseconds divide to floats that stand far enough apart.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from simpy import Environment

from twin.calendars import Timetable
from twin.checks import check
from twin.distributions import HOUR
from twin.engine.agenda import run_until
from twin.lab import Lab
from twin.model import LabModel
from twin.observe import Observer
from twin.snapshot import LabState
from twin.stations import HandStation
from twin.variates import Streams

EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def h(value: float) -> dict[str, Any]:
    """So many hours."""
    return {"kind": "constant", "value": value, "unit": "h"}


def in_turn(*hours: float) -> dict[str, Any]:
    """These hours one after the other."""
    return {"kind": "sequence", "values": list(hours), "unit": "h"}


def by_class(**hours: float) -> list[dict[str, Any]]:
    """So many hours for each priority class; the last stands for all others too."""
    rules = [{"when": {"priority": name}, "give": h(value)} for name, value in hours.items()]
    return [*rules[:-1], {"give": rules[-1]["give"]}]


def coming(*moments: float, **stream: Any) -> dict[str, Any]:
    """Cases that come at these hours."""
    return {"at": list(moments), **stream}


def classes(**moments: Sequence[float]) -> list[dict[str, Any]]:
    """One stream for each priority class."""
    return [coming(*at, name=name, priorities={name: 1}) for name, at in moments.items()]


def shift(start: str, end: str, people: int = 1) -> dict[str, Any]:
    """So many people between two clock times, every day."""
    return {"days": EVERY_DAY, "from": start, "to": end, "people": people, "holidays": True}


def lab(*steps: Mapping[str, Any], streams: Sequence[Mapping[str, Any]], **parts: Any) -> Lab:
    """A lab that starts on Monday 2026-01-05, 00:00 UTC; steps are per case unless they say otherwise."""
    demand = {"streams": streams, **parts.pop("demand", {})}
    return Lab.model_validate({
        "name": "micro", "title": "Micro", "synthetic": True, "timezone": "UTC", "holidays": "none",
        "demand": demand, "steps": [{"per": "case", **step} for step in steps], **parts,
    })  # fmt: skip


def serve(staff: Any = "bench", duration: Any = None, **more: Any) -> dict[str, Any]:
    """A step `serve` of one hour by the bench, unless something else is said."""
    return {"name": "serve", "staff": staff, "duration": duration or h(1), **more}


def start(lab: Lab, *, state: LabState | None = None, seed: int = 1, observer: Observer | None = None) -> LabModel:
    now_us = Timetable(lab).start_us if state is None else state.at_us
    return LabModel(lab, Environment(now_us), Streams(seed, lab.name), observer, initial=state, keeps_visits=True)


def go(model: LabModel, until_h: float) -> LabModel:
    """Run up to an hour after the start, and hold the run to the laws."""
    run_until(model.agenda.env, Timetable(model.lab).start_us + round(until_h * HOUR))
    check(model)
    return model


def run(lab: Lab, until_h: float = 1000) -> LabModel:
    return go(start(lab), until_h)


def station(model: LabModel, step: str = "serve") -> HandStation:
    found = model.stations[model.lab.step_index(step)]
    assert isinstance(found, HandStation)
    return found


def visits(model: LabModel, step: str = "serve") -> list[tuple[float, float, float]]:
    """Hour of coming, beginning and end of each visit, in order of coming, then of beginning."""
    record = station(model, step).visits
    assert record is not None
    start_us = Timetable(model.lab).start_us
    columns = (record.arrived_us, record.started_us, record.ended_us)
    return sorted(zip(*([(int(at) - start_us) / HOUR for at in column] for column in columns), strict=True))


def begins(model: LabModel, step: str = "serve") -> list[float]:
    return [begun for _, begun, _ in visits(model, step)]


def ends(model: LabModel, step: str = "serve") -> list[float]:
    return [ended for _, _, ended in visits(model, step)]


def busy_h(model: LabModel, group: str) -> float:
    """Hours of work within the hours present."""
    model.marks()
    return model.pools[group].busy_us / HOUR


def gate(model: LabModel, step: str = "serve") -> tuple[int, int, int]:
    """How many came, were refused and gave up at a step."""
    door = station(model, step).gate
    assert door is not None
    return door.came, door.refused, door.gave_up
