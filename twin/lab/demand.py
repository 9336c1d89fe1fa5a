"""What comes into a lab, when, and what is in it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from twin.distributions import Count, Duration, Unit
from twin.lab.base import DAYS, Day, Name, Part, Share, Weights, Word
from twin.lab.ruled import Ruled

ONE = Ruled[Count].model_validate(1)


class Attribute(Part):
    """Something that tells items apart, drawn by weight when the item comes to be, and inherited by its parts."""

    name: Name
    """What conditions call it."""
    of: Literal["case", "specimen", "block"]
    """What it is drawn for; a block's is drawn when its specimen is planned."""
    values: Ruled[Weights]
    """Each value and its weight; of rules, the first whose `when` fits."""


class Profile(Part):
    """When cases come: 24 relative hourly weights for each day, local time; a public holiday is like a Sunday."""

    mon: tuple[float, ...]
    """The weights of Monday, from midnight on."""
    tue: tuple[float, ...]
    """The weights of Tuesday, from midnight on."""
    wed: tuple[float, ...]
    """The weights of Wednesday, from midnight on."""
    thu: tuple[float, ...]
    """The weights of Thursday, from midnight on."""
    fri: tuple[float, ...]
    """The weights of Friday, from midnight on."""
    sat: tuple[float, ...]
    """The weights of Saturday, from midnight on."""
    sun: tuple[float, ...]
    """The weights of Sunday and of every public holiday, from midnight on."""

    @model_validator(mode="after")
    def _whole_week(self) -> Self:
        for day in DAYS:
            if len(self.hours(day)) != 24 or min(self.hours(day)) < 0:
                raise ValueError(f"{day} needs 24 weights, none negative")
        if self.total() <= 0:
            raise ValueError("the week needs at least one hour with a weight above zero")
        return self

    def hours(self, day: Day) -> tuple[float, ...]:
        """Return the 24 weights of a day."""
        hours: tuple[float, ...] = getattr(self, day)
        return hours

    def total(self) -> float:
        """Return the sum of the week's weights."""
        return sum(sum(self.hours(day)) for day in DAYS)


class Stream(Part):
    """Cases from one source: a Poisson stream along a weekly profile, a renewal stream, or a list of moments."""

    name: Name = "requests"
    """What conditions call it, as the attribute `stream`."""
    cases_per_week: float | None = Field(default=None, ge=0)
    """Bundles in an ordinary week on average, as a Poisson stream; or else `every` or `at`."""
    profile: Profile | None = None
    """When in the week they come; left out: evenly over all hours."""
    every: Duration | None = None
    """The gap from one arrival to the next; the first comes after the first gap."""
    at: tuple[Share, ...] | None = None
    """The moments of all arrivals, counted from the start of the run in `unit`."""
    unit: Unit = "h"
    """The unit of `at`: s, min, h or d."""
    size: Count = Count.model_validate(1)
    """How many cases come together."""
    priorities: Annotated[dict[str, Share], Field(min_length=1)] | None = None
    """The priority classes of its cases and their weights; left out: all are of the last class."""
    attributes: dict[Name, Word] = Field(default={})
    """Attributes that all its cases have."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in ("cases_per_week", "every", "at") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise ValueError("expected exactly one of cases_per_week, every and at")
        if self.profile is not None and self.cases_per_week is None:
            raise ValueError("a profile goes with cases_per_week")
        if self.priorities is not None and sum(self.priorities.values()) <= 0:
            raise ValueError("priorities: the weights must not all be zero")
        return self


class Demand(Part):
    """All streams of cases, and how many parts each case has."""

    streams: tuple[Stream, ...]
    """Where cases come from; none at all is a lab that only works off what is there at the start."""
    specimens_per_case: Ruled[Count] = ONE
    """How many specimens a case has, at least one."""
    blocks_per_specimen: Ruled[Count] = ONE
    """How many blocks cut-up makes of a specimen; there may be none."""
    slides_per_block: Ruled[Count] = ONE
    """How many slides microtomy first makes of a block, at least one."""

    @property
    def cases_per_week(self) -> float:
        """The cases of an ordinary week of all streams that follow a profile; bundles count with their mean size."""
        return sum((stream.cases_per_week or 0.0) * stream.size.mean() for stream in self.streams)
