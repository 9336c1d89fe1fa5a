"""Same seed, same result, bit for bit: in every process, on any number of cores, on every Python that is supported."""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from simpy import Environment

from tests.twin.micro import always, document
from twin.calendars import Timetable
from twin.lab import Lab, load_lab
from twin.model import LabModel
from twin.simulate import replicate, run_and_measure
from twin.variates import Streams

LABS = Path(__file__).parents[2] / "data" / "labs"
KNOWN = {
    "large": "96458b5cddd38105",
    "modern-small": "5f7ed0fa6edfa823",
    "addenbrookes-as-shipped": "680f09ff15237f9c",
}
"""What two weeks with seed 1 came to. A change of the engine that is meant to change results changes these with it."""


def fingerprint(name: str) -> str:
    """Return a hash of every moment of every case and visit of two weeks."""
    lab = load_lab(LABS / f"{name}.yaml")
    timetable = Timetable(lab)
    model = LabModel(lab, Environment(timetable.start_us), Streams(1, lab.name), timetable=timetable, keeps_visits=True)
    run_and_measure(model, weeks=2, warm_up_weeks=0)
    told = sha256()
    for column in (model.record.number, model.record.received_us, model.record.finished_us):
        told.update(np.asarray(column, dtype=np.int64).tobytes())
    for station in model.stations:
        if station.visits is not None:
            told.update(np.ascontiguousarray(station.visits.started_us).tobytes())
            told.update(np.ascontiguousarray(station.visits.ended_us).tobytes())
    return told.hexdigest()[:16]


@pytest.mark.parametrize("name", KNOWN)
def test_a_seed_gives_what_it_always_gave(name: str) -> None:
    assert fingerprint(name) == KNOWN[name]


def test_hashing_by_chance_plays_no_part() -> None:
    code = "import sys; from tests.twin.test_same_luck import fingerprint; print(fingerprint(sys.argv[1]))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code, "modern-small"], check=True, capture_output=True, text=True,
            cwd=LABS.parents[1], env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert told == {KNOWN["modern-small"]}


def test_the_number_of_processes_plays_no_part() -> None:
    lab = load_lab(LABS / "small.yaml")
    once = partial(replicate, lab, weeks=1, warm_up_weeks=0)
    luck = [Streams(5, lab.name, number) for number in range(3)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(once, luck)) == list(map(once, luck))


def two_steps(people: int) -> Lab:
    steps = [
        {"name": "reception", "per": "case", "staff": "hands", "duration": {"kind": "lognormal", "mean": 20, "cv": 1}},
        {"name": "reporting", "per": "case", "staff": "eyes", "duration": {"kind": "lognormal", "mean": 30, "cv": 1}},
    ]
    demand = {"streams": [{"cases_per_week": 300, "priorities": {"urgent": 1, "routine": 2}}]}
    return Lab.model_validate(document(staff={"hands": always(people), "eyes": always(2)}, steps=steps, demand=demand))


def test_one_more_person_at_one_step_leaves_the_luck_of_all_others_as_it_was() -> None:
    works: list[list[list[int]]] = []
    for people in (1, 2):
        model = LabModel(two_steps(people), Environment(0), Streams(3, "micro"), keeps_visits=True)
        run_and_measure(model, weeks=2, warm_up_weeks=0)
        visits = [station.visits for station in model.stations if station.visits is not None]
        works.append([list((each.ended_us - each.started_us)[np.argsort(each.started_us)][:300]) for each in visits])
        works[-1].append(list(np.sort(visits[0].arrived_us)[:300]))
    assert works[0] == works[1]
