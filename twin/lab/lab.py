"""A laboratory as data: everything a lab file says, in one value. No behaviour lives here."""

from collections.abc import Callable
from datetime import date
from typing import Any, Literal, Self

import holidays
from pydantic import Field, model_validator

from twin.lab.base import PRIORITIES, Name, Part
from twin.lab.contradictions import Contradictory, contradictions
from twin.lab.demand import Attribute, Demand
from twin.lab.resources import MachineGroup, StaffGroup
from twin.lab.steps import Initial, Rework, Step


class Holidays(Part):
    """Public holidays by country and subdivision of the `holidays` library."""

    country: str = "GB"
    """The country's ISO 3166 code."""
    subdivision: str | None = "ENG"
    """The part of the country that has holidays of its own."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        try:
            holidays.country_holidays(self.country, subdiv=self.subdivision)
        except NotImplementedError as error:
            raise ValueError(str(error)) from error
        return self


class Run(Part):
    """How long a lab is simulated unless the question says otherwise; the run starts at local midnight."""

    start: date = date(2026, 1, 5)
    """The local date a run begins on."""
    weeks: float = Field(default=10, gt=0)
    """Weeks that are measured, after the warm-up."""
    warm_up_weeks: float = Field(default=3, ge=0)
    """Weeks before those, which fill the lab and count in no figure."""
    replications: int = Field(default=10, ge=1)
    """Independent runs."""
    state_shares: tuple[Name, ...] = ()
    """Steps of which to measure for what share of the time so many items are present."""


class Lab(Part):
    """A histology laboratory."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """A short name; the streams of luck are named after it."""
    title: str
    """What people read."""
    synthetic: bool
    """Whether its figures are made up or taken from publications, and describe no named laboratory's performance."""
    assumptions: tuple[str, ...] = ()
    """What was assumed where nothing is known, in sentences."""
    sources: tuple[str, ...] = ()
    """Where the figures come from."""
    timezone: str = "Europe/London"
    """The IANA zone of all local times."""
    holidays: Holidays | Literal["none"] = Holidays()
    """Whose public holidays are kept; none: no day is one."""
    accession_prefix: str = Field(default="S", pattern=r"^[A-Z0-9]{1,6}$")
    """What case numbers begin with."""
    priorities: tuple[Name, ...] = Field(default=PRIORITIES, min_length=1)
    """The priority classes in the order they are served."""
    attributes: tuple[Attribute, ...] = ()
    """What tells items apart beside their priority, drawn in this order."""
    demand: Demand
    """What comes in."""
    staff: dict[Name, StaffGroup] = Field(default={})
    """The groups of people by name."""
    machines: dict[Name, MachineGroup] = Field(default={})
    """The groups of machines and benches by name."""
    steps: tuple[Step, ...] = Field(min_length=1)
    """The pathway in order."""
    rework: tuple[Rework, ...] = ()
    """What the pathologist may ask for at each look, at the step `reporting`."""
    initial: tuple[Initial, ...] = ()
    """What is in the lab when a run starts."""
    lab_tat_ends: str | None = None
    """The step whose end ends the lab's part of the turnaround; left out: when `reporting` is first waited for."""
    run: Run = Run()
    """How long, and how often, `simulate` runs it unless told otherwise."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mistakes = tuple(contradictions(self))
        if mistakes:
            raise Contradictory(mistakes)
        return self

    def __reduce__(self) -> tuple[Callable[..., "Lab"], tuple[Any]]:
        """Go to another process as what its file says: rules of every type cannot be found there by name."""
        return Lab.model_validate, (self.model_dump(by_alias=True),)

    def step_index(self, name: str) -> int:
        """Return the place of a step in the order; KeyError when the lab has no such step."""
        for index, step in enumerate(self.steps):
            if step.name == name:
                return index
        raise KeyError(name)

    def groups_of(self, name: str) -> tuple[str, ...]:
        """Return the staff group of this name, or all groups that have this skill, in the file's order."""
        if name in self.staff:
            return (name,)
        return tuple(group for group, staff in self.staff.items() if name in staff.skills)
