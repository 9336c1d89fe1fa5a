"""Kinds of item: every set of attributes that occurs gets a number, and what follows from it is worked out once.

A case, specimen or block carries only its kind. Where it goes, who serves it and how long that takes are looked up by
it. Knows no lab and no luck.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")

NEEDED = "needed:"
"""Prefix of the attribute that says whether an optional step is needed."""


class Kinds:
    """All sets of attributes seen so far, numbered in the order they appear."""

    __slots__ = ("_after", "_attributes", "_numbers")

    def __init__(self) -> None:
        self._attributes: list[dict[str, str]] = []
        self._numbers: dict[tuple[tuple[str, str], ...], int] = {}
        self._after: dict[tuple[int, str, str], int] = {}

    def __len__(self) -> int:
        return len(self._attributes)

    def of(self, attributes: Mapping[str, str]) -> int:
        """Return the kind with exactly these attributes."""
        key = tuple(sorted(attributes.items()))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._attributes)
            self._attributes.append(dict(key))
        return number

    def plus(self, kind: int, name: str, value: str) -> int:
        """Return the kind that differs from another in one attribute."""
        after = self._after.get((kind, name, value))
        if after is None:
            after = self._after[kind, name, value] = self.of({**self._attributes[kind], name: value})
        return after

    def attributes(self, kind: int) -> Mapping[str, str]:
        """Return the attributes of a kind."""
        return self._attributes[kind]


class ByKind(dict[int, T]):
    """What something means for each kind, worked out when a kind is first met."""

    __slots__ = ("_work_out",)

    def __init__(self, work_out: Callable[[int], T]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, kind: int) -> T:
        value = self[kind] = self._work_out(kind)
        return value
