"""Who works in a lab and which machines stand there."""

from typing import Literal, Self

from pydantic import Field, model_validator

from twin.distributions import Duration
from twin.lab.base import DAYS, WEEKDAYS, ClockTime, Day, Name, Part


class Shift(Part):
    """So many people present between two local times; past midnight when `to` is not after `from`."""

    days: tuple[Day, ...] = WEEKDAYS
    """The days it begins on."""
    start: ClockTime = Field(alias="from")
    """When it begins, local time."""
    end: ClockTime = Field(alias="to")
    """When it ends, local time; 24:00 is the end of the day."""
    people: int = Field(ge=1)
    """How many are there."""
    holidays: bool = False
    """Whether it is worked on public holidays too."""


class Pause(Part):
    """So many people away between two local times, or everybody when `people` is left out."""

    days: tuple[Day, ...] = DAYS
    """The days it begins on."""
    start: ClockTime = Field(alias="from")
    """When they leave, local time."""
    end: ClockTime = Field(alias="to")
    """When they are back, local time."""
    people: int | None = Field(default=None, ge=1)
    """How many are away; left out: everybody."""


class StaffGroup(Part):
    """People who stand in for each other, present in shifts or, with `people`, at all hours."""

    shifts: tuple[Shift, ...] = ()
    """When they are there; those of several shifts at once add up."""
    pauses: tuple[Pause, ...] = ()
    """When some of them are away from their shifts."""
    people: int | None = Field(default=None, ge=1)
    """How many are there at all hours, instead of shifts."""
    skills: tuple[Name, ...] = ()
    """What they can do: a step may name a skill, and is then served by any group that has it, in the file's order."""
    at_shift_end: Literal["finish", "pause", "hand_over"] = "finish"
    """Work under way when its shift ends is finished, set aside until somebody is there, or taken on by the next."""
    preempts: bool = False
    """Whether work of a more urgent class interrupts less urgent work."""
    interrupted_work: Literal["resume", "restart", "resample"] = "resume"
    """Whether interrupted work goes on where it was, starts again, or starts again with a time drawn anew."""
    serves: Literal["first_come", "last_come", "all_at_once"] = "first_come"
    """Who is served first within a class; all_at_once: the people are shared equally among all who are there."""

    @model_validator(mode="after")
    def _present(self) -> Self:
        if bool(self.shifts) == (self.people is not None):
            raise ValueError("expected either shifts or people")
        if self.pauses and not self.shifts:
            raise ValueError("pauses go with shifts")
        if self.serves != "first_come" and (self.preempts or self.at_shift_end != "finish"):
            raise ValueError(f"a group that serves {self.serves} neither preempts nor hands over")
        if self.serves != "first_come" and self.skills:
            raise ValueError(f"a group that serves {self.serves} has no skills: those are asked for in order of coming")
        return self

    @property
    def is_interruptible(self) -> bool:
        """Whether work of this group may be stopped before it is done."""
        return self.preempts or self.at_shift_end != "finish"


class Failures(Part):
    """How often a machine breaks down, in calendar hours of a working machine, and how long it is away."""

    mean_hours_between: float = Field(gt=0)
    """Mean hours that a machine works between repair and breakdown, exponential."""
    repair: Duration
    """How long it is away."""


class MachineGroup(Part):
    """Machines or benches that stand in for each other."""

    count: int = Field(ge=1)
    """How many there are."""
    failures: Failures | None = None
    """How they break down; left out: never."""
