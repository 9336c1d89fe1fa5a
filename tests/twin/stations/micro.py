"""Labs of one or two steps whose every moment can be worked out by hand, told in whole seconds from the start."""

from collections.abc import Mapping, Sequence
from typing import Any

from simpy import Environment

from twin.calendars import Timetable
from twin.distributions import SECOND
from twin.engine.agenda import run_until
from twin.items import Case, Item
from twin.lab import Lab
from twin.model import LabModel
from twin.observe import Observer
from twin.snapshot import LabState
from twin.variates import Streams

Step = Mapping[str, Any]


def seconds(value: float) -> dict[str, Any]:
    return {"kind": "constant", "value": value, "unit": "s"}


def people(**groups: int) -> dict[str, Any]:
    return {name: {"people": number} for name, number in groups.items()}


def arrivals(*moments: float, **stream: Any) -> dict[str, Any]:
    """Cases that come so many seconds after the start."""
    return {"at": list(moments), "unit": "s", **stream}


def classes(**moments: Sequence[float]) -> list[dict[str, Any]]:
    """One stream of arrivals for each priority class."""
    return [arrivals(*at, name=name, priorities={name: 1}) for name, at in moments.items()]


def lab(*steps: Step, streams: Sequence[Mapping[str, Any]], **parts: Any) -> Lab:
    """A lab whose run starts at midnight, Monday 2026-01-05 UTC."""
    demand = {"streams": streams, **parts.pop("demand", {})}
    return Lab.model_validate({
        "name": "micro", "title": "Micro", "synthetic": True, "timezone": "UTC", "holidays": "none",
        "demand": demand, "steps": steps, **parts,
    })  # fmt: skip


class Diary(Observer):
    """Notes what it hears as (second, what, who), cases by the number in their order of coming."""

    def __init__(self, lab: Lab) -> None:
        self._start_us = Timetable(lab).start_us
        self.lines: list[tuple[float, str, str]] = []

    def step_started(self, work: Item, step: str, unit: int, t: int) -> None:
        self._note(t, f"{step} {unit} starts", [work])

    def step_completed(self, work: Item, step: str, unit: int, t: int, _children: Sequence[Item]) -> None:
        self._note(t, f"{step} {unit} ends", [work])

    def run_started(self, machine: str, unit: int, items: Sequence[Item], _step: str, t: int) -> None:
        self._note(t, f"{machine} {unit} starts", items)

    def run_completed(self, machine: str, unit: int, items: Sequence[Item], _step: str, t: int) -> None:
        self._note(t, f"{machine} {unit} ends", items)

    def run_unloaded(self, machine: str, unit: int, items: Sequence[Item], _step: str, t: int) -> None:
        self._note(t, f"{machine} {unit} unloaded", items)

    def case_authorised(self, case: Case, t: int) -> None:
        self._note(t, "out", [case])

    def _note(self, t: int, what: str, items: Sequence[Item]) -> None:
        who = " ".join(str(item.case.number) for item in items)
        self.lines.append(((t - self._start_us) / SECOND, what, who))

    def of(self, *words: str) -> list[tuple[float, str, str]]:
        """What was noted that has one of these words in it."""
        return [line for line in self.lines if any(word in line[1].split() for word in words)]


def start(lab: Lab, observer: Observer | None = None, *, state: LabState | None = None, seed: int = 1) -> LabModel:
    now_us = Timetable(lab).start_us if state is None else state.at_us
    streams = Streams(seed, lab.name)
    return LabModel(lab, Environment(now_us), streams, observer, initial=state, keeps_visits=True)


def run(model: LabModel, until_s: float) -> LabModel:
    """Run up to and without a second after the start of the lab's own run."""
    run_until(model.agenda.env, Timetable(model.lab).start_us + round(until_s * SECOND))
    return model


def visits(model: LabModel, step: str) -> list[tuple[float, float, float]]:
    """Arrival, start and end of each visit to a step in seconds, in order of arrival, then start."""
    station = model.stations[model.lab.step_index(step)]
    start_us = Timetable(model.lab).start_us
    assert station.visits is not None
    columns = (station.visits.arrived_us, station.visits.started_us, station.visits.ended_us)
    rows = zip(*([(int(moment) - start_us) / SECOND for moment in column] for column in columns), strict=True)
    return sorted(rows)


def starts(model: LabModel, step: str) -> list[float]:
    return [started for _, started, _ in visits(model, step)]


def diary(lab: Lab, until_s: float) -> Diary:
    """Run a lab and return what was heard."""
    heard = Diary(lab)
    run(start(lab, heard), until_s)
    return heard
