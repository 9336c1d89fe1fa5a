"""The shipped laboratories work: each obeys the laws of every run, and those of today do what their files promise."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from simpy import Environment

from tests.twin.lab_parts import SHIPPED
from twin.calendars import Timetable
from twin.lab import Lab, load_lab
from twin.model import LabModel
from twin.simulate import replicate, run_and_measure
from twin.variates import Streams

LABS = Path(__file__).parents[2] / "data" / "labs"
MODERN = ("modern-small", "modern-medium", "modern-large")


@cache
def worked(name: str) -> tuple[LabModel, dict[str, float]]:
    """Return a lab after two weeks that fill it and one that is measured, and the measures; checked."""
    lab = load_lab(LABS / f"{name}.yaml")
    timetable = Timetable(lab)
    env = Environment(timetable.start_us)
    model = LabModel(lab, env, Streams(7, lab.name, 0), timetable=timetable, keeps_visits=True)
    return model, run_and_measure(model, weeks=1, warm_up_weeks=2)


def seen(model: LabModel, step: str, attribute: str) -> set[str]:
    """Return which values of an attribute the items had that came through a step."""
    visits = model.stations[model.lab.step_index(step)].visits
    assert visits is not None
    return {model.kinds.attributes(int(kind))[attribute] for kind in np.unique(visits.kind)}


@pytest.mark.parametrize("file", [file for file in SHIPPED if file.stem not in MODERN], ids=lambda file: file.stem)
def test_a_full_week_obeys_every_law(file: Path) -> None:
    lab = load_lab(file)
    assert replicate(lab, Streams(7, lab.name, 0), weeks=1, warm_up_weeks=1)["finished"] > 0


@pytest.mark.parametrize("name", MODERN)
class TestOfToday:
    def test_a_full_week_obeys_every_law_and_cases_are_finished_as_fast_as_they_come(self, name: str) -> None:
        _, found = worked(name)
        assert found["finished"] == pytest.approx(found["arrived"], rel=0.15)
        assert found["lost"] == 0

    def test_only_what_is_read_on_screen_is_scanned_and_only_glass_goes_on_the_round(self, name: str) -> None:
        model, _ = worked(name)
        assert seen(model, "scanning", "reporting") == {"screen"}
        assert seen(model, "porters_round", "reporting") == {"glass"}

    def test_each_kind_of_stain_has_its_stainer(self, name: str) -> None:
        model, _ = worked(name)
        assert seen(model, "immunostaining", "work") == {"ihc"}
        assert seen(model, "special_staining", "work") == {"special_stain"}
        assert seen(model, "staining", "work") == {"routine", "levels", "re_embed"}

    def test_the_more_urgent_is_out_sooner(self, name: str) -> None:
        _, found = worked(name)
        assert found["tat_mean_d.urgent"] < found["tat_mean_d.cancer"] < found["tat_mean_d.routine"]


@pytest.mark.parametrize(
    ("name", "blocks_a_case", "slides_a_block"),
    [("modern-large", 4.2, 4.0), ("modern-medium", 3.45, 6.27 / 3.45), ("modern-small", 2.32, 1.8)],
)
def test_as_many_blocks_and_slides_are_made_as_published(
    name: str, blocks_a_case: float, slides_a_block: float
) -> None:
    """The slides of later looks are among the published ones: each look asks anew with the same probabilities."""
    model, _ = worked(name)
    cases = list(plans(model, 12_000))
    blocks = sum(len(case) for case in cases)
    asked = sum(rule.probability * rule.slides.mean() for rule in model.lab.rework)
    later = asked / (1 - sum(rule.probability for rule in model.lab.rework)) * len(cases)
    assert blocks / len(cases) == pytest.approx(blocks_a_case, rel=0.05)
    assert (sum(map(sum, cases)) + later) / blocks == pytest.approx(slides_a_block, rel=0.05)


def plans(model: LabModel, cases: int) -> Iterator[list[int]]:
    """Yield for each of so many new cases the slides that are first made of each of its blocks."""
    lab: Lab = model.lab
    for stream in lab.demand.streams:
        make = model.maker.source(stream)
        share = (stream.cases_per_week or 0) * stream.size.mean() / lab.demand.cases_per_week
        for _ in range(round(cases * share)):
            yield [slides for specimen in make(model.started_us).specimens for _, slides in specimen.plan]


def test_what_the_program_flags_is_reported_sooner_than_what_it_clears() -> None:
    model, _ = worked("modern-large")
    visits = model.stations[model.lab.step_index("reporting")].visits
    assert visits is not None
    kinds = [model.kinds.attributes(int(kind)) for kind in visits.kind]
    waits = (visits.started_us - visits.arrived_us) / 3.6e9

    def mean_wait(program: str) -> float:
        chosen = [kind["program"] == program and kind["priority"] == "routine" for kind in kinds]
        return float(waits[chosen].mean())

    assert mean_wait("flagged") < 0.8 * mean_wait("clear")
