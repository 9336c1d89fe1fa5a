"""Values that depend on what an item is: one value for all, or rules of which the first that fits is taken."""

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from twin.lab.base import Condition, Part, fits

T = TypeVar("T")


class Rule(Part, Generic[T]):
    """A value, and the items it holds for."""

    when: Condition = {}
    give: T


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

    def of(self, attributes: Mapping[str, str]) -> T:
        """Return the value for an item with these attributes."""
        return next(rule.give for rule in self.rules if fits(rule.when, attributes))

    def values(self) -> Iterator[T]:
        """Yield every value that may be given."""
        return (rule.give for rule in self.rules)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe what a user writes: the value itself, or the list of rules."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        rules = schema["properties"]["rules"]
        rule = handler.resolve_ref_schema(rules["items"])
        return {"anyOf": [rule["properties"]["give"], {**rules, "minItems": 1}]}
