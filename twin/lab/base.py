"""The words that every part of a lab file is made of: days, clock times, levels, names. No part of a lab itself."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAYS: tuple[Day, ...] = DAYS[:5]

Level = Literal["case", "specimen", "block", "slide"]
LEVELS: tuple[Level, ...] = ("case", "specimen", "block", "slide")
"""What a step works on, from coarse to fine."""

PRIORITIES = ("urgent", "cancer", "routine")
"""The classes of case in the order they are served, unless a file names others."""

Work = Literal["recut", "levels", "special_stain", "ihc", "re_embed"]
"""What a pathologist may ask for."""

OUT = "out"
LEAVE = "leave"
WAIT_BEFORE = "wait_before"
"""Words that stand where a step's name may stand."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Share = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """Any part of a lab file: unknown keys are mistakes, and nothing changes once read.

    The docstring under each field is its description in the JSON Schema, the reference of lab files.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def _minutes(value: object) -> object:
    """Read "17:30" as minutes since midnight; YAML 1.1 already reads an unquoted 17:30 as 1050."""
    if isinstance(value, str):
        hours, colon, minutes = value.partition(":")
        if not (colon and hours.isdigit() and minutes.isdigit() and len(minutes) == 2 and int(minutes) < 60):
            raise ValueError("expected a local time such as 08:30")
        return int(hours) * 60 + int(minutes)
    return value


ClockTime = Annotated[
    int,
    Field(ge=0, le=24 * 60),
    BeforeValidator(_minutes),
    WithJsonSchema({"type": "string", "pattern": "^([01]?[0-9]|2[0-4]):[0-5][0-9]$"}),
]
"""A local wall-clock time, kept as minutes since midnight; 24:00 is the end of the day."""


def word(value: object) -> object:
    """Return a value of an attribute as text: YAML reads a bare yes as true and a bare 3 as a number."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else value


Word = Annotated[str, BeforeValidator(word)]


def _words(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Words = Annotated[
    tuple[Word, ...],
    Field(min_length=1),
    BeforeValidator(_words),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]

Condition = dict[Name, Words]
"""Attributes and the values that fit; all named attributes must fit. Empty: everything fits."""


def fits(condition: Condition, attributes: Mapping[str, str]) -> bool:
    """Tell whether an item with these attributes meets a condition; an attribute it does not have never fits."""
    return all(attributes.get(name) in values for name, values in condition.items())


def _weights(value: Any) -> Any:
    return {word(key): weight for key, weight in value.items()} if isinstance(value, dict) else value


Weights = Annotated[dict[str, Share], Field(min_length=1, title="Weights"), BeforeValidator(_weights)]
"""Values and how often each is drawn; only their proportions matter."""
