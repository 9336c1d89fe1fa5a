"""Sentences about what is wrong with a database: few of each kind, the rest counted. Looks for nothing itself."""

from __future__ import annotations

SHOWN = 5


class Faults:
    """What checks have found so far, by kind."""

    def __init__(self) -> None:
        self._by_kind: dict[str, list[str]] = {}
        self._more: dict[str, int] = {}

    def add(self, kind: str, sentence: str) -> None:
        """Take note of one."""
        told = self._by_kind.setdefault(kind, [])
        if len(told) < SHOWN:
            told.append(sentence)
        else:
            self._more[kind] = self._more.get(kind, 0) + 1

    def sentences(self) -> list[str]:
        """Return what to tell."""
        told: list[str] = []
        for kind, some in self._by_kind.items():
            told += some
            if more := self._more.get(kind):
                told.append(f"There are {more} more such rows ({kind}).")
        return told
