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
    of: Literal["case", "specimen", "block"]
    values: Ruled[Weights]


class Profile(Part):
    """When cases come: 24 relative hourly weights for each day, local time; a public holiday is like a Sunday."""

    mon: tuple[float, ...]
    tue: tuple[float, ...]
    wed: tuple[float, ...]
    thu: tuple[float, ...]
    fri: tuple[float, ...]
    sat: tuple[float, ...]
    sun: tuple[float, ...]

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
    cases_per_week: float | None = Field(default=None, ge=0)
    profile: Profile | None = None
    every: Duration | None = None
    at: tuple[Share, ...] | None = None
    unit: Unit = "h"
    size: Count = Count.model_validate(1)
    priorities: Annotated[dict[str, Share], Field(min_length=1)] | None = None
    attributes: dict[Name, Word] = {}

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
    specimens_per_case: Ruled[Count] = ONE
    blocks_per_specimen: Ruled[Count] = ONE
    slides_per_block: Ruled[Count] = ONE

    @property
    def cases_per_week(self) -> float:
        """The cases of an ordinary week of all streams that follow a profile; bundles count with their mean size."""
        return sum((stream.cases_per_week or 0.0) * stream.size.mean() for stream in self.streams)
