"""Values that depend on what an item is: one value for all, or rules of which the first that fits is taken."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from twin.lab.base import Condition, Part, fits

T = TypeVar("T")


class Rule(Part, Generic[T]):
    """A value, and the items it holds for."""

    when: Condition = Field(default={})
    """Attributes and the value, or values, that fit; all must fit. The last rule has none."""
    give: T
    """The value."""


class Ruled(BaseModel, Generic[T]):
    """One value, written as it is, or a list of `{when, give}` whose last entry has no `when`."""

    model_config = ConfigDict(frozen=True)
    rules: tuple[Rule[T], ...]

    @model_validator(mode="before")
    @classmethod
    def _as_rules(cls, value: Any) -> Any:
        if isinstance(value, Ruled):
            return {"rules": value.rules}
        if isinstance(value, dict) and set(value) == {"rules"}:
            return value
        if isinstance(value, list | tuple):
            return {"rules": value}
        return {"rules": [{"give": value}]}

    @model_validator(mode="after")
    def _ends_open(self) -> "Ruled[T]":
        if not self.rules or self.rules[-1].when:
            raise ValueError("expected the last rule to have no `when`, so that there is a value for everything")
        if any(not rule.when for rule in self.rules[:-1]):
            raise ValueError("expected every rule but the last to have a `when`")
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> Any:
        """Give what a user would write: the value where there is one for all."""
        rules = handler(self)["rules"]
        return rules if len(rules) > 1 else rules[0]["give"]

    def of(self, attributes: Mapping[str, str]) -> T:
        """Return the value for an item with these attributes."""
        return next(rule.give for rule in self.rules if fits(rule.when, attributes))

    def values(self) -> Iterator[T]:
        """Yield every value that may be given."""
        return (rule.give for rule in self.rules)

    def written(self) -> Iterator[tuple[tuple[str | int, ...], T]]:
        """Yield every value and where it is written from here on: the only one stands alone."""
        for number, rule in enumerate(self.rules):
            yield ((number, "give") if len(self.rules) > 1 else ()), rule.give

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe what a user writes: the value itself, or the list of rules."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        rules = schema["properties"]["rules"]
        rule = handler.resolve_ref_schema(rules["items"])
        return {"anyOf": [rule["properties"]["give"], {**rules, "minItems": 1}]}
