"""What goes wrong at real wires, by chance but on purpose: a misread label, an event sent twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

MISREAD = 0.01
"""Share of scans misread. Assumed; the only published rate found is about 5 % for 2D codes in a museum's pilot."""
SENT_TWICE = 0.002
"""Share of events sent twice. Assumed: at-least-once delivery seen now and then."""

Thing = TypeVar("Thing")


class Mischief:
    """Decides what goes wrong."""

    def __init__(self, luck: np.random.Generator) -> None:
        self._luck = luck

    def read(self, barcode: str) -> bytes:
        """Return what a reader makes of a label: nearly always the label, else the end of it lost."""
        if self._luck.random() < MISREAD:
            return barcode[: int(self._luck.integers(1, len(barcode) - 1))].encode()
        return barcode.encode()

    def sent_twice(self, entries: Sequence[Thing]) -> list[Thing]:
        """Return those that a careless instrument sends again."""
        return [entry for entry in entries if self._luck.random() < SENT_TWICE]
