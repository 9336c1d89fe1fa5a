"""A laboratory as data: everything a lab file says, in one value. No behaviour lives here."""

from datetime import date
from typing import Literal, Self

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
    subdivision: str | None = "ENG"

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
    weeks: float = Field(default=10, gt=0)
    warm_up_weeks: float = Field(default=3, ge=0)
    replications: int = Field(default=10, ge=1)
    state_shares: tuple[Name, ...] = ()


class Lab(Part):
    """A histology laboratory."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str
    synthetic: bool
    assumptions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    timezone: str = "Europe/London"
    holidays: Holidays | Literal["none"] = Holidays()
    accession_prefix: str = Field(default="S", pattern=r"^[A-Z0-9]{1,6}$")
    priorities: tuple[Name, ...] = Field(default=PRIORITIES, min_length=1)
    attributes: tuple[Attribute, ...] = ()
    demand: Demand
    staff: dict[Name, StaffGroup] = {}
    machines: dict[Name, MachineGroup] = {}
    steps: tuple[Step, ...] = Field(min_length=1)
    rework: tuple[Rework, ...] = ()
    initial: tuple[Initial, ...] = ()
    lab_tat_ends: str | None = None
    run: Run = Run()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        mistakes = tuple(contradictions(self))
        if mistakes:
            raise Contradictory(mistakes)
        return self

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
