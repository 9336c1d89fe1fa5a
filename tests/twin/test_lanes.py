"""The quick ways through the stations give what the stations give: the same run, bit for bit."""

from pathlib import Path

import pytest
from simpy import Environment

import twin.building
from tests.twin.micro import MONDAY_US
from twin.calendars import Timetable
from twin.lab import Lab, load_lab
from twin.model import LabModel
from twin.observe import Observer
from twin.simulate import replicate, run_and_measure
from twin.variates import Streams

LABS = Path(__file__).parents[2] / "data" / "labs"
NAMES = ("large", "specialist", "addenbrookes-as-shipped")


def _measures(lab: Lab, observer: Observer | None = None) -> dict[str, float]:
    timetable = Timetable(lab)
    env = Environment(timetable.start_us)
    streams = Streams(20261122, lab.name)
    model = LabModel(lab, env, streams, observer, timetable=timetable, keeps_visits=True)
    return run_and_measure(model, weeks=2, warm_up_weeks=0)


@pytest.mark.parametrize("name", NAMES)
def test_the_quick_ways_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = load_lab(LABS / f"{name}.yaml")
    quick = _measures(lab)
    monkeypatch.setattr(twin.building, "lanes", lambda *_: None)
    assert _measures(lab) == quick
    assert quick["finished"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_who_listens_changes_nothing(name: str) -> None:
    lab = load_lab(LABS / f"{name}.yaml")
    assert _measures(lab, Observer()) == _measures(lab)


def test_several_laboratories_in_one_run_do_as_each_does_alone() -> None:
    labs = [load_lab(LABS / f"{name}.yaml") for name in ("small", "specialist")]
    env = Environment(MONDAY_US)
    models = [LabModel(lab, env, Streams(7, lab.name), keeps_visits=True) for lab in labs]
    together = run_and_measure(models[0], weeks=2, warm_up_weeks=0)
    alone = replicate(labs[0], Streams(7, "small"), weeks=2, warm_up_weeks=0, start_us=MONDAY_US)
    assert together == alone
    assert models[1].record.received > 0
