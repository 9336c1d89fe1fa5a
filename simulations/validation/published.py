"""A published model of a whole department, said as a lab file, against what its authors' program yields."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from simulations.validation.oracle import Length
from simulations.validation.running import HOURS_A_WEEK, Runs, System
from simulations.validation.verdicts import Verdict, judge_agreement
from twin.lab import load_lab
from twin.statistics import t_975

FIGURES = Path(__file__).with_name("published.yaml")
LABS = Path(__file__).parents[2] / "data" / "labs"
RUNS, LONG_RUNS = 20, 100


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Part):
    """A mean over runs and half of its 95 % interval."""

    mean: float
    half_width: float = Field(gt=0)


class FigureSet(_Part):
    """Figures from one source, by the names of our measures."""

    id: str
    what: str
    source: str
    runs: int = Field(ge=2)
    figures: dict[str, Figure]


class Published(_Part):
    """Which lab file says the published model, and what it should yield."""

    lab: str
    sets: tuple[FigureSet, ...]


@cache
def published() -> Published:
    """Return the published figures that ours are compared with."""
    return Published.model_validate(yaml.safe_load(FIGURES.read_text(encoding="utf-8")))


def published_system(*, long: bool) -> System:
    """Return the published lab, run as its file says; more often in the long set."""
    path = LABS / f"{published().lab}.yaml"
    run = load_lab(path).run
    runs = LONG_RUNS if long else RUNS
    return System(path, Length(run.weeks * HOURS_A_WEEK, run.warm_up_weeks * HOURS_A_WEEK, runs))


def judge_published(figures: FigureSet, runs: Runs) -> Iterator[Verdict]:
    """Compare our runs with the figures of one source."""
    for name, figure in figures.figures.items():
        error = figure.half_width / t_975(figures.runs - 1)
        values = [kpis.get(name, float("nan")) for kpis in runs.kpis]
        head = (figures.id, figures.what, name)
        yield judge_agreement(head, values, figure.mean, error)
