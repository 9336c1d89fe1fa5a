"""Who works in a lab and which machines stand there."""

from typing import Literal, Self

from pydantic import Field, model_validator

from twin.distributions import Duration
from twin.lab.base import DAYS, WEEKDAYS, ClockTime, Day, Name, Part


class Shift(Part):
    """So many people present between two local times; past midnight when `to` is not after `from`."""

    days: tuple[Day, ...] = WEEKDAYS
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    people: int = Field(ge=1)
    holidays: bool = False


class Pause(Part):
    """So many people away between two local times, or everybody when `people` is left out."""

    days: tuple[Day, ...] = DAYS
    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")
    people: int | None = Field(default=None, ge=1)


class StaffGroup(Part):
    """People who stand in for each other, present in shifts or, with `people`, at all hours."""

    shifts: tuple[Shift, ...] = ()
    pauses: tuple[Pause, ...] = ()
    people: int | None = Field(default=None, ge=1)
    skills: tuple[Name, ...] = ()
    at_shift_end: Literal["finish", "pause", "hand_over"] = "finish"
    preempts: bool = False
    interrupted_work: Literal["resume", "restart", "resample"] = "resume"
    serves: Literal["first_come", "last_come", "all_at_once"] = "first_come"

    @model_validator(mode="after")
    def _present(self) -> Self:
        if bool(self.shifts) == (self.people is not None):
            raise ValueError("expected either shifts or people")
        if self.pauses and not self.shifts:
            raise ValueError("pauses go with shifts")
        if self.serves != "first_come" and (self.preempts or self.at_shift_end != "finish"):
            raise ValueError(f"a group that serves {self.serves} neither preempts nor hands over")
        return self

    @property
    def is_interruptible(self) -> bool:
        """Whether work of this group may be stopped before it is done."""
        return self.preempts or self.at_shift_end != "finish"


class Failures(Part):
    """How often a machine breaks down, in calendar hours of a working machine, and how long it is away."""

    mean_hours_between: float = Field(gt=0)
    repair: Duration


class MachineGroup(Part):
    """Machines or benches that stand in for each other."""

    count: int = Field(ge=1)
    failures: Failures | None = None
